"""Every guard on the whole set passes, blocks and is unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.actions import RESTART
from remediations.playbooks.chain.guards.table import INVARIANTS
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import Session
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import Case, case_of, minority_down, missing, quorum_lost
from tests.worlds import healthy

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
Change = Callable[[Case], Case]


def found(**fields: object) -> Change:
    """The finding says something else."""
    return lambda case: with_(case, finding=replace(case.finding, **fields))


def on(host: str, how: Callable[[HostReading], HostReading]) -> Change:
    """One host reads otherwise."""
    return lambda case: with_(case, observation=worlds.change(case.observation, host, how))


def of_chain(network: str) -> Callable[[HostReading], HostReading]:
    """The node says that it is on another chain."""

    def how(reading: HostReading) -> HostReading:
        sample = reading.samples[-1]
        assert isinstance(sample.status, Known)
        status = worlds.known(replace(sample.status.value, network=network))
        return replace(reading, samples=(*reading.samples[:-1], replace(sample, status=status)))

    return how


def without_sudo(reading: HostReading) -> HostReading:
    """The operator account may do nothing there."""
    assert isinstance(reading.session, Known)
    session: Session = replace(reading.session.value, sudo=False)
    return replace(reading, session=worlds.known(session))


def nobody_answers(case: Case) -> Case:
    """No node's RPC answers."""
    hosts = tuple(replace(reading, samples=()) for reading in case.observation.hosts)
    return with_(case, observation=replace(case.observation, hosts=hosts))


def restarting(host: str) -> Change:
    """The proposal would restart a validator that signs."""

    def how(case: Case) -> Case:
        first, *rest = case.proposal.stages
        stage = with_(first, moves=(*first.moves, Move(RESTART, host)))
        return with_(case, proposal=with_(case.proposal, stages=(stage, *rest)))

    return how


TABLE: tuple[tuple[str, Outcome, str, Change], ...] = (
    ("W2", PASS, "two witnesses", found(witnesses=("val2", "val3"))),
    ("W2", BLOCK, "one witness", found(witnesses=("val2",))),
    ("W2", BLOCK, "no witness", found(witnesses=())),
    ("G3", BLOCK, "another chain", on("full1", of_chain("other-1"))),
    ("G3", UNKNOWN, "nobody answers", nobody_answers),
    ("G1", BLOCK, "a third is unseen", found(total_power=99, uncovered_power=33)),
    ("G1", PASS, "less than a third is unseen", found(total_power=100, uncovered_power=33)),
    ("G1", UNKNOWN, "no set", found(total_power=0)),
    ("G2", BLOCK, "one key on two hosts", lambda c: with_(
        c, observation=worlds.duplicated(c.observation, "val2", "standby1"))),
    ("G31", BLOCK, "the unseen can go on", found(uncovered_power=67)),
    ("G31", PASS, "two thirds are not enough", found(total_power=99, uncovered_power=66)),
    ("G31", UNKNOWN, "no set", found(total_power=0)),
    ("G29", PASS, "a node without power", restarting("full1")),
    ("G29", BLOCK, "30 of 100 of 90", restarting("val2")),
    ("G29", UNKNOWN, "no set", found(total_power=0)),
    ("G41", BLOCK, "no sudo", on("val4", without_sudo)),
    (
        "G41",
        BLOCK,
        "not reached",
        on("val4", lambda r: replace(r, session=worlds.unknown("timed out"))),
    ),
)  # fmt: skip


def judged(case: Case) -> dict[str, GuardResult]:
    """The results for the whole set, by guard."""
    return {g.id: g for g in case.judge() if not g.subject}


@pytest.mark.parametrize(
    ("guard", "outcome", "change"),
    [pytest.param(g, o, c, id=f"{g}-{o}-{why.replace(' ', '-')}") for g, o, why, c in TABLE],
)
def test_guard_outcome(guard: str, outcome: Outcome, change: Change) -> None:
    """One change gives exactly this outcome, with what was got and what to do."""
    result = judged(change(case_of(minority_down())))[guard]
    assert result.outcome is outcome
    assert result.got
    assert result.expected
    assert result.next_step


@pytest.mark.parametrize("make", [minority_down, quorum_lost])
def test_all_pass_in_the_plain_cases(make: Callable[[], CometReading]) -> None:
    """A validator that was stopped, and nothing else, may be started."""
    assert {result.outcome for result in judged(case_of(make())).values()} == {PASS}


def test_every_guard_is_judged_in_a_halt() -> None:
    """Whether the start is enough, and whether it can sign, is asked only in a halt; whether
    settings come first (N5) only where a start counts on it."""
    assert len(judged(case_of(quorum_lost()))) == len(INVARIANTS) - 1
    assert set(judged(case_of(quorum_lost()))) - set(judged(case_of(minority_down()))) == {
        "G1b",
        "G46",
    }


def test_start_that_is_not_enough_blocks() -> None:
    """Starting 10 of the 50 that are missing leaves the chain halted, and names what is left."""
    world = worlds.sign_state_missing(missing(healthy(), "val1", "val4"), "val1")
    result = judged(case_of(world))["G1b"]
    assert result.outcome is BLOCK
    assert result.got.startswith("60 of 100 after the start")
    assert "val1 (40, sign-state-lost)" in result.got
    assert "val1" in result.next_step


def test_limit_that_leaves_too_little_blocks() -> None:
    """A narrower --limit does not make a useless start pass."""
    case = case_of(missing(healthy(), "val1", "val4"), only=["val4"])
    assert judged(case)["G1b"].outcome is BLOCK


def test_exactly_two_thirds_is_not_enough() -> None:
    """Quorum is strictly more than two thirds, by power."""
    world = worlds.key_missing(missing(healthy((3, 3, 3)), "val1", "val2"), "val2")
    result = judged(case_of(world))["G1b"]
    assert result.got.startswith("6 of 9")
    assert result.outcome is BLOCK
