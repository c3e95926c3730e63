"""How long a run waits for a gate, and what it tells of one that did not open."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from remediations.engine.apply import application, carry_out
from remediations.engine.runs.records import RunState
from remediations.playbooks.chain.look import ChainLook
from tests.unit.run.fakes import Bench, FakeDriver, chain_at
from tests.unit.run.plans import command, plan, stage


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.01)
    monkeypatch.setattr(application, "SAMPLE_S", 0.01)


def test_a_gate_that_stays_shut_stops_the_run(tmp_path: Path) -> None:
    """Within its time limit, with what was seen last."""
    p = plan(stage(1, command("val1"), gate_timeout_s=0), stage(2, command("val2")))
    driver = FakeDriver()
    bench = Bench(tmp_path, p, driver, sees=lambda: chain_at(10))
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert "the gate did not open: the chain advances" in receipt.message
    assert driver.launched() == ["val1"]
    assert bench.told()[-2:] == ["gate shut", "run stopped"]


def test_a_gate_that_cannot_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends long before the limit, and says why. One look is not believed."""
    p = plan(stage(1, command("val1"), gate_timeout_s=600), stage(2, command("val2")))
    looks = itertools.count()
    split = "after block 10 the states differ: AA with 40 and BB with 60 of 100"

    def sees() -> ChainLook:
        return chain_at(10, split=split if next(looks) != 1 else "")

    monkeypatch.setattr(application, "HOPELESS_S", 0.6)
    driver = FakeDriver()
    bench = Bench(tmp_path, p, driver, sees=sees)
    receipt = asyncio.run(asyncio.wait_for(bench.application.apply(), 30))
    assert receipt.state is RunState.STOPPED
    assert f"waiting longer cannot help: {split}" in receipt.message
    assert next(looks) > 3
    assert driver.launched() == ["val1"]
    assert bench.told()[-2:] == ["gate shut", "run stopped"]


def test_a_poll_that_hangs_does_not_hold_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look has a limit, and so has the gate."""
    p = plan(stage(1, command("val1"), gate_timeout_s=1))
    bench = Bench(tmp_path, p, FakeDriver())

    async def never() -> ChainLook:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(application, "LOOK_LIMIT_S", 0.02)
    monkeypatch.setattr(bench.application, "_watch", never)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.STOPPED
    assert "could not look: TimeoutError" in receipt.message


def test_what_was_seen_before_the_last_look_failed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one has little time left, and what a daemon said is not lost for that."""
    p = plan(stage(1, command("val1"), gate_timeout_s=1))
    bench = Bench(tmp_path, p, FakeDriver(), sees=lambda: chain_at(10))
    watch, looks = bench.application._watch, itertools.count()

    async def tires() -> ChainLook:
        if next(looks) > 20:
            await asyncio.sleep(60)
        look = await watch()
        assert isinstance(look, ChainLook)
        return look

    monkeypatch.setattr(application, "LOOK_LIMIT_S", 0.05)
    monkeypatch.setattr(bench.application, "_watch", tires)
    receipt = asyncio.run(bench.application.apply())
    assert "could not look: TimeoutError; before that: " in receipt.message
    assert "10" in receipt.message.rpartition("before that: ")[2]
