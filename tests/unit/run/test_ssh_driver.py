"""The driver and the engine against the real launcher, through a shell instead of a connection."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from remediations.engine.apply import carry_out
from remediations.engine.apply.driver import (
    NEVER_TAKEN,
    AlreadyClaimed,
    Fence,
    FencedOut,
    NoAnswer,
    NotLaunched,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Step, plan_digest
from remediations.engine.runs.records import RunState, StepEnd, StepEnded
from remediations.reach.connection import Completed
from remediations.reach.ssh import SshReach
from remediations.systems.hosts import driver as ssh_driver
from remediations.systems.hosts.driver import SshDriver
from remediations.systems.hosts.probe import unit_active
from tests.unit.run.fakes import Bench
from tests.unit.run.launcher_host import LauncherHost, until
from tests.unit.run.local_reach import SUDO, LocalReach, completed
from tests.unit.run.plans import command, plan, stage

STEP = StepId(plan="a" * 64, step="1-0")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LauncherHost:
    host = LauncherHost(tmp_path)
    sudo = tmp_path / "bin" / "sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)
    monkeypatch.setattr(ssh_driver, "LAUNCHER", host.text)
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.01)
    return host


@pytest.fixture
def reach(host: LauncherHost) -> LocalReach:
    return LocalReach(host.environment)


@pytest.fixture
def driver(reach: LocalReach) -> SshDriver:
    return SshDriver(cast("SshReach", reach))


def on_val1(host: LauncherHost, more: str = "") -> Step:
    return command("val1", host.effect(more).decode())


async def carried(driver: SshDriver, wanted: Step) -> carry_out.Ending:
    return await carry_out.carry_out(driver, STEP, wanted, fences=(), may_start=lambda: True)


def test_a_command_is_carried_out(host: LauncherHost, driver: SshDriver) -> None:
    """Its bytes as they are, its result as the host kept it."""
    ending = asyncio.run(carried(driver, on_val1(host, "printf 'é $$ %s' \"'\"; exit 0")))
    assert (ending.state, ending.message) == ("done", "é $$ '")
    assert host.count == 1


def test_a_short_step_takes_one_session(
    host: LauncherHost, driver: SshDriver, reach: LocalReach
) -> None:
    """Its launch waits for its end, as a probe does: nobody connects to ask."""
    ending = asyncio.run(carried(driver, on_val1(host, "sleep 0.3; echo warm")))
    assert (ending.state, ending.message) == ("done", "warm")
    assert reach.sessions == 1


def test_a_failure_tells_what_the_daemon_said_last(host: LauncherHost, driver: SshDriver) -> None:
    """What the host kept of `systemctl status` names the reason."""
    line = "Nov 28 22:22:43 val1 virtengined[59]: Error: While parsing config"
    text = f"printf 'failed: no\\n{line}\\n   Main PID: 5938\\n' >&2; exit 1"
    ending = asyncio.run(carried(driver, on_val1(host, text)))
    assert ending.state == "failed"
    assert ending.message == "Main PID: 5938; its last words: Error: While parsing config"


def test_a_second_time_is_locked(host: LauncherHost, driver: SshDriver) -> None:
    """The host knows, whoever asks."""
    asyncio.run(carried(driver, on_val1(host)))
    with pytest.raises(AlreadyClaimed) as caught:
        asyncio.run(driver.launch(STEP, on_val1(host), ()))
    assert "step 1-0" in caught.value.got
    assert host.count == 1


FENCE = Fence(resource="chain/é lab", number=1, plan=STEP.plan, token="0123456789abcdef")


def test_a_fence_is_kept_on_the_host(host: LauncherHost, driver: SshDriver) -> None:
    """Taken, read, compared, lost and given back, as the protocol asks."""

    async def kept() -> None:
        assert await driver.read_fence("val1", FENCE.resource) == NEVER_TAKEN
        await driver.take_fence("val1", FENCE, 0, "chain/é lab: taken by 'ops'")
        record = await driver.read_fence("val1", FENCE.resource)
        assert record.is_held_by(FENCE)
        assert record.text == "chain/é lab: taken by 'ops'"
        other = Fence(resource=FENCE.resource, number=2, plan=FENCE.plan, token="f" * 16)
        with pytest.raises(FencedOut, match="number 1, held, chain/é lab: taken by 'ops'"):
            await driver.take_fence("val1", other, 0, "mine")
        await driver.launch(STEP, on_val1(host), [FENCE])
        await asyncio.to_thread(host.until_gone)
        await driver.give_fence("val1", FENCE)
        record = await driver.read_fence("val1", FENCE.resource)
        assert (record.number, record.held, record.holder) == (1, False, FENCE.holder)
        later = StepId(plan=STEP.plan, step="2-0")
        for refused in (driver.launch, driver.void):
            with pytest.raises(FencedOut, match="number 1, given"):
                await refused(later, on_val1(host), [FENCE])
        await driver.steal_fence("val1", FENCE.resource, 9, "chain/é lab: burnt")
        assert (await driver.read_fence("val1", FENCE.resource)).number == 9
        with pytest.raises(FencedOut):
            await driver.steal_fence("val1", FENCE.resource, 9, "chain/é lab: burnt")

    asyncio.run(kept())
    assert host.count == 1


def test_a_step_that_its_unit_refuses_is_fenced_out(host: LauncherHost, driver: SshDriver) -> None:
    """Between launch and claim another one has taken over: failed, said whose it is now, and
    nothing of the step is left to whoever comes next."""

    async def carried_while_stolen() -> carry_out.Ending:
        await driver.take_fence("val1", FENCE, 0, "chain/é lab: one")
        host.holds_units()
        task = asyncio.create_task(
            carry_out.carry_out(driver, STEP, on_val1(host), fences=[FENCE], may_start=lambda: True)
        )
        await asyncio.to_thread(until, host.unit.exists)
        await driver.steal_fence("val1", FENCE.resource, 2, "chain/é lab: two")
        host.lets_units_go()
        return await task

    ending = asyncio.run(carried_while_stolen())
    assert ending.state == "failed"
    assert ending.message == (
        "fenced out, it never started: val1 refused to start the step (number 2, given, "
        "chain/é lab: two)"
    )
    assert (host.count, host.claim.exists()) == (0, False)


@pytest.mark.parametrize(
    "said",
    [
        completed(0),
        completed(1, b"", b"sudo: a password is required"),
        completed(78, b"", b"the record cannot be read"),
        completed(0, b"1 - free\n\n"),
        completed(0, b"1 - given\n"),
        completed(0, b"1 x held\nx\n"),
        completed(0, b"1111111111111111111 - given\nx\n"),
        completed(0, b"motd\n1 - given\nx\n"),
        completed(None, timed_out=True),
    ],
)
def test_a_record_that_is_not_one_is_no_answer(
    reach: LocalReach, driver: SshDriver, said: Completed
) -> None:
    """Never a resource that nobody holds."""
    reach.instead = said
    with pytest.raises(NoAnswer):
        asyncio.run(driver.read_fence("val1", "chain/lab"))


@pytest.mark.parametrize("answers", [1, 2, 3])
def test_lost_answers_lose_nothing(
    host: LauncherHost, driver: SshDriver, reach: LocalReach, answers: int
) -> None:
    """The launch worked and its answer did not come back: found done, once; connected anew."""
    reach.loses_answers = answers
    ending = asyncio.run(carried(driver, on_val1(host, "sleep 0.1")))
    assert (ending.state, host.count) == ("done", 1)
    assert reach.forgotten == ["val1"] * answers


@pytest.mark.parametrize("times", [1, 2])
def test_a_launch_that_never_came_is_repeated(
    host: LauncherHost, driver: SshDriver, reach: LocalReach, times: int
) -> None:
    """The connection died before the host heard of it: done, by the next launch, once."""
    reach.loses_commands = times
    ending = asyncio.run(carried(driver, on_val1(host)))
    assert (ending.state, host.count) == ("done", 1)
    assert ending.message.startswith("the launch was not confirmed")


def test_a_unit_that_starts_late_is_waited_for(host: LauncherHost, driver: SshDriver) -> None:
    """Right after its launch a step is not voided by its own controller."""
    host.starts_late(0.3)
    ending = asyncio.run(carried(driver, on_val1(host)))
    assert (ending.state, host.count) == ("done", 1)


def test_a_refused_launch_is_made_final(host: LauncherHost, driver: SshDriver) -> None:
    """Systemd said no: voided, so that it stays no."""
    host.systemd_run_fails()
    ending = asyncio.run(carried(driver, on_val1(host)))
    assert ending.state == "failed"
    assert "it never started, and cannot any more" in ending.message
    assert "systemd did not start the unit" in ending.message
    assert asyncio.run(driver.probe(STEP, on_val1(host))).state is ProbeState.VOIDED


def test_a_host_that_can_keep_no_record(host: LauncherHost, driver: SshDriver) -> None:
    """Never started, said in seconds: not unknown after minutes."""
    host.base.write_text("in the way")
    began = time.monotonic()
    ending = asyncio.run(carried(driver, on_val1(host)))
    assert time.monotonic() - began < 10
    assert ending.state == "failed"
    assert "it never started, and cannot any more" in ending.message
    assert "File exists" in ending.message
    assert host.count == 0


def test_a_host_whose_records_others_may_write(host: LauncherHost, driver: SshDriver) -> None:
    """It started nothing, and says whose directory is to be looked at."""
    host.base.mkdir()
    host.base.chmod(0o777)
    ending = asyncio.run(carried(driver, on_val1(host)))
    assert ending.state == "failed"
    assert ending.message.startswith("it never started: val1 cannot keep a record")
    assert str(host.base) in ending.message
    with pytest.raises(NotLaunched) as caught:
        asyncio.run(driver.launch(STEP, on_val1(host), ()))
    assert "must belong to root" in caught.value.what


@pytest.mark.parametrize(("active", "state"), [(True, "done"), (False, "failed")])
def test_a_step_that_lost_its_result_is_settled_by_its_probe(
    host: LauncherHost, driver: SshDriver, active: bool, state: StepEnd
) -> None:
    """The runner was killed after the effect: the world is asked."""

    async def killed() -> carry_out.Ending:
        wanted = replace(on_val1(host, "sleep 30"), probe=unit_active("ve.service").words)
        if active:
            host.has_active("ve.service")
        task = asyncio.create_task(carried(driver, wanted))
        await asyncio.to_thread(until, lambda: host.count == 1)
        await asyncio.to_thread(host.power_cut)
        return await task

    assert asyncio.run(killed()).state is state
    assert host.count == 1


def test_a_plan_is_applied_once_on_the_host(
    host: LauncherHost, driver: SshDriver, tmp_path: Path
) -> None:
    """Engine, driver and launcher together; a second bastion with a journal of its own is refused
    by the host, and nothing happens twice."""
    wanted = plan(
        stage(1, on_val1(host, "echo one"), on_val1(host, "echo two")),
        stage(2, on_val1(host, "echo three")),
    )
    bench = Bench(tmp_path, wanted, driver)
    receipt = asyncio.run(bench.application.apply())
    assert receipt.state is RunState.RUNNING
    assert [e.message for e in bench.events() if isinstance(e, StepEnded)] == [
        "one",
        "two",
        "three",
    ]
    assert sorted(p.name for p in (host.base / plan_digest(wanted)).iterdir()) == [
        "1-0",
        "1-1",
        "2-0",
    ]
    (tmp_path / "second").mkdir()
    second = Bench(tmp_path / "second", wanted, driver)
    receipt = asyncio.run(second.application.apply())
    assert receipt.state is RunState.STOPPED
    assert "has run this step of this plan before" in receipt.message
    assert host.count == 3


def test_values_of_a_probe_are_not_shell_text(
    driver: SshDriver, reach: LocalReach, tmp_path: Path
) -> None:
    """They reach the host as they stand in the plan, and the host refuses what is not a unit."""
    trap = tmp_path / "ran"
    for value in (f"x.service; touch {trap}", f"$(touch {trap}).service", f"a\ntouch {trap}\n"):
        with pytest.raises(NoAnswer) as refused:
            asyncio.run(driver.holds(replace(command("val1"), probe=unit_active(value).words)))
        assert "exit 65: bad unit name" in refused.value.got
    assert not trap.exists()
