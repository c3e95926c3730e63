"""The engine where others decide, too: a run that is resumed, stopped, or fenced out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from remediations.engine.apply import application, carry_out
from remediations.engine.apply.application import Application
from remediations.engine.apply.driver import Fence, FencedOut
from remediations.engine.runs.records import GateEnded, RunState, StepState, StopAsked
from tests.unit.run.events import stop_asked
from tests.unit.run.fakes import Bench, FakeDriver, Listener, chain_at
from tests.unit.run.plans import command, plan, stage


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.01)
    monkeypatch.setattr(application, "SAMPLE_S", 0.01)


def test_a_resumed_run_begins_where_something_is_left(tmp_path: Path) -> None:
    """Done steps are not launched; the gate before the first stage with something left opens once
    more, those before it do not."""
    stages = [stage(number, command(f"val{number}")) for number in (1, 2, 3)]
    driver = FakeDriver()
    bench = Bench(tmp_path, plan(*stages), driver, done=("1-0", "2-0"))
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert {step.state for step in receipt.steps} == {StepState.DONE}
    assert driver.launched() == ["val3"]
    gates = [e.stage for e in bench.events() if isinstance(e, GateEnded)]
    assert gates == [2, 3]


def test_a_stage_that_was_half_done_is_finished(tmp_path: Path) -> None:
    """Its other steps alone are launched, then its gate is awaited."""
    driver = FakeDriver()
    bench = Bench(tmp_path, plan(), driver, done=("1-0",))
    asyncio.run(bench.application.apply())
    assert driver.launched() == ["val2", "val3"]


def test_where_all_was_done_the_last_gate_is_awaited(tmp_path: Path) -> None:
    """The process died while it waited: nothing is launched, and the gate decides."""
    driver = FakeDriver()
    bench = Bench(tmp_path, plan(), driver, done=("1-0", "1-1", "2-0"))
    receipt = asyncio.run(bench.application.apply())
    assert (receipt.state, driver.launched()) == (RunState.RUNNING, [])
    assert bench.told() == ["GateWaiting", "gate opened", "run running"]


def test_a_gate_that_does_not_open_again_ends_a_resumed_run(tmp_path: Path) -> None:
    """What was true before the process died is not believed: nothing more is launched."""
    shut = plan(stage(1, command("val1"), gate_timeout_s=0), stage(2, command("val2")))
    driver = FakeDriver()
    bench = Bench(tmp_path, shut, driver, sees=lambda: chain_at(10), done=("1-0",))
    receipt = asyncio.run(bench.application.apply())
    assert (receipt.state, driver.launched()) == (RunState.STOPPED, [])


def test_a_stop_from_elsewhere_is_recorded(tmp_path: Path) -> None:
    """By whom and why; nothing more is launched."""
    asked: list[StopAsked] = []
    driver = FakeDriver(on_launch=lambda _: asked.append(stop_asked("it is the wrong chain")))
    bench = Bench(
        tmp_path,
        plan(stage(1, command("val1"), gate_timeout_s=600), stage(2, command("val2"))),
        driver,
        sees=lambda: chain_at(10),
        stop_asked=lambda: asked[0] if asked else None,
    )
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.ABORTED
    assert receipt.message == "stopped by ops (uid 1000): it is the wrong chain"
    assert driver.launched() == ["val1"]
    assert bench.told().count("StopAsked") == 1
    assert bench.told()[-1] == "run aborted"


def test_a_step_that_is_fenced_out_stops_the_run(tmp_path: Path) -> None:
    """Its stage ends, no later stage starts, and the message says who has the fence."""
    theirs = FencedOut("val1 does not keep the fence for this run", got="number 8, held, by b")
    driver = FakeDriver(launches={"val1": theirs})
    receipt = asyncio.run(Bench(tmp_path, plan(), driver).application.apply())
    assert receipt.state is RunState.STOPPED
    assert receipt.message == (
        "val1: failed: fenced out, it never started: val1 does not keep the fence for this run "
        "(number 8, held, by b)"
    )
    assert driver.launched() == ["val1", "val2"]


def test_every_step_is_launched_under_the_fences_of_the_run(tmp_path: Path) -> None:
    """All of them, on every target."""
    fences = [Fence(resource="x", number=3, plan="1" * 64, token="0" * 16)]
    bench, driver = Bench(tmp_path, plan(), FakeDriver()), FakeDriver()
    applying = Application(
        plan(),
        "1" * 64,
        drivers={"host": driver},
        fences=fences,
        journal=bench.journal,
        watch=bench.watch,
        progress=Listener(),
    )
    asyncio.run(applying.apply())
    assert driver.fences == [fences] * 3
