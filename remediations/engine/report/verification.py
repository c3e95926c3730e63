"""Which verifications a run had, and the one with which its plots and its duration go on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from remediations.engine.apply.look import Sample
from remediations.engine.runs.records import (
    Checked,
    CheckEnded,
    JournalEntry,
    RunBegan,
    RunEnded,
    Verified,
)
from remediations.engine.verify.result import CheckOutcome
from remediations.values.record import Moment, Record

WORST_FIRST = (CheckOutcome.FAILED, CheckOutcome.UNKNOWN, CheckOutcome.PASSED)


class Verification(Record, frozen=True, kw_only=True):
    """One time that the checks were run, from its beginning to its last check or look."""

    began: Moment
    ended: Moment
    state: Verified
    message: str
    checks: tuple[CheckEnded, ...]


class Proof(Record, frozen=True, kw_only=True):
    """The verification that belongs to a run: its first one, unless that came long after it.

    `run_ended` is when carrying out ended, `samples` are the looks that the checks made.
    """

    run_ended: Moment
    verification: Verification
    samples: tuple[Sample, ...]


class CheckMoment(NamedTuple):
    """When a check ended on the last of its hosts, and the worst that it came to on any."""

    id: str
    at: datetime
    outcome: CheckOutcome
    ends: tuple[CheckEnded, ...]


def verifications(entries: Iterable[JournalEntry]) -> tuple[Verification, ...]:
    """Every one in the journal, in order."""
    return tuple(_of(entry.event) for entry in entries if isinstance(entry.event, Checked))


def deciding(every: Sequence[Verification]) -> Verification | None:
    """The one that decides the state of the run: the first in which all checks pass, which no later
    one takes back; else the last one."""
    verified = (one for one in every if one.state == "verified")
    return next(verified, every[-1] if every else None)


def proof_of(entries: Sequence[JournalEntry]) -> Proof | None:
    """The first verification after the end of the run, if the time between both is not longer than
    run and checks together: on one axis of time, all else would be too narrow to be seen."""
    times = {type(e.event): e.at for e in entries if isinstance(e.event, RunBegan | RunEnded)}
    first = next((e.event for e in entries if isinstance(e.event, Checked)), None)
    if first is None or RunBegan not in times or RunEnded not in times:
        return None
    found, ended = _of(first), times[RunEnded]
    between = found.began - ended
    at_work = (ended - times[RunBegan]) + (found.ended - found.began)
    if not timedelta() <= between <= at_work:
        return None
    return Proof(run_ended=ended, verification=found, samples=first.samples)


def check_moments(checks: Sequence[CheckEnded]) -> tuple[CheckMoment, ...]:
    """Every check once, in the order in which they were done with."""
    by_id: dict[str, list[CheckEnded]] = {}
    for one in checks:
        by_id.setdefault(one.id, []).append(one)
    moments = [
        CheckMoment(
            id=check,
            at=max(end.at for end in ends),
            outcome=min((end.outcome for end in ends), key=WORST_FIRST.index),
            ends=tuple(ends),
        )
        for check, ends in by_id.items()
    ]
    return tuple(sorted(moments, key=lambda moment: moment.at))


def _of(event: Checked) -> Verification:
    last = (one.at for those in (event.ended, event.samples) for one in those[-1:])
    return Verification(
        began=event.began,
        ended=max(last, default=event.began),
        state=event.state,
        message=event.message,
        checks=event.ended,
    )
