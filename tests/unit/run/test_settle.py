"""What became of steps whose end nobody saw: asked of their targets, never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from remediations.engine.apply import carry_out, settle
from remediations.engine.apply.carry_out import Ending
from remediations.engine.apply.driver import ProbeResult, StepId
from remediations.engine.apply.settle import StopOutcome, ask_running, stop_steps
from remediations.engine.plan.plan import Step, plan_digest
from tests.unit.run.fakes import (
    DONE,
    NOT_STARTED,
    RUNNING,
    UNKNOWN,
    VOIDED,
    FakeDriver,
    Scene,
    failed,
    lost,
)
from tests.unit.run.plans import command, plan, stage

PLAN = plan(stage(1, command("val1"), command("val2"), command("val3")))
DIGEST = plan_digest(PLAN)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (carry_out, settle):
        monkeypatch.setattr(module, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(settle, "ASK_S", 0.01)
    monkeypatch.setattr(carry_out, "GRACE_S", 0.01)


def settled(driver: FakeDriver) -> Mapping[str, Ending | None]:
    return asyncio.run(settle.settle(DIGEST, PLAN.steps[:1], {"host": driver}, ()))


def test_a_step_that_never_started_is_left_open() -> None:
    """It is not voided: the run goes on, and launches it."""
    driver = FakeDriver({"val1": [lost(), NOT_STARTED]})
    assert settled(driver) == {"1-0": None}
    assert driver.calls == ["probe val1", "probe val1"]


@pytest.mark.parametrize(
    ("scenes", "holds", "state"),
    [
        ([DONE], False, "done"),
        ([failed(1, "no")], True, "failed"),
        ([RUNNING, RUNNING, DONE], False, "done"),
        ([VOIDED], True, "failed"),
        ([UNKNOWN], True, "done"),
        ([UNKNOWN], False, "failed"),
        ([lost()], True, "unknown"),
    ],
)
def test_the_record_of_the_target_decides(scenes: list[Scene], holds: bool, state: str) -> None:
    """One that runs is followed to its end; a claim without a result is judged by its effect."""
    last = scenes[-1]
    driver = FakeDriver({"val1": scenes}, voids={"val1": last}, holds=holds)
    ending = settled(driver)["1-0"]
    assert ending is not None
    assert ending.state == state
    assert driver.launched() == []


@pytest.mark.parametrize(
    ("void", "holds", "outcome"),
    [
        (VOIDED, False, StopOutcome.VOIDED),
        (DONE, False, StopOutcome.FINISHED),
        (failed(1, "no"), True, StopOutcome.FAILED),
        (UNKNOWN, True, StopOutcome.FINISHED),
        (UNKNOWN, False, StopOutcome.FAILED),
        (RUNNING, False, StopOutcome.RUNNING),
        (lost(), True, StopOutcome.SILENT),
    ],
)
def test_a_stop_has_a_receipt_for_each_step(void: Scene, holds: bool, outcome: StopOutcome) -> None:
    """Every one is voided or told; one that runs is left to end, and that is said."""
    driver = FakeDriver(voids={"val2": void}, holds=holds)
    stopped = asyncio.run(stop_steps(DIGEST, PLAN.steps, {"host": driver}, patience_s=0))
    assert [one.outcome for one in stopped] == [StopOutcome.VOIDED, outcome, StopOutcome.VOIDED]
    assert driver.launched() == []


def test_a_step_that_runs_may_end_while_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the patience of whoever stops it."""
    driver = FakeDriver(voids={"val1": RUNNING})
    seen = iter([RUNNING, lost(), DONE])

    async def void(*_: object) -> object:
        scene = next(seen)
        if isinstance(scene, Exception):
            raise scene
        return scene

    monkeypatch.setattr(driver, "void", void)
    (one,) = asyncio.run(stop_steps(DIGEST, PLAN.steps[:1], {"host": driver}, patience_s=30))
    assert one.outcome is StopOutcome.FINISHED


class Stoppable(FakeDriver):
    """Its steps run until they are asked to stop."""

    def __init__(self, ends: ProbeResult) -> None:
        super().__init__()
        self._seen, self._ends = RUNNING, ends

    async def ask_to_stop(self, _: StepId, work: Step) -> None:
        self.calls.append(f"stop {work.target}")
        self._seen = self._ends

    async def void(self, *_: object) -> ProbeResult:
        return self._seen


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (replace(failed(1, "after 3 of 9"), stopped=True), StopOutcome.STOPPED),
        (failed(1, "no"), StopOutcome.FAILED),
        (DONE, StopOutcome.FINISHED),
    ],
)
def test_one_that_can_end_early_is_asked_to(ends: ProbeResult, outcome: StopOutcome) -> None:
    """How it ended is told by its target: stopped, or something else before that."""
    driver = Stoppable(ends)
    (one,) = asyncio.run(stop_steps(DIGEST, PLAN.steps[:1], {"host": driver}, patience_s=30))
    assert driver.calls == ["stop val1"]
    assert one.outcome is outcome


def test_one_that_was_asked_and_still_runs() -> None:
    """That is said, and it is asked again by the next stop."""
    driver = Stoppable(RUNNING)
    (one,) = asyncio.run(stop_steps(DIGEST, PLAN.steps[:1], {"host": driver}, patience_s=0))
    assert one.outcome is StopOutcome.RUNNING
    assert "was asked to stop" in one.message
    asyncio.run(ask_running(DIGEST, PLAN.steps[:1], {"host": driver}))
    assert driver.calls == ["stop val1"] * 2
    asyncio.run(ask_running(DIGEST, PLAN.steps[:1], {"host": FakeDriver()}))


def test_a_record_of_a_step_that_nobody_here_knows() -> None:
    """Done, voided or running: somebody else went on. Silence proves nothing."""
    scenes: dict[str, Sequence[Scene]] = {
        "val1": [DONE],
        "val2": [NOT_STARTED],
        "val3": [VOIDED],
    }
    found = asyncio.run(settle.recorded_steps(DIGEST, PLAN.steps, {"host": FakeDriver(scenes)}))
    assert [step.target for step in found] == ["val1", "val3"]
    driver = FakeDriver({name: [lost(name)] for name in scenes})
    assert asyncio.run(settle.recorded_steps(DIGEST, PLAN.steps, {"host": driver})) == ()
