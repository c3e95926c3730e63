"""The process of a long job: `python -m remediations.systems.stores.job DIRECTORY`.

The driver has claimed the job and holds its lock, which this process inherits. It leaves its caller
at once, and has another one do the work: where that is killed (for want of memory, mostly), it is
started again, and compares first (`job_scope.py`). Whatever ends it, what it did is whole, object
by object (`reencrypt.py`).
"""

from __future__ import annotations

import base64
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from remediations.errors import RemediationError
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.job_directory import (
    JobClaim,
    JobDirectory,
    JobObject,
    JobProgress,
    JobResult,
    OutcomeCount,
)
from remediations.systems.stores.job_scope import (
    JobFailed,
    JobStopped,
    keep_or_compare,
    named_now,
)
from remediations.systems.stores.job_steps import PROVE, JobOrder
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.outcomes import SETTLED, Outcome
from remediations.systems.stores.paced import PacedStore
from remediations.systems.stores.private_key import find_private_key
from remediations.systems.stores.proof import prove
from remediations.systems.stores.reencrypt import Ended, Resealing, Row, StoreLies
from remediations.systems.stores.reencrypt_section import ReencryptEntry
from remediations.systems.stores.scope import Scope
from remediations.systems.stores.sealing import PrivateKey
from remediations.systems.stores.store import NoAnswer, NoSpace, NotReachable, StoreError
from remediations.values.known_secrets import without_secrets
from remediations.values.wire import canonical

ROUNDS = 6
"""Rounds in which somebody else may write; then it says so."""
PATIENCE_S = 600
"""Seconds for which a store may be away, at one object."""
_LONGEST_PAUSE_S = 30.0
_STOPS_WITHIN_S = 1.0
_LIVES = 3
_WANTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals by which a person or the machine wants it to end."""


_MEND = "; mend that and plan again: it goes on with what is left"
_ADVICE: Mapping[type[Exception], str] = MappingProxyType(
    {
        JobStopped: "; plan again: it goes on with what is left",
        StoreLies: "; do not write to that store before its owner knows why",
        NoSpace: "; make room and plan again: it goes on with what is left",
    }
)
"""What to do next, after what went wrong."""


def main(arguments: list[str]) -> int:
    """Leave the caller, and have the job done, also where who does it is killed."""
    if os.fork():
        return 0
    os.setsid()
    directory, began = JobDirectory(Path(arguments[0])), time.monotonic()
    for _ in range(_LIVES):
        worker = os.fork()
        if not worker:
            work_through(directory)
            sys.stderr.flush()
            os._exit(0)  # what the keeper would do at its end is not ours to do
        _, status = os.waitpid(worker, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) in _WANTED:
            return 0
        time.sleep(_STOPS_WITHIN_S)
    told = f"its process was killed {_LIVES} times, the last time by signal {os.WTERMSIG(status)}"
    directory.end(_failed(directory, JobFailed(told), f"{told} (journalctl -k)", began))
    return 0


def work_through(directory: JobDirectory) -> None:
    """Do the job, and keep how it ended."""
    began = time.monotonic()
    try:
        result = carry_out(directory)
    except Exception as bug:  # noqa: BLE001 - it has no other reader than its log and its result
        sys.stderr.write(without_secrets(traceback.format_exc()))
        result = _failed(directory, bug, f"a bug, see job.log: {type(bug).__name__}: {bug}", began)
    directory.end(result)


def carry_out(directory: JobDirectory) -> JobResult:
    """Do a job that is claimed, in this process; how it ended."""
    began = time.monotonic()
    try:
        claim = directory.claimed
        assert claim is not None, "the driver has claimed it"
        return _done(directory, claim, began)
    except (JobFailed, StoreError, StoreLies, RemediationError, OSError) as error:
        return _failed(directory, error, f"{error or type(error).__name__}", began)


def _failed(directory: JobDirectory, error: Exception, said: str, began: float) -> JobResult:
    """How it ended that did not get through: why, what to do next, and how far it was."""
    progress = directory.progress
    return JobResult(
        reason=without_secrets(f"{said}{_ADVICE.get(type(error), _MEND)}"),
        says="nothing was looked at" if progress is None else progress.counts,
        outcomes=(),
        left=0 if progress is None else progress.total - progress.looked_at,
        sealed=0 if progress is None else progress.sealed,
        root="",
        seconds=int(time.monotonic() - began),
        stopped=isinstance(error, JobStopped),
    )


def _done(directory: JobDirectory, claim: JobClaim, began: float) -> JobResult:
    assert claim.payload is not None, "a job that never starts has no process"
    assert claim.place is not None, "it has a place"
    assert claim.entry is not None, "and who does it"
    order = JobOrder.parse(claim.payload)
    os.nice(claim.entry.nice)
    new = _key(claim.entry, order.new_fingerprint, "new")
    if base64.b64encode(new.public).decode() != order.recipient:
        raise JobFailed("the new private key is not the half of the planned public key")
    with closing(store_at(claim.place)) as store:
        if order.deploy == PROVE:
            says = prove(store, claim.entry, new)
            return JobResult(
                reason="", says=says, outcomes=(), left=0, sealed=0, root="",
                seconds=int(time.monotonic() - began),
            )  # fmt: skip
        work = Resealing(
            store=PacedStore(
                store, claim.entry.mebibytes_per_s, partial(wait_unless_stopped, directory)
            ),
            old=_key(claim.entry, order.fingerprint, "old"),
            new=new,
            former=claim.place.rules.former_versions,
            several=claim.entry.several,
        )
        done, renewed = directory.take_up_objects()
        with (directory.path / "objects.jsonl").open("ab") as ledger:
            job = Job(directory, order, claim.entry, work, ledger, began)
            job.sealed = job.taken_up = done
            job.renewed = renewed
            return job.run(claim.place.rules.accept_damaged)


def _key(entry: ReencryptEntry, fingerprint: str, which: str) -> PrivateKey:
    found = find_private_key(entry.private_keys, fingerprint)
    if found is None:
        raise JobFailed(f"none of the files has the {which} private key, {fingerprint}")
    return found[1]


@dataclass
class Job:
    """One store that is sealed anew, from the first round to the last."""

    directory: JobDirectory
    order: JobOrder
    entry: ReencryptEntry
    work: Resealing
    ledger: IO[bytes]
    began: float
    sealed: int = 0
    renewed: int = 0
    """Of those that are sealed: what was written anew, and is in the next round again."""
    told: float = 0.0
    taken_up: int = 0
    """Of those that are sealed: what a process that was lost had done."""

    def run(self, accept_damaged: int) -> JobResult:
        """Rounds, until one changes nothing and meets nobody.

        Raises:
            JobStopped: somebody wants it to end.
            JobFailed: the store stays away, is written to for ever, or a job that is taken up again
                finds what was not approved.
            StoreLies: what was written is not there.
        """
        now = self._patiently(named_now, self.work.store, self.order, self.directory)
        keep_or_compare(now, self.order, self.directory)
        del now
        for _ in range(ROUNDS):
            counts, unsettled = self._round(self._patiently(self.work.rows))
            if not counts[Outcome.DONE] and not counts[Outcome.SKIPPED_CONCURRENT]:
                return self._result(counts, unsettled, accept_damaged)
        raise JobFailed(
            f"others wrote with the old key in each of {ROUNDS} rounds: tell its writers first"
        )

    def _round(self, rows: list[Row]) -> tuple[Counter[Outcome], list[Ended]]:
        """How many ended how, and those that are not settled."""
        self.work.found.clear()
        counts: Counter[Outcome] = Counter()
        unsettled = []
        try:
            for row in rows:
                if self.directory.is_to_stop:
                    left = len(rows) - counts.total()
                    raise JobStopped(f"a person stopped it: {left:,} were not looked at")
                ended = self._patiently(self.work.one, row)
                self._keep(ended)
                counts[ended.outcome] += 1
                if ended.outcome not in SETTLED:
                    unsettled.append(ended)
                self._report(counts.total(), len(rows))
                if ended.written:
                    self._pace()
        finally:
            with suppress(OSError):
                self._report(counts.total(), len(rows), now=True)
        return counts, unsettled

    def _patiently(self, what: Any, *given: Any) -> Any:  # noqa: ANN401 - a call, whatever it is
        """What it returns, tried again for a while where the store is away."""
        until, pause = time.monotonic() + PATIENCE_S, 0.5
        while True:
            try:
                return what(*given)
            except (NotReachable, NoAnswer) as error:
                if self.directory.is_to_stop:
                    raise JobStopped(
                        f"a person stopped it while a store was away: {error}"
                    ) from error
                if time.monotonic() > until:
                    raise JobFailed(f"the store is away: {error}") from error
                self.work.store.close()
                wait_unless_stopped(self.directory, pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _keep(self, ended: Ended) -> None:
        if ended.outcome is Outcome.DONE:
            self.sealed += 1
            self.renewed += bool(ended.version)
        if ended.outcome in (Outcome.ALREADY, Outcome.SKIPPED_FOREIGN):
            return
        line = JobObject(
            at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            key=ended.object.key,
            former=ended.object.version,
            version=ended.version,
            outcome=ended.outcome,
            reason=without_secrets(ended.reason),
            content=ended.tag,
            is_protected=ended.outcome is Outcome.DONE,
            known_since=self.order.known_since,
        )
        self.ledger.write(canonical(line) + b"\n")
        self.ledger.flush()

    def _pace(self) -> None:
        """Sleep as long as the number of objects in a second asks for."""
        if self.entry.objects_per_s:
            least = (self.sealed - self.taken_up) / self.entry.objects_per_s
            wait_unless_stopped(self.directory, least - (time.monotonic() - self.began))

    def _report(self, number: int, total: int, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment < self.told + 1:
            return
        self.told = moment
        seconds = int(moment - self.began)
        self.directory.report_progress(
            JobProgress(looked_at=number, total=total, sealed=self.sealed, seconds=seconds)
        )

    def _result(
        self, counts: Counter[Outcome], unsettled: list[Ended], accept_damaged: int
    ) -> JobResult:
        summary = Scope(self.work.found).summary
        left = [one for one in unsettled if one.names_key]
        keeps = self.work.former is FormerVersions.KEEP
        open_ones = [
            one
            for one in unsettled
            if one.outcome is not Outcome.DAMAGED
            if not (keeps and one.outcome is Outcome.LOCKED and one.is_former)
        ]
        reasons = []
        if counts[Outcome.DAMAGED] > accept_damaged:
            reasons.append(f"{counts[Outcome.DAMAGED]} damaged, {accept_damaged} accepted")
        if open_ones:
            some = ", ".join(
                f"{one.object.key}: {one.outcome.value}, {one.reason}" for one in open_ones[:3]
            )
            reasons.append(f"{len(open_ones)} not sealed anew ({some})")
        others = max(0, counts[Outcome.ALREADY] - self.renewed)
        tally = {**counts, Outcome.DONE: self.sealed, Outcome.ALREADY: others}
        return JobResult(
            reason=without_secrets("; ".join(reasons)),
            says=f"{self.sealed:,} versions sealed anew or retired, {len(left):,} still name "
            f"{self.order.fingerprint[:12]}; {summary.count:,} envelopes name "
            f"{self.order.new_fingerprint[:12]}, root {summary.root}",
            outcomes=tuple(OutcomeCount(outcome=one, count=tally.get(one, 0)) for one in Outcome),
            left=len(left),
            sealed=self.sealed,
            root=summary.root,
            seconds=int(time.monotonic() - self.began),
        )


def wait_unless_stopped(directory: JobDirectory, seconds: float) -> None:
    """Sleep, no longer than until somebody wants the job to end."""
    while seconds > 0 and not directory.is_to_stop:
        pause = min(seconds, _STOPS_WITHIN_S)
        time.sleep(pause)
        seconds -= pause


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
