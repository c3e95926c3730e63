"""A run whose controller was lost behind its last step gives back what it still holds."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.apply.driver import FenceRecord
from remediations.engine.apply.fence_hold import fence_request
from remediations.engine.apply.lost_at_end import finish_lost
from remediations.engine.apply.receipt import Receipt
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import FenceGiven, FenceTaken, RunState
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.errors import Locked
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.run.events import began, ends, run_ends, starts
from tests.unit.run.fakes import FakeDriver
from tests.unit.run.plans import plan
from tests.unit.run.test_store import INVENTORY
from tests.worlds import healthy

OTHER = f"{'f' * 64}.0123456789abcdef"
HOSTS = ("val1", "val2", "val3")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """All three steps are done, and the fence with the number 4 was not recorded as given back."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    made = create_run(plan(), sealed(healthy()), INVENTORY, datetime.now(UTC))
    done = [
        event
        for step, host in (("1-0", "val1"), ("1-1", "val2"), ("2-0", "val3"))
        for event in (starts(step, host), ends(step))
    ]
    (resource,) = made.plan.resources
    taken = FenceTaken(resource=resource, number=4, hosts=HOSTS)
    with closing(Journal(made.journal, made.digest)) as journal:
        for event in (began(), taken, *done, run_ends()):
            journal.append(event)
    return made


def finished(run: RunDirectory, driver: FakeDriver) -> Receipt:
    """What comes of it; the journal is what the checker that stands alone finds nothing wrong
    with."""
    entries = read_journal(run.journal)
    request = fence_request(run.plan, run.digest, {"host": driver}, "a test", again=True)
    status = run_status(run.plan, entries, hindrance="", alive=False)
    assert status.holds == run.plan.resources

    async def go() -> Receipt:
        with closing(Journal.reopened(run.journal)) as journal:
            return await finish_lost(
                entries, journal, request, status, state=RunState.RUNNING, steps=run.plan.steps
            )

    receipt = asyncio.run(go())
    assert check_journal(run.journal.read_bytes(), canonical(run.plan)).problems == ()
    assert driver.launched() == []
    return receipt


def kept(run: RunDirectory, **holders: FenceRecord) -> FakeDriver:
    """Targets with these records; a target that is not named has none."""
    driver, (resource,) = FakeDriver(), run.plan.resources
    driver.records = {(host, resource): record for host, record in holders.items()}
    return driver


def mine(run: RunDirectory, *, held: bool) -> FenceRecord:
    holder = f"{run.digest}.0123456789abcdef"
    return FenceRecord(number=4, holder=holder, held=held, text="taken")


def last(run: RunDirectory) -> FenceGiven:
    event = read_journal(run.journal)[-1].event
    assert isinstance(event, FenceGiven)
    return event


def test_what_is_held_is_given_back(run: RunDirectory) -> None:
    """And recorded, so that `status` has nothing more to say."""
    driver = kept(run, **dict.fromkeys(HOSTS, mine(run, held=True)))
    receipt = finished(run, driver)
    assert (receipt.state, len(receipt.steps)) == (RunState.RUNNING, 3)
    assert not any(record.held for record in driver.records.values())
    assert last(run).hosts == HOSTS
    assert run_status(run.plan, read_journal(run.journal), hindrance="", alive=False).holds == ()


def test_what_was_given_back_without_a_record_is_recorded(run: RunDirectory) -> None:
    """The process died between the two."""
    finished(run, kept(run, **dict.fromkeys(HOSTS, mine(run, held=False))))
    assert last(run).number == 4


def test_what_somebody_stole_is_theirs(run: RunDirectory) -> None:
    """Nothing of it is touched, and this run holds nothing more."""
    theirs = FenceRecord(number=5, holder=OTHER, held=True, text="taken")
    driver = kept(run, **dict.fromkeys(HOSTS, theirs))
    finished(run, driver)
    assert set(driver.records.values()) == {theirs}
    assert last(run).hosts == ()


def test_silent_targets_are_not_taken_for_free_ones(run: RunDirectory) -> None:
    """Nothing is recorded, so that it can be tried again, and is."""
    driver = kept(run, **dict.fromkeys(HOSTS, mine(run, held=True)))
    driver.silent = {*driver.silent, *(login.host for login in run.plan.logins), *HOSTS}
    before = run.journal.read_bytes()
    with pytest.raises(Locked) as refused:
        finished(run, driver)
    assert "remediate doctor" in refused.value.next_step
    assert run.journal.read_bytes() == before
    driver.silent = set()
    finished(run, driver)
    assert last(run).number == 4


def test_a_process_that_is_still_at_it_was_not_lost(run: RunDirectory) -> None:
    """Between its last record and this one it gives back."""
    entries = read_journal(run.journal)
    assert run_status(run.plan, entries, hindrance="", alive=True).holds == ()
