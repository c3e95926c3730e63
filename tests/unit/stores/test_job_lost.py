"""A job whose process is lost: it goes on under its own approval as long as that covers it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.apply.driver import AlreadyClaimed, ProbeState
from remediations.engine.plan.plan import Step
from remediations.systems.stores.job_directory import JobObject, jobs_in
from remediations.systems.stores.look import read_store
from remediations.values.reading import value_or_none
from remediations.values.wire import decode
from tests.unit.stores.keys import FIRST, SECOND
from tests.unit.stores.test_job import LIMIT_S, Here, here, name
from tests.unit.stores.test_reencrypt import opened, sealed

__all__ = ["here"]

COUNT = 40


def signed(here: Here) -> Step:
    """A step over what names the key now, as people sign it."""
    survey = value_or_none(read_store(here.place, 60).survey)
    assert survey is not None
    named = survey.key(FIRST.fingerprint)
    assert named is not None
    return here.step(count=named.count, root=named.root)


def begun(here: Here) -> Step:
    """One that has sealed some of forty objects."""
    for number in range(3, COUNT):
        (here.tree / f"{number}").write_bytes(sealed(f"content {number}"))
    here.entry = replace(here.entry, objects_per_s=10)
    step = signed(here)
    asyncio.run(here.driver.launch(name(), step, ()))
    until = time.monotonic() + LIMIT_S
    while len(lines(here)) < 3:
        assert time.monotonic() < until
        time.sleep(0.02)
    return step


def lines(here: Here) -> list[bytes]:
    """What it has recorded."""
    path = here.job(name()) / "objects.jsonl"
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def processes(here: Here) -> list[int]:
    """Who does it, and who keeps that one; the keeper first."""
    wanted, found = str(here.job(name())).encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return sorted(found)


def all_lost(here: Here) -> None:
    """As when the machine loses its power."""
    for process in processes(here):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    until = time.monotonic() + LIMIT_S
    while jobs_in(here.directory).of_step(name()).is_running:
        assert time.monotonic() < until
        time.sleep(0.02)


def whole(here: Here) -> None:
    """Everything is sealed anew, and has one line. What was never exchanged may lie beside it."""
    found = {one.name: one.read_bytes() for one in here.tree.iterdir()}
    files = {name: data for name, data in found.items() if ".remediate-new-" not in name}
    assert sorted(files) == sorted(map(str, range(COUNT)))
    assert all(opened(data, SECOND) for data in files.values())
    told = [decode(line, JobObject) for line in lines(here)]
    done = [one.key for one in told if one.outcome == "done" and one.version]
    assert len(done) == len(set(done))
    assert COUNT - 1 <= len(done) <= COUNT, "the object at hand may have no line"


def test_who_does_it_is_killed_and_it_goes_on(here: Here) -> None:
    """By itself: its keeper starts another one, and the step has never ended."""
    step = begun(here)
    os.kill(processes(here)[-1], signal.SIGKILL)
    assert asyncio.run(here.driver.probe(name(), step)).state is ProbeState.RUNNING
    seen = here.ended(name(), step)
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 0), seen
    whole(here)


def test_a_person_ends_it(here: Here) -> None:
    """A signal that asks is no accident: nobody starts it again by himself."""
    step = begun(here)
    os.kill(processes(here)[-1], signal.SIGTERM)
    assert here.ended(name(), step).state is ProbeState.NOT_STARTED
    assert processes(here) == []


def test_all_of_it_is_lost_and_whoever_resumes_takes_it_up(here: Here) -> None:
    """Under the same name, once; a line that was not written to its end is cut off."""
    step = begun(here)
    all_lost(here)
    with (here.job(name()) / "objects.jsonl").open("ab") as ledger:
        ledger.write(b'{"at":"20')
    assert asyncio.run(here.driver.probe(name(), step)).state is ProbeState.NOT_STARTED
    asyncio.run(here.driver.launch(name(), step, ()))
    with pytest.raises(AlreadyClaimed):
        asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 0), seen
    whole(here)
    assert re.search(r"done +(39|40) ", seen.output)


def test_what_was_not_approved_is_not_taken_up(here: Here) -> None:
    """Somebody has written with the old key since: people have to see that."""
    step = begun(here)
    all_lost(here)
    (here.tree / "stranger").write_bytes(sealed("by a writer who does not know"))
    asyncio.run(here.driver.launch(name(), step, ()))
    seen = here.ended(name(), step)
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 1)
    assert "1 versions name the key that were not approved (stranger)" in seen.error_output
    assert opened((here.tree / "stranger").read_bytes(), FIRST)


def test_what_it_found_was_not_what_was_approved(here: Here) -> None:
    """Then nobody goes on under that approval."""
    begun(here)
    all_lost(here)
    other = here.step(count=COUNT, root="1" * 64)
    job = jobs_in(here.directory).of_step(name())
    claim = job.claimed
    assert claim is not None
    (job.path / "claim.json").unlink()
    assert job.claim(replace(claim, payload=other.payload))
    asyncio.run(here.driver.launch(name(), other, ()))
    assert "is not what was approved" in here.ended(name(), other).error_output


def test_where_nobody_takes_it_up_it_has_ended(here: Here) -> None:
    """For good, by whoever applied it, or stops it; another plan goes on with what is left."""
    step = begun(here)
    all_lost(here)
    seen = asyncio.run(here.driver.void(name(), step, ()))
    assert (seen.state, seen.exit_status) == (ProbeState.DONE, 1)
    assert "ended from outside, after" in seen.error_output
    assert "plan again" in seen.error_output
    with pytest.raises(AlreadyClaimed):
        asyncio.run(here.driver.launch(name(), step, ()))
    here.entry = replace(here.entry, objects_per_s=0)
    asyncio.run(here.driver.launch(name(2), signed(here), ()))
    assert here.ended(name(2), step).exit_status == 0
    every = [one for one in here.tree.iterdir() if ".remediate-new-" not in one.name]
    assert all(opened(path.read_bytes(), SECOND) for path in every)
