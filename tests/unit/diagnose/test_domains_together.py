"""Several domains in one look: who is asked, what explains what, and what the worst amounts to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from msgspec import UNSET

from remediations.cli.conclusions import worst_exit_code
from remediations.engine.apply.look import Look
from remediations.engine.domain import AnyDomain, Domain
from remediations.engine.find.conclude import FAILED, UNREAD, conclude, explanations
from remediations.engine.find.finding import Finding, Health
from remediations.engine.find.render_text import finding_text
from remediations.engine.observe.observation import FailedSystem, Observation
from remediations.errors import ExitCode, UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.part import Part
from tests import worlds

SEEN = sealed(worlds.healthy())


def told(name: str, health: Health, causes: tuple[str, ...] = ()) -> Finding:
    return Finding(
        domain=name,
        verdict=health.value,
        health=health,
        headline="",
        explanation="",
        since=None,
        rows=(),
        noun="thing",
        measure="",
        subjects=(),
        tables=(),
        next_step="",
        playbook="",
        witnesses=(),
        evidence=(),
        causes=causes or UNSET,
    )


def domain(
    name: str,
    health: Health = Health.WELL,
    *,
    rests_on: tuple[str, ...] = (),
    causes: tuple[str, ...] = (),
    concerns: Callable[[Observation], bool] = lambda _seen: True,
    situation: Callable[[Observation, frozenset[str]], str] = lambda _seen, _only: "",
) -> AnyDomain:
    """A domain that concludes that."""
    return Domain(
        name=name,
        title=name,
        concerns=concerns,
        situation=situation,
        finding=lambda _: told(name, health, causes),
        detail=lambda _: Part(kind="toy.detail/1", value={}),
        facts=lambda _: (),
        invariants=(),
        levels=lambda _: (),
        baseline=lambda _situation, _proposal: (),
        resources=lambda _: (),
        actions=(),
        playbooks=(),
        watch=lambda _plan, _reach: _never,
        checks="",
        rests_on=rests_on,
    )


async def _never() -> Look:
    raise AssertionError


def shown(*domains: AnyDomain) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.name, one.explained_by) for one in conclude(domains, SEEN)]


def broken(_seen: Observation, _only: frozenset[str]) -> str:
    raise KeyError("no such host")


def test_what_explains_the_others_comes_first() -> None:
    """Directly or through others, whatever the names and the order of installation."""
    assert shown(
        domain("a-scoring", Health.DOWN, rests_on=("b-market",)),
        domain("b-market", Health.DOWN, rests_on=("chain",)),
        domain("chain", Health.DOWN),
    ) == [("chain", ()), ("b-market", ("chain",)), ("a-scoring", ("b-market", "chain"))]


@pytest.mark.parametrize("health", [Health.WELL, Health.UNKNOWN, Health.DEGRADED])
def test_only_what_is_down_explains(health: Health) -> None:
    """A chain that goes on without one node is not a reason for a market to stop."""
    found = shown(domain("chain", health), domain("market", Health.DOWN, rests_on=("chain",)))
    assert found == [("market", ()), ("chain", ())]


def test_what_is_well_needs_no_explanation() -> None:
    found = shown(domain("chain", Health.DOWN), domain("lamp", rests_on=("chain",)))
    assert found == [("chain", ()), ("lamp", ())]


def test_worst_comes_first_among_those_that_stand_alone() -> None:
    found = shown(
        domain("a"),
        domain("b", Health.UNKNOWN),
        domain("c", Health.DOWN),
        domain("d", Health.DEGRADED),
    )
    assert [name for name, _ in found] == ["c", "d", "b", "a"]


def test_domains_that_rest_on_each_other_are_shown_all_the_same() -> None:
    """Nobody checks what two packages say of each other."""
    found = shown(
        domain("a", Health.DOWN, rests_on=("b", "a")), domain("b", Health.DOWN, rests_on=("a",))
    )
    assert found == [("a", ("b",)), ("b", ("a",))]


def test_who_caused_it_explains_what_it_rests_on() -> None:
    """Services that answer differently split the chain on which they rest: they come first."""
    scoring = domain("scoring", Health.DEGRADED, rests_on=("chain",), causes=("chain", "scoring"))
    assert shown(domain("chain", Health.DOWN), scoring) == [
        ("scoring", ()),
        ("chain", ("scoring",)),
    ]
    assert shown(domain("chain"), scoring) == [("scoring", ()), ("chain", ())]
    healed = domain("scoring", rests_on=("chain",), causes=("chain",))
    assert shown(domain("chain", Health.DOWN), healed) == [("chain", ()), ("scoring", ())]


def test_what_is_to_be_resolved_before_a_finding() -> None:
    """Of all domains that are installed, only those that explain it."""
    scoring = domain("scoring", Health.DEGRADED, rests_on=("chain",), causes=("chain",))
    chain, lamp = domain("chain", Health.DOWN), domain("lamp", Health.DOWN)
    fails = domain("market", situation=broken)
    of_chain = explanations(chain, told("chain", Health.DOWN), (lamp, chain, scoring, fails), SEEN)
    assert [one.name for one in of_chain] == ["scoring"]
    of_lamp = explanations(lamp, told("lamp", Health.DOWN), (lamp, chain, scoring), SEEN)
    assert of_lamp == ()
    resting = domain("market", Health.DOWN, rests_on=("chain",))
    of_market = explanations(resting, told("market", Health.DOWN), (chain, resting, lamp), SEEN)
    assert [one.name for one in of_market] == ["chain"]


def test_domain_that_is_not_concerned_is_not_asked() -> None:
    away = domain("lamp", concerns=lambda _seen: False, situation=broken)
    assert shown(away, domain("chain")) == [("chain", ())]


def test_nobody_concerned_is_not_well() -> None:
    with pytest.raises(UsageError, match="nothing that was observed concerns lamp"):
        conclude([domain("lamp", concerns=lambda _seen: False)], SEEN)
    with pytest.raises(UsageError):
        conclude([], SEEN)


@pytest.mark.parametrize("where", ["situation", "concerns"])
def test_domain_that_fails_costs_its_own_finding_only(where: str) -> None:
    """It is unknown, which is not well; the other one is told as it is."""

    def fails(seen: Observation) -> bool:
        return bool(broken(seen, frozenset()))

    bad = domain("bad", situation=broken) if where == "situation" else domain("bad", concerns=fails)
    well, failed = sorted(conclude([bad, domain("lamp")], SEEN), key=lambda one: one.detail is None)
    assert well.finding.health is Health.WELL
    assert (failed.finding.verdict, failed.finding.health) == (FAILED, Health.UNKNOWN)
    assert "no such host" in failed.finding.explanation
    assert worst_exit_code([well.finding, failed.finding]) is ExitCode.UNREADABLE


def test_domain_that_fails_alone_says_how() -> None:
    """There is nothing that it could hide; the fault is told in full."""
    with pytest.raises(KeyError):
        conclude([domain("bad", situation=broken)], SEEN)


def test_system_that_failed_is_told_of_and_hides_nobody() -> None:
    """It is unknown, also where no domain is concerned without it."""
    failed = FailedSystem(name="lamp", kind="lamp.room/1", reason="KeyError: 'hall'")
    found = conclude([domain("chain")], SEEN, [failed])
    assert [(one.name, one.finding.verdict) for one in found] == [
        ("lamp", UNREAD),
        ("chain", "well"),
    ]
    assert "KeyError: 'hall'" in found[0].finding.explanation
    (alone,) = conclude([domain("lamp", concerns=lambda _seen: False)], SEEN, [failed])
    assert (alone.finding.verdict, alone.finding.health) == (UNREAD, Health.UNKNOWN)


@pytest.mark.parametrize(
    ("healths", "code"),
    [
        ((Health.WELL, Health.WELL), ExitCode.OK),
        ((Health.WELL, Health.UNKNOWN), ExitCode.UNREADABLE),
        ((Health.UNKNOWN, Health.DEGRADED), ExitCode.CHANGES_PENDING),
        ((Health.DOWN, Health.UNKNOWN, Health.WELL), ExitCode.CHANGES_PENDING),
    ],
)
def test_exit_code_is_that_of_the_worst(healths: tuple[Health, ...], code: ExitCode) -> None:
    assert worst_exit_code([told("x", health) for health in healths]) is code


def test_screen_names_what_explains() -> None:
    text = finding_text(
        told("market", Health.DOWN), width=80, colour=False, explained_by=("chain",)
    )
    assert "explained by  chain, above: resolve that first" in text
    assert "explained by" not in finding_text(told("x", Health.DOWN), width=80, colour=False)


@pytest.mark.parametrize("name", ["acme", "zeta"])
def test_who_takes_a_domain_over_concludes_with_it_once(name: str) -> None:
    """And what rests on that domain is still explained by it, wherever the copy's name stands."""
    chain = domain("chain", Health.DOWN)
    copy = dataclasses.replace(chain, name=name)
    market = domain("market", Health.DOWN, rests_on=("chain",))
    assert shown(copy, chain, market) == [("chain", ()), ("market", ("chain",))]
    assert shown(chain, market, copy) == [("chain", ()), ("market", ("chain",))]
