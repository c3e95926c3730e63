"""A run is stopped from elsewhere: on its targets first, then in its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.apply import carry_out, settle, stop
from remediations.engine.apply.driver import FenceRecord
from remediations.engine.apply.fence_hold import fence_request
from remediations.engine.apply.settle import StopOutcome
from remediations.engine.apply.stop import StopReceipt, stop_run
from remediations.engine.runs.binding import check_binding
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import Event, FenceGiven, FenceTaken, RunBegan, RunState
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.errors import UsageError
from remediations.systems.comet.reading import sealed
from tests.unit.run.events import abandoned, began, ends, run_ends, starts, stop_asked
from tests.unit.run.fakes import DONE, RUNNING, FakeDriver, Scene, failed, lost, told_of
from tests.unit.run.plans import plan
from tests.unit.run.test_store import INVENTORY
from tests.worlds import healthy


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (carry_out, settle):
        monkeypatch.setattr(module, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(stop, "STOP_PATIENCE_S", 0)
    monkeypatch.setattr(stop, "LEAVES_WITHIN_S", 0.05)
    monkeypatch.setattr(stop, "LOOK_S", 0.001)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """Steps 1-0 on val1, 1-1 on val2, 2-0 on val3; nothing was begun."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    return create_run(plan(), sealed(healthy()), INVENTORY, datetime.now(UTC))


def journal(run: RunDirectory, *events: Event) -> None:
    with closing(Journal(run.journal, run.digest)) as written:
        for event in (began(), *events):
            written.append(event)


def stopped(
    run: RunDirectory,
    voids: dict[str, Scene] | None = None,
    alive: Sequence[bool] = (),
    *,
    abandon: bool = False,
    records: dict[tuple[str, str], FenceRecord] | None = None,
) -> StopReceipt:
    driver, is_alive = FakeDriver(voids=voids or {}), iter(alive)
    driver.records = {} if records is None else records
    found = asyncio.run(
        stop_run(
            run,
            stop_asked("wrong chain"),
            {"host": driver},
            fence_request(run.plan, run.digest, {"host": driver}, "a test"),
            lambda: next(is_alive, False),
            abandon=abandon,
        )
    )
    assert driver.launched() == []
    return found


def told(run: RunDirectory) -> list[str]:
    entries = read_journal(run.journal)
    check_binding(run, entries)
    return [told_of(e.event) for e in entries if not isinstance(e.event, RunBegan)]


def test_a_run_whose_process_died(run: RunDirectory) -> None:
    """Its open step is told by its target, the others are voided, and the journal has an end."""
    journal(run, starts("1-0", "val1"))
    receipt = stopped(run, {"val1": DONE})
    assert receipt.recorded
    assert receipt.summary() == (
        "finished: step 1-0 on val1; voided: step 1-1 on val2, step 2-0 on val3"
    )
    assert told(run) == [
        "starting 1-0 val1",
        "StopAsked",
        "ended 1-0 done",
        "StepVoided",
        "StepVoided",
        "run aborted",
    ]


def test_a_step_that_was_announced_and_never_started(run: RunDirectory) -> None:
    """It is voided on its target, so it has failed."""
    journal(run, starts("1-0", "val1"))
    assert stopped(run).where(StopOutcome.VOIDED)[0] == "step 1-0 on val1"
    assert told(run)[2] == "ended 1-0 failed"


def test_what_is_known_is_not_asked_again(run: RunDirectory) -> None:
    """Steps with an end in the journal are in the receipt, and have no second record."""
    journal(run, starts("1-0", "val1"), ends("1-0"), starts("1-1", "val2"), ends("1-1", "failed"),
            run_ends("stopped"))  # fmt: skip
    receipt = stopped(run, {"val1": lost(), "val2": lost()})
    assert receipt.where(StopOutcome.FINISHED) == ("step 1-0 on val1",)
    assert receipt.where(StopOutcome.FAILED) == ("step 1-1 on val2",)
    assert told(run)[5:] == ["StopAsked", "StepVoided", "run aborted"]


def test_twice_is_once(run: RunDirectory) -> None:
    """The second receipt is the first one."""
    journal(run)
    first, second = stopped(run), stopped(run)
    assert [one.outcome for one in first.steps] == [one.outcome for one in second.steps]
    assert told(run).count("StepVoided") == 3


def test_what_runs_or_is_silent_stays_open(run: RunDirectory) -> None:
    """Nothing is recorded of such a step: it may be asked again."""
    journal(run, starts("1-0", "val1"), starts("1-1", "val2"))
    receipt = stopped(run, {"val1": RUNNING, "val2": lost("val2")})
    assert receipt.where(StopOutcome.RUNNING) == ("step 1-0 on val1",)
    assert receipt.where(StopOutcome.SILENT) == ("step 1-1 on val2",)
    assert told(run)[2:] == ["StopAsked", "StepVoided", "run aborted"]


def test_a_living_process_is_asked_first(run: RunDirectory) -> None:
    """It writes its own end; then the rest is voided and recorded here."""
    journal(run, starts("1-0", "val1"), ends("1-0"))
    assert stopped(run, alive=[True] * 3).recorded
    asked = run.stop_asked()
    assert asked is not None
    assert asked.reason == "wrong chain"
    run.forget_stop()
    assert run.stop_asked() is None


def test_what_ends_while_its_process_leaves(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked to stop, and the process has written its end: the receipt has why, the journal
    no second record."""
    journal(run, starts("1-0", "val1"))

    async def ended_there(*_: object) -> None:
        with closing(Journal.reopened(run.journal)) as written:
            written.append(ends("1-0", "failed"))

    monkeypatch.setattr(stop, "ask_running", ended_there)
    early = replace(failed(1, "after 3 of 9"), stopped=True)
    receipt = stopped(run, {"val1": early}, alive=[True])
    assert receipt.where(StopOutcome.STOPPED) == ("step 1-0 on val1",)
    assert receipt.steps[0].message == "after 3 of 9"
    assert [one for one in told(run) if one.startswith("ended 1-0")] == ["ended 1-0 failed"]


def test_a_process_that_does_not_leave_is_fenced_by_its_targets(run: RunDirectory) -> None:
    """Its steps are voided; the journal stays its own."""
    journal(run, starts("1-0", "val1"), ends("1-0"))
    receipt = stopped(run, alive=[True] * 1_000_000)
    assert not receipt.recorded
    assert len(receipt.where(StopOutcome.VOIDED)) == 2
    assert told(run) == ["starting 1-0 val1", "ended 1-0 done"]


def test_a_plan_that_was_never_begun_here(run: RunDirectory) -> None:
    """From a machine that has the plan alone: its steps are voided, and no journal comes to be."""
    receipt = stopped(run)
    assert (len(receipt.where(StopOutcome.VOIDED)), receipt.recorded) == (3, False)
    assert not run.journal.exists()


def test_abandoned(run: RunDirectory) -> None:
    """Nobody goes on with it, for a reason that the journal keeps."""
    journal(run, starts("1-0", "val1"), ends("1-0"), run_ends("stopped"))
    stopped(run, abandon=True)
    status = run_status(run.plan, read_journal(run.journal), hindrance="", alive=False)
    assert (status.state, status.message) == (RunState.ABANDONED, "wrong chain")
    with pytest.raises(UsageError, match="is abandoned: there is nothing to stop"):
        stopped(run)


@pytest.mark.parametrize("end", [run_ends(), abandoned()])
def test_a_run_that_has_ended_for_good(run: RunDirectory, end: Event) -> None:
    """There is nothing to stop, and no target is asked."""
    journal(run, *(e for s, t in (("1-0", "val1"), ("1-1", "val2"), ("2-0", "val3"))
                   for e in (starts(s, t), ends(s))), end)  # fmt: skip
    with pytest.raises(UsageError, match="there is nothing to stop"):
        stopped(run, {"val1": ZeroDivisionError()})


@pytest.mark.parametrize("content", [b"", b"{}", b"no", b"[" * 100_000])
def test_a_strange_request_stops_nothing(run: RunDirectory, content: bytes) -> None:
    """Anything may end up in a directory; only a request is one."""
    (run.path / "stop.json").write_bytes(content)
    (run.path / "stop.json").chmod(0o600)
    assert run.stop_asked() is None


def test_what_a_lost_process_holds_is_given_back(run: RunDirectory) -> None:
    """So that another plan can take the resource; what others hold is left alone."""
    mine = FenceRecord(number=4, holder=f"{run.digest}.0123456789abcdef", held=True, text="taken")
    other = FenceRecord(number=5, holder=f"{'f' * 64}.0123456789abcdef", held=True, text="taken")
    (resource,) = run.plan.resources
    records = {("val1", resource): mine, ("val2", resource): mine, ("val3", resource): other}
    journal(run, FenceTaken(resource=resource, number=4, hosts=("val1", "val2")))
    stopped(run, records=records)
    assert [record.held for record in records.values()] == [False, False, True]
    assert told(run)[-2:] == ["run aborted", "FenceGiven"]
    last = read_journal(run.journal)[-1].event
    assert last == FenceGiven(resource=resource, number=4, hosts=("val1", "val2"))


def test_a_fence_that_a_copy_elsewhere_took_is_given_back_and_not_recorded(
    run: RunDirectory,
) -> None:
    """This journal does not know it: nothing is told that it could not prove."""
    mine = FenceRecord(number=4, holder=f"{run.digest}.0123456789abcdef", held=True, text="taken")
    (resource,) = run.plan.resources
    records = {("val1", resource): mine}
    journal(run)
    stopped(run, records=records)
    assert not records["val1", resource].held
    assert told(run)[-1] == "run aborted"
