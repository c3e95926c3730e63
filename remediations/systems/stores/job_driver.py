"""Starts long jobs on this machine, each at most once, and follows them (ADR 7, *a long job*).

1. A job is done where the inventory says, and nowhere else: private keys are there.
2. The claim is on disk before the process; its lock is taken here and inherited, so a job that has
   no lock and no result was ended from outside. For who resumes its run it has not started: each
   object happens at most once whoever does it, and the process that takes it up finds out first
   whether all that is left was approved (`job_scope.py`). `void` makes an end of it, for good:
   another plan goes on with what is left then.
3. The process has a session of its own. Whatever becomes of us, it goes on.
4. Nothing secret is handed to it: it reads credentials and keys itself, from their files.
5. A job that runs can be stopped (`StoppableDriver`): each object is whole, so it ends after the
   one at hand, and what is left is planned again. It knows of it by a file in its directory.
6. How a job stands is known on its machine only. Elsewhere nobody can say, and nothing is claimed.

Two machines do not exclude each other by a fence. Compare-and-swap does, object by object.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    Fence,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.apply.kept_step import launch_kept, start_process
from remediations.engine.plan.plan import Step
from remediations.errors import RemediationError
from remediations.reach.background import run_in_thread
from remediations.systems.stores.inventory import Place, StoresEntry, place_text, stores_of
from remediations.systems.stores.job_directory import (
    LOG,
    JobClaim,
    JobDirectory,
    JobResult,
    jobs_in,
)
from remediations.systems.stores.job_steps import JobOrder
from remediations.systems.stores.job_table import outcome_table
from remediations.systems.stores.reencrypt_section import ReencryptEntry
from remediations.values.inventory import Inventory

_MODULE = "remediations.systems.stores.job"
_START_S = 60


class JobDriver:
    """Starts and follows jobs (`Driver`)."""

    def __init__(self, reach: object) -> None:
        self._reach = reach

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
        """Claim it and start its process; also where one was lost that had claimed it.

        Raises:
            AlreadyClaimed: it was started before, and runs or has ended.
            NotLaunched: this is not its machine, or its directory cannot be used.
            LaunchFailed: the process could not be started.
        """
        del fences  # compare-and-swap is what excludes others
        place, entry = self._agreed(work)
        job = self._job(step, entry)
        claim = JobClaim(
            plan=step.plan, step=step.step, payload=work.payload, place=place, entry=entry
        )

        def start() -> None:
            if _was_lost(job):
                _take_up(job, work)
            else:
                launch_kept(job, work, claim, _MODULE, log=LOG, limit_s=_START_S)

        await run_in_thread(start)

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the job stands, by what it has written and by its lock."""
        return await run_in_thread(_probe, self._job_here(step, work))

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Claim it as one that never starts, or end one for good whose process was lost. One that
        runs or has ended is left alone."""
        del fences
        job = self._job_here(step, work)
        never = JobClaim(plan=step.plan, step=step.step, payload=None, place=None, entry=None)
        try:
            await run_in_thread(_void, job, never)
        except (RemediationError, OSError) as error:
            raise NoAnswer(f"{work.target}: it cannot be claimed", got=str(error)) from error
        return await self.probe(step, work)

    async def ask_to_stop(self, step: StepId, work: Step) -> None:
        """Have it end after the object at hand, if it runs."""
        job = self._job_here(step, work)
        try:
            await run_in_thread(_ask_to_stop, job)
        except OSError as error:
            raise NoAnswer(f"{work.target}: its job cannot be asked", got=str(error)) from error

    async def holds(self, work: Step) -> bool:
        """Not needed to settle a step: each that was claimed runs or has ended."""
        raise NoAnswer(f"{work.target}: its job tells", got="no job is kept")

    @property
    def _entry(self) -> StoresEntry:
        inventory = getattr(self._reach, "inventory", None)
        assert isinstance(inventory, Inventory), "connections know their inventory"
        return stores_of(inventory)

    def _job(self, step: StepId, entry: ReencryptEntry | None) -> JobDirectory:
        if entry is None:
            raise NoAnswer("nobody seals anew here", got="an inventory without stores.reencrypt")
        return jobs_in(Path(entry.directory)).of_step(step)

    def _job_here(self, step: StepId, work: Step) -> JobDirectory:
        entry, here = self._entry.reencrypt, socket.gethostname()
        if entry is not None and entry.machine != here:
            got = f"this is {here}: `remediate status` and `remediate stop` work on {entry.machine}"
            raise NoAnswer(f"{work.target}: its job is on {entry.machine}", got=got)
        return self._job(step, entry)

    def _agreed(self, work: Step) -> tuple[Place, ReencryptEntry]:
        """The place of the plan as the inventory has it, and who does it.

        Raises:
            NotLaunched: they differ, or this is another machine.
        """
        try:
            order = JobOrder.parse(work.payload)
        except ValueError as error:
            raise NotLaunched(f"{work.target} has no bytes of ours", got=str(error)) from error
        place, entry = self._entry.place(order.store), self._entry.reencrypt
        if place is None or entry is None or place_text(place) != order.place:
            got = "no such store" if place is None else place_text(place)
            raise NotLaunched(f"{work.target} is another place in the inventory", got=got)
        here = socket.gethostname()
        if here != order.machine or entry.machine != order.machine:
            raise NotLaunched(f"{work.target} is sealed anew on {order.machine}", got=here)
        if flaw := jobs_in(Path(entry.directory)).flaw:
            raise NotLaunched("the directory of jobs is not used", got=flaw)
        return place, entry


def _void(job: JobDirectory, never: JobClaim) -> None:
    job.make()
    if not job.claim(never) and _was_lost(job):
        with suppress(BlockingIOError), job.held():  # somebody takes it up: then it runs
            if job.result is None:
                job.end(_lost(job))


def _was_lost(job: JobDirectory) -> bool:
    """Whether it was started, and neither runs nor has a result."""
    try:
        claim = job.claimed
        running = claim is not None and job.is_running  # before the result: it ends with one
        return bool(claim and claim.payload) and not running and job.result is None
    except (RemediationError, OSError) as error:
        raise NoAnswer("the directory of the job cannot be read", got=str(error)) from error


def _take_up(job: JobDirectory, work: Step) -> None:
    """Start another process for it.

    Raises:
        AlreadyClaimed: somebody else has.
        LaunchFailed: it did not start.
    """
    had = AlreadyClaimed(f"{work.target} has had this step", got="it is kept")
    try:
        with job.held() as lock:
            if job.result is not None:
                raise had
            start_process(job.path, lock, _MODULE, log=LOG, limit_s=_START_S)
    except BlockingIOError:
        raise had from None
    except (RemediationError, OSError) as error:
        raise LaunchFailed(f"{work.target} cannot be taken up", got=str(error)) from error


def _lost(job: JobDirectory) -> JobResult:
    """The end of a job that nobody takes up any more."""
    progress = job.progress
    said = "before it looked at anything" if progress is None else f"after {progress.counts}"
    return JobResult(
        reason=f"the job was ended from outside, {said} (see {job.path}/job.log); plan again: it "
        "goes on with what is left",
        says="nobody has taken it up",
        outcomes=(),
        left=0 if progress is None else progress.total - progress.looked_at,
        sealed=0 if progress is None else progress.sealed,
        root="",
        seconds=0 if progress is None else progress.seconds,
    )


def _ask_to_stop(job: JobDirectory) -> None:
    if job.is_running:
        job.ask_to_stop()


def _ended(job: JobDirectory, payload: str, result: JobResult) -> ProbeResult:
    """How it ended. The report has the outputs in full; the last line of them is for screens."""
    objects = job.path / "objects.jsonl"
    table = outcome_table(result, JobOrder.parse(payload).known_since, objects)
    if result.reason:
        told = f"{result.reason}; {result.says}; each object: {objects}"
        return ProbeResult(
            state=ProbeState.DONE,
            exit_status=1,
            error_output=f"{table}\n{told}".lstrip(),
            stopped=result.stopped,
        )
    return ProbeResult(
        state=ProbeState.DONE, exit_status=0, output=f"{table}\n{result.says}".lstrip()
    )


def _probe(job: JobDirectory) -> ProbeResult:
    try:
        claim = job.claimed
        running = claim is not None and job.is_running  # before the result: it ends with one
        result, progress = job.result, job.progress
    except (RemediationError, OSError) as error:
        raise NoAnswer("the directory of the job cannot be read", got=str(error)) from error
    if claim is None:
        return ProbeResult(state=ProbeState.NOT_STARTED)
    if claim.payload is None:
        return ProbeResult(state=ProbeState.VOIDED)
    if result is not None:
        return _ended(job, claim.payload, result)
    if running:
        said = "" if progress is None else progress.says
        return ProbeResult(state=ProbeState.RUNNING, output=said)
    return ProbeResult(state=ProbeState.NOT_STARTED)
