"""The directory of long jobs on the machine that does them (`engine/apply/kept_step.py`):

    jobs/NAME/claim.json      the step's name and bytes, before anything starts; there once
    jobs/NAME/lock            held by the process of the job, for as long as it lives
    jobs/NAME/progress.json   how far it is; replaced each second
    jobs/NAME/objects.jsonl   one line for each object that was not as it should be before
    jobs/NAME/scope.json      what named the old key before the first write (job_scope.py)
    jobs/NAME/result.json     how it ended
    jobs/NAME/job.log         what the process wrote
    jobs/NAME/reserve         room for the result, where the disk is full by then
    jobs/NAME/stop            whoever makes this file has the job end after the object at hand

A job whose lock nobody holds and that has no result was ended from outside. What it did is whole,
object by object. Whoever resumes its run takes it up; where nobody may any more, it has a result
that says so, and another plan goes on with what is left.
"""

from __future__ import annotations

from pathlib import Path

from remediations.engine.apply.kept_step import KeptStep, KeptSteps
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import PRIVATE_FILE, replace_file
from remediations.systems.stores.inventory import Place
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.reencrypt_section import ReencryptEntry
from remediations.values.record import Record
from remediations.values.wire import canonical, decode

LOG = "job.log"
_RESERVE_BYTES = 65536
_SCOPE_BYTES = 4096 * MEGABYTE


class JobClaim(Record, frozen=True, kw_only=True):
    """What is kept of a step before it starts. `payload` is None for one that never starts."""

    plan: str
    step: str
    payload: str | None
    place: Place | None
    entry: ReencryptEntry | None


class JobProgress(Record, frozen=True, kw_only=True):
    """How far a job is: objects that it has looked at, of how many; how many of those it sealed
    anew; and for how many seconds it has run."""

    looked_at: int
    total: int
    sealed: int
    seconds: int

    @property
    def counts(self) -> str:
        """It in one line."""
        return f"{self.looked_at:,} of {self.total:,} objects, {self.sealed:,} sealed anew"

    @property
    def says(self) -> str:
        """It in one line, with the rate and the time that is left."""
        rate = self.looked_at / self.seconds if self.seconds else 0.0
        left = f", {(self.total - self.looked_at) / rate:.0f} s left" if rate else ""
        told = f", {rate:,.0f} a second{left}" if rate else ""
        return f"{self.counts}{told}"


class OutcomeCount(Record, frozen=True, kw_only=True):
    """How many objects ended so."""

    outcome: Outcome
    count: int


class JobResult(Record, frozen=True, kw_only=True):
    """How a job ended. `left` is how many versions still name the key at the last look, `root` that
    over all that names the new one; `reason` says why it is no success, "" for one; `stopped` is
    whether it ended early because a person wanted it to."""

    reason: str
    says: str
    outcomes: tuple[OutcomeCount, ...]
    left: int
    sealed: int
    root: str
    seconds: int
    stopped: bool = False


class JobObject(Record, frozen=True, kw_only=True):
    """A line of `objects.jsonl`. `former` and `version` are what the store calls the version before
    and after ("" where there is none). `content` is the HMAC-SHA-256 of what was in it, by a key
    that follows from the new private key, so whoever cannot open the object cannot try contents
    against it. `is_protected` is about what is read from now on; `known_since` is from when on its
    content must be taken as known."""

    at: str
    key: str
    former: str
    version: str
    outcome: Outcome
    reason: str
    content: str
    is_protected: bool
    known_since: str


class JobDirectory(KeptStep[JobClaim, JobResult]):
    """One job."""

    claim_kind = JobClaim
    result_kind = JobResult
    guard = "job directory"
    mend = "see objects.jsonl beside it, then plan again"

    def make(self) -> None:
        """Make it, if it is not there, with room for how the job ends.

        Raises:
            OSError: it cannot be made, or there is no room.
        """
        super().make()
        if not (self.path / "reserve").exists():
            (self.path / "reserve").write_bytes(bytes(_RESERVE_BYTES))

    @property
    def progress(self) -> JobProgress | None:
        """How far it is, None before it has looked at anything.

        Raises:
            RemediationError: it cannot be read.
        """
        return self.read("progress.json", JobProgress)

    @property
    def is_to_stop(self) -> bool:
        """Whether somebody wants it to end."""
        return (self.path / "stop").exists()

    def ask_to_stop(self) -> None:
        """Have it end after the object at hand.

        Raises:
            OSError: it cannot be asked.
        """
        (self.path / "stop").touch(PRIVATE_FILE)

    def report_progress(self, progress: JobProgress) -> None:
        """Replace it. Whoever reads it meanwhile has the former one."""
        fresh = self.path / "progress.json.new"
        fresh.write_bytes(canonical(progress))
        fresh.chmod(PRIVATE_FILE)
        fresh.rename(self.path / "progress.json")

    @property
    def scope(self) -> bytes | None:
        """What named the old key before the first write; None before that was kept.

        Raises:
            RemediationError, OSError: it cannot be read, or others could have written it.
        """
        try:
            return read_trusted(self.path / "scope.json", limit=_SCOPE_BYTES).data
        except FileNotFoundError:
            return None

    def keep_scope(self, document: bytes) -> None:
        """Keep it, flushed to disk; also for who checks it without us (`tools/scope_verify.py
        after`)."""
        replace_file(self.path / "scope.json", document)

    def take_up_objects(self) -> tuple[int, int]:
        """Cut off a line that was not written to its end; how many versions were done until then,
        and for how many of these a new one was written.

        Raises:
            OSError: it cannot be read or cut.
        """
        done = written = whole = 0
        with (self.path / "objects.jsonl").open("a+b") as file:
            file.seek(0)
            for line in file:
                try:
                    one = decode(line, JobObject) if line.endswith(b"\n") else None
                except ValueError:
                    one = None
                if one is None:
                    break
                whole += len(line)
                done += one.outcome is Outcome.DONE
                written += one.outcome is Outcome.DONE and bool(one.version)
            file.truncate(whole)
        return done, written

    def end(self, result: JobResult) -> None:
        """Keep how it ended, flushed to disk, in the room that was kept for it."""
        (self.path / "reserve").unlink(missing_ok=True)
        super().end(result)


def jobs_in(directory: Path) -> KeptSteps[JobDirectory]:
    """All jobs of a machine, below the directory that the inventory names."""
    return KeptSteps(directory, "jobs", JobDirectory)
