"""A stage that was followed by more loss than it declared is the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace as replace_look
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from remediations.engine.apply import application
from remediations.engine.apply.look import Harm
from remediations.engine.apply.regression import UNSEEN, Severity, regressions
from remediations.engine.plan.plan import Impact, Stage
from remediations.engine.runs.records import RunState
from remediations.playbooks.chain.look import ChainLook
from tests.unit.run.fakes import Bench, FakeDriver, chain_at
from tests.unit.run.plans import command, plan, stage

POWER = "voting power"


def costs(before: int, after: int, number: int = 1) -> Stage:
    """A stage that declares this change of power."""
    impact = Impact(
        measure=POWER, before=before, worst=min(before, after), after=after, total=100, floor=0
    )
    return replace(stage(number, command(f"val{number}")), impacts=(impact,))


def found(declared: tuple[int, int], seen: tuple[int, int | None]) -> list[str]:
    before, after = seen
    levels = {} if after is None else {POWER: after}
    return list(regressions(costs(*declared), severity({POWER: before}), severity(levels)))


def severity(levels: Mapping[str, int], **harms: int) -> Severity:
    return Severity(levels, {name: harm(name, count) for name, count in harms.items()})


def harm(name: str, count: int) -> Harm:
    return Harm(name=name, count=count, says=f"{count} of it")


@pytest.mark.parametrize(
    ("declared", "seen"),
    [
        ((60, 100), (60, 100)),
        ((60, 100), (60, 60)),  # what was started is judged by the gate
        ((100, 60), (100, 60)),
        ((100, 60), (90, 50)),  # ten are in no look, before or after
        ((100, 100), (100, 100)),
        ((60, 0), (100, 0)),  # all are stopped; forty answered, and did not vote
        ((60, 60), (100, 60)),  # only those are stopped
    ],
)
def test_what_was_declared_is_no_regression(
    declared: tuple[int, int], seen: tuple[int, int]
) -> None:
    """Nor is anything better."""
    assert found(declared, seen) == []


@pytest.mark.parametrize(
    ("declared", "seen", "said"),
    [
        ((60, 100), (60, 50), "is 50 of 100, and was 60 before: the stage declared 60 → 100"),
        ((100, 60), (100, 50), "is 50 of 100, and was 100 before"),
        ((60, 60), (100, 50), "is 50 of 100, and was 100 before: the stage declared 60 → 60"),
        ((100, 100), (100, None), "cannot be seen any more, at least 100 was declared"),
    ],
)
def test_what_is_lost_beyond_that_is_one(
    declared: tuple[int, int], seen: tuple[int, int | None], said: str
) -> None:
    """With all numbers; a level that cannot be seen any more is not taken for a good one."""
    (sentence,) = found(declared, seen)
    assert said in sentence


def test_a_measure_that_no_look_shows_is_not_judged() -> None:
    """A domain may count what its looks do not see."""
    assert list(regressions(costs(60, 100), UNSEEN, UNSEEN)) == []
    assert list(regressions(costs(60, 100), UNSEEN, severity({POWER: 0}))) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"evidence": 0}, {"evidence": 0}, []),
        ({"evidence": 7}, {"evidence": 7}, []),
        ({"states": 2}, {"states": 1}, []),
        ({"evidence": 0}, {"evidence": 9}, ["evidence: 9 of it, which was not so before"]),
        ({"states": 1}, {"states": 2}, ["states: 2 of it, which was not so before"]),
        ({}, {"states": 2}, []),
        ({"states": 1}, {}, []),
    ],
)
def test_a_harm_may_not_grow(
    before: dict[str, int], after: dict[str, int], told: list[str]
) -> None:
    """Whatever the stage declares; one that a look does not show is not judged."""
    stood, stands = severity({POWER: 60}, **before), severity({POWER: 60}, **after)
    assert list(regressions(costs(60, 60), stood, stands)) == told


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_more_is_never_worse(before: int, after: int, was: int, now: int) -> None:
    """What is no regression stays none with one more."""
    if not found((before, after), (was, now)):
        assert not found((before, after), (was, now + 1))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.001)
    monkeypatch.setattr(application, "SETTLE_S", 0.05)


def test_the_next_stage_does_not_start(tmp_path: Path) -> None:
    """The receipt says what was lost, and what undoes what was done."""
    power = [60]
    driver = FakeDriver(on_launch=lambda _: power.__setitem__(0, 50))
    two = plan(costs(60, 100, 1), costs(100, 100, 2))
    bench = Bench(tmp_path, two, driver, sees=lambda: chain_at(11, online_power=power[0]))
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert driver.launched() == ["val1"]
    assert receipt.message.startswith("stage 1 was followed by more than it declared: voting power")
    assert "val1: stop it" in receipt.message


def test_after_a_harm_the_next_stage_does_not_start(tmp_path: Path) -> None:
    """Evidence that came meanwhile, though all power is there."""
    seen = [0]

    def sees() -> ChainLook:
        return replace_look(chain_at(11), harms=(harm("evidence", seen[0]),))

    driver = FakeDriver(on_launch=lambda _: seen.__setitem__(0, 11))
    bench = Bench(tmp_path, plan(costs(60, 60, 1), costs(60, 60, 2)), driver, sees=sees)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert "evidence: 11 of it" in receipt.message
    assert driver.launched() == ["val1"]


def test_one_bad_look_is_not_a_loss(tmp_path: Path) -> None:
    """A node that is slow to answer once is asked again."""
    looks = iter([60, 60, 50, 50, 60])
    driver = FakeDriver()
    two = plan(costs(60, 60, 1), costs(60, 60, 2))
    bench = Bench(tmp_path, two, driver, sees=lambda: chain_at(11, online_power=next(looks, 60)))
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert driver.launched() == ["val1", "val2"]


def test_what_is_lost_between_two_stages_is_seen(tmp_path: Path) -> None:
    """The look that ends a stage is the one before the next: three looks for three stages, and none
    of them begins from a loss."""
    looks = iter([60, 60, 50])
    driver = FakeDriver()
    three = plan(costs(60, 60, 1), costs(60, 60, 2), costs(60, 60, 3))
    bench = Bench(tmp_path, three, driver, sees=lambda: chain_at(11, online_power=next(looks, 50)))
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert receipt.message.startswith("stage 2 was followed by more than it declared: voting power")


def test_the_last_stage_is_judged_by_the_checks(tmp_path: Path) -> None:
    """Nothing follows it that could be held back."""
    power = [60]
    driver = FakeDriver(on_launch=lambda _: power.__setitem__(0, 50))
    bench = Bench(
        tmp_path, plan(costs(60, 100)), driver, sees=lambda: chain_at(11, online_power=power[0])
    )
    assert asyncio.run(bench.application.apply()).state is RunState.RUNNING
