"""The engine: order, barriers, stops, and a journal that ends whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
from pathlib import Path

import pytest

from remediations.engine.apply import application, carry_out, steps
from remediations.engine.plan.plan import Step, plan_digest
from remediations.engine.runs.records import (
    RunState,
    Sampled,
    StepEnded,
    StepStarting,
    StepState,
)
from remediations.errors import MachineError
from remediations.playbooks.chain.look import ChainLook
from tests.unit.run.fakes import (
    DONE,
    RUNNING,
    Bench,
    FakeDriver,
    Listener,
    chain_at,
    failed,
    lost,
)
from tests.unit.run.plans import command, plan, stage


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.01)
    monkeypatch.setattr(application, "SAMPLE_S", 0.01)
    monkeypatch.setattr(steps, "STOP_PATIENCE_S", 0.05)


def test_a_whole_plan(tmp_path: Path) -> None:
    """Stages in order, every command announced first, every gate awaited, then the end."""
    p = plan()
    driver = FakeDriver({"val1": [RUNNING, DONE]})
    bench = Bench(tmp_path, p, driver)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert {step.state for step in receipt.steps} == {StepState.DONE}
    assert driver.launched() == ["val1", "val2", "val3"]
    assert [str(s) for s in driver.steps] == ["1-0", "1-1", "2-0"]
    assert {s.plan for s in driver.steps} == {plan_digest(p)}
    told = bench.told()
    assert told[:2] == ["starting 1-0 val1", "starting 1-1 val2"]
    assert set(told[2:4]) == {"ended 1-0 done", "ended 1-1 done"}
    assert told[4:] == [
        "GateWaiting",
        "gate opened",
        "starting 2-0 val3",
        "ended 2-0 done",
        "GateWaiting",
        "gate opened",
        "run running",
    ]
    first = next(e for e in bench.events() if isinstance(e, StepStarting))
    assert first.payload_sha256 == hashlib.sha256(b"true").hexdigest()
    ended = [e for e in bench.events() if isinstance(e, StepEnded)]
    assert {(e.message, e.exit_status) for e in ended} == {("started: it runs", 0)}


def test_the_announcement_is_on_disk_before_the_launch(tmp_path: Path) -> None:
    """At the moment of each launch the journal's file says so already."""
    at_launch: list[tuple[str, str]] = []

    def look(c: Step) -> None:
        at_launch.append((c.target, bench.told()[-1]))

    one_by_one = plan(stage(1, command("val1")), stage(2, command("val2")))
    bench = Bench(tmp_path, one_by_one, FakeDriver(on_launch=look))
    asyncio.run(bench.application.apply())
    assert at_launch == [
        ("val1", "starting 1-0 val1"),
        ("val2", "starting 2-0 val2"),
    ]


def test_the_first_failure_stops_the_run(tmp_path: Path) -> None:
    """Its stage ends, no later stage starts, and the receipt says what was not started."""
    driver = FakeDriver({"val1": [failed(64, "refused: got 7, expected 8\n")]})
    bench = Bench(tmp_path, plan(), driver)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert receipt.message == "val1: failed: refused: got 7, expected 8"
    assert driver.launched() == ["val1", "val2"]
    assert receipt.where(StepState.FAILED) == ("step 1-0 on val1",)
    assert receipt.where(StepState.DONE) == ("step 1-1 on val2",)
    assert receipt.where(StepState.PLANNED) == ("step 2-0 on val3",)
    assert bench.told()[-1] == "run stopped"


def test_commands_of_one_host_run_in_order(tmp_path: Path) -> None:
    """Two commands on one host never at the same time; after a failure the second never starts."""
    two = plan(stage(1, command("val1", "first"), command("val1", "second"), command("val2")))
    driver = FakeDriver({"val1": [RUNNING, DONE]})
    bench = Bench(tmp_path, two, driver)
    receipt = asyncio.run(bench.application.apply())
    assert [step.state for step in receipt.steps] == [StepState.DONE] * 3
    told = [line for line in bench.told() if "1-0" in line or "1-1" in line]
    assert told == ["starting 1-0 val1", "ended 1-0 done", "starting 1-1 val1", "ended 1-1 done"]

    (tmp_path / "again").mkdir()
    driver = FakeDriver({"val1": [failed(1, "no")]})
    receipt = asyncio.run(Bench(tmp_path / "again", two, driver).application.apply())
    assert sorted(driver.launched()) == ["val1", "val2"]
    assert [step.state for step in receipt.steps] == [
        StepState.FAILED,
        StepState.PLANNED,
        StepState.DONE,
    ]


@pytest.mark.parametrize("error", [lost(), OSError("no"), ZeroDivisionError()])
def test_a_failed_look_is_tried_again(tmp_path: Path, error: Exception) -> None:
    """For the gate and for the samples alike; it opens nothing and ends nothing."""
    answers: list[Exception | ChainLook] = [error] * 5

    def sees() -> ChainLook:
        scene = answers.pop(0) if answers else chain_at(11)
        if isinstance(scene, Exception):
            raise scene
        return scene

    bench = Bench(tmp_path, plan(), FakeDriver(), sees=sees)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert any(isinstance(event, Sampled) for event in bench.events())


def test_a_look_that_does_not_let_itself_be_cancelled_writes_nothing_after_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is the last record of the run: a reader refuses looks behind it."""
    bench = Bench(tmp_path, plan(), FakeDriver())
    looked = 0

    async def stubborn() -> ChainLook:
        nonlocal looked
        looked += 1
        if looked == 1:  # the sampler's; those after it are the gate's
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        return chain_at(10 + looked)

    monkeypatch.setattr(application, "SAMPLE_S", 0.01)
    monkeypatch.setattr(application, "LOOK_LIMIT_S", 0.5)
    monkeypatch.setattr(bench.application, "_watch", stubborn)
    receipt = asyncio.run(asyncio.wait_for(bench.application.apply(), 20))
    assert receipt.state is RunState.RUNNING
    assert bench.told()[-1] == "run running"


def test_samples_go_on_while_a_command_runs(tmp_path: Path) -> None:
    """After a failed look too; only changes are written."""
    heights = iter([10, 10, None, 11, 12])
    driver = FakeDriver({"val1": [RUNNING] * 20 + [DONE]})

    def sees() -> ChainLook:
        height = next(heights, 12)
        if height is None:
            raise lost()
        return chain_at(height)

    bench = Bench(tmp_path, plan(stage(1, command("val1"))), driver, sees=sees)
    asyncio.run(bench.application.apply())
    sampled = [e.sight.points[0].value for e in bench.events() if isinstance(e, Sampled)]
    assert sampled == [10, 11, 12]


@pytest.mark.parametrize(
    "breaks",
    [
        BrokenPipeError(errno.EPIPE, "gone"),
        SystemExit(1),
        asyncio.CancelledError(),
        GeneratorExit(),
        BaseException("anything"),
    ],
)
def test_a_display_that_breaks_changes_nothing(tmp_path: Path, breaks: BaseException) -> None:
    """Whatever it raises, also what would end a process: the run goes on, in silence."""
    progress = Listener(breaks)
    bench = Bench(tmp_path, plan(), FakeDriver(), progress=progress)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert bench.told()[-1] == "run running"
    assert len(progress.heard) == 1


def test_a_second_interrupt_inside_a_display_is_heard(tmp_path: Path) -> None:
    """It may come at any moment; the journal has its end all the same."""
    bench = Bench(tmp_path, plan(), FakeDriver(), progress=Listener(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(bench.application.apply())
    assert bench.told()[-1:] != ["run running"]


def test_stop_starts_nothing_more(tmp_path: Path) -> None:
    """What ends in time is told; what does not may still run; the rest was not started."""
    driver = FakeDriver(
        {"val1": [RUNNING], "val2": [RUNNING, DONE]},
        on_launch=lambda c: bench.application.stop.set() if c.target == "val2" else None,
    )
    bench = Bench(tmp_path, plan(), driver)
    receipt = asyncio.run(bench.application.apply())
    assert (receipt.state, receipt.message) == (RunState.ABORTED, "stopped by a person")
    assert driver.launched() == ["val1", "val2"]
    assert receipt.where(StepState.STARTED, StepState.UNKNOWN) == ("step 1-0 on val1",)
    assert receipt.where(StepState.DONE) == ("step 1-1 on val2",)
    assert receipt.where(StepState.PLANNED) == ("step 2-0 on val3",)
    assert "ended 1-0 unknown" in bench.told()
    assert bench.told()[-1] == "run aborted"


def test_stop_while_a_gate_is_awaited(tmp_path: Path) -> None:
    """The gate is left, and the next stage does not start."""
    driver = FakeDriver()

    def sees() -> ChainLook:
        if any(line == "GateWaiting" for line in bench.told()):
            bench.application.stop.set()
        return chain_at(10)

    bench = Bench(tmp_path, plan(), driver, sees=sees)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.ABORTED
    assert driver.launched() == ["val1", "val2"]


def test_a_second_interrupt_leaves_a_whole_journal(tmp_path: Path) -> None:
    """The task is cancelled: what runs is written down as unknown, and the run's end too."""
    bench = Bench(tmp_path, plan(), FakeDriver({"val1": [RUNNING], "val2": [RUNNING]}))

    async def interrupted() -> None:
        task = asyncio.create_task(bench.application.apply())
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert bench.told()[2:] == [
        "ended 1-0 unknown",
        "ended 1-1 unknown",
        "run unknown",
    ]


def test_a_bug_in_a_driver_is_an_unknown_command(tmp_path: Path) -> None:
    """It was announced, so it gets an ending, and the run stops."""
    driver = FakeDriver({"val1": [ZeroDivisionError("of course")]})
    bench = Bench(tmp_path, plan(), driver)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert receipt.message == "val1: unknown: ZeroDivisionError: of course"
    assert bench.told()[-1] == "run stopped"


def test_without_a_journal_nothing_is_launched(tmp_path: Path) -> None:
    """The record comes first: where it cannot be written, nothing is done."""
    driver = FakeDriver()
    bench = Bench(tmp_path / "missing", plan(), driver)
    with pytest.raises(MachineError) as caught:
        asyncio.run(bench.application.apply())
    assert driver.calls == []
    assert "done: nothing" in caught.value.got


def test_a_disk_that_fills_up_mid_run_gives_a_receipt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is told by the error itself; what was written stays readable."""
    runs = [RUNNING, RUNNING, DONE]
    bench = Bench(tmp_path, plan(), FakeDriver({"val1": [*runs], "val2": [*runs]}))
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"step-ended"' in data:
            return real(descriptor, data[:20])
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError) as caught:
        asyncio.run(bench.application.apply())
    assert "done: step 1-0 on val1, step 1-1 on val2" in caught.value.got
    monkeypatch.undo()
    assert bench.told() == ["starting 1-0 val1", "starting 1-1 val2"]


def test_after_a_lost_record_nothing_is_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also not by another host of the stage, when the disk has room again."""
    p = plan(stage(1, command("val1"), command("val2", "first"), command("val2", "second")))
    driver = FakeDriver({"val1": [RUNNING, DONE], "val2": [*[RUNNING] * 4, DONE]})
    bench = Bench(tmp_path, p, driver)
    real = os.write

    def full_once(descriptor: int, data: bytes) -> int:
        lost_one = b'"step-ended"' in data and b'"1-0"' in data
        return 0 if lost_one else real(descriptor, data)

    monkeypatch.setattr(os, "write", full_once)
    with pytest.raises(MachineError) as caught:
        asyncio.run(bench.application.apply())
    assert driver.launched() == ["val1", "val2"]
    assert "done: step 1-0 on val1, step 1-1 on val2; failed: nothing" in caught.value.got


def test_after_a_lost_record_nothing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when there is room again a moment later: the next command of the host never starts."""
    two = plan(stage(1, command("val1", "first"), command("val1", "second")))
    driver = FakeDriver()
    bench = Bench(tmp_path, two, driver)
    real, failures = os.write, iter([True])

    def full_once(descriptor: int, data: bytes) -> int:
        if b'"step-ended"' in data and next(failures, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full_once)
    with pytest.raises(MachineError) as caught:
        asyncio.run(bench.application.apply())
    assert driver.launched() == ["val1"]
    assert "No space left on device; done: step 1-0 on val1" in caught.value.got
