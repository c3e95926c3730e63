"""What runs did to a resource before: for what is diagnosed, planned and approved after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from remediations.engine.plan.plan import ChosenInput, Plan, words_to_plan
from remediations.engine.runs.binding import check_binding
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.lock import is_being_applied
from remediations.engine.runs.records import JournalEntry, RunState
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import RunDirectory, list_runs, state_directory
from remediations.errors import ApprovalError, RemediationError
from remediations.render.formats import format_age, format_moment
from remediations.values.record import Moment, Record

REMEMBERED_FOR = timedelta(days=1)
"""How long a run that did not end well is shown to whoever diagnoses or plans after it."""
_NAMED = "%Y%m%d-%H%M%S"
_NAMED_LENGTH = len("20260101-000000")
"""Names of runs of one second are in the order of their digests, which says nothing."""


class PastRun(NamedTuple):
    """A run with what its files say."""

    run: RunDirectory
    plan: Plan
    entries: tuple[JournalEntry, ...]


class UnprovenRun(Record, frozen=True, kw_only=True):
    """The last run on a resource, which did not end with every check passed. `at` is when its
    journal ends; `steps` are what it did or was to do, as pairs of target and action."""

    run: str
    playbook: str
    branch: str
    inputs: tuple[ChosenInput, ...]
    state: RunState
    at: Moment
    message: str
    steps: tuple[tuple[str, str], ...]

    def did_the_same_as(self, plan: Plan) -> bool:
        """Whether that plan would do once more what has ended: the same actions on the same
        targets, with the same choices."""
        did = (self.playbook, self.branch, self.inputs, self.steps)
        does = (plan.playbook, plan.branch, plan.inputs, _does(plan))
        return self.state is not RunState.RUNNING and did == does

    def told(self, now: datetime) -> str:
        """In one sentence, with the command that shows the rest."""
        return (
            f"{self.run} ({self.playbook}) is {self.state}, {format_age(self.at, now)}: "
            f"{self.message}; `remediate report {self.run}` shows its output"
        )


def last_unproven(resources: Sequence[str], now: datetime) -> UnprovenRun | None:
    """The last run that was begun on one of these resources within a day, unless it was verified.
    Files that cannot be used are left out: whoever asks has something else to say."""
    for past in _begun(resources, now - REMEMBERED_FOR):
        alive = is_being_applied(state_directory(), past.plan.resources, past.run.name)
        status = run_status(past.plan, past.entries, hindrance="", alive=alive)
        if status.state is RunState.VERIFIED:
            return None
        return UnprovenRun(
            run=past.run.name,
            playbook=past.plan.playbook,
            branch=past.plan.branch,
            inputs=past.plan.inputs,
            state=status.state,
            at=past.entries[-1].at,
            message=status.message,
            steps=_does(past.plan),
        )
    return None


def check_open(run: RunDirectory) -> None:
    """Check that there is something to approve: the run was not applied, and nothing has taken its
    place.

    Raises:
        ApprovalError: it was applied; a later run on its resources was; or there is a newer plan
            for the same.
    """
    entries = read_journal(run.journal)
    if entries:
        raise ApprovalError(
            f"{run.reference} was applied already: there is nothing left to approve",
            guard="an open run",
            got=f"a journal that begins {format_moment(entries[0].at)}",
            expected="a run that was not begun",
            next_step=f"`remediate report {run.reference}` shows what was done; then `remediate "
            "diagnose` and a new plan",
        )
    check_newest(run.plan, run.reference, run.name)


def check_newest(plan: Plan, reference: str, name: str) -> None:
    """Check that, as far as this machine knows, nothing has taken the place of the run `name`, or
    of `plan` as a file where that is "".

    Raises:
        ApprovalError: a later run on its resources was applied; or there is a newer plan for the
            same.
    """
    for past in _begun(plan.resources, plan.observed_at):
        if past.entries[0].at > plan.observed_at:
            applied = f"{past.run.name}, which was applied {format_moment(past.entries[0].at)}"
            raise _superseded(plan, reference, applied)
    for past in _past(plan.resources, name or f"{plan.observed_at:{_NAMED}}"):
        later = (
            past.run.name[:_NAMED_LENGTH] > name[:_NAMED_LENGTH]
            if name
            else (past.plan.observed_at > plan.observed_at)
        )
        if later and (past.plan.playbook, past.plan.targets) == (plan.playbook, plan.targets):
            newer = f"{past.run.name}, a newer plan for the same"
            raise _superseded(plan, reference, newer, past.run.name)


def _superseded(plan: Plan, reference: str, got: str, newer: str = "") -> ApprovalError:
    again = " ".join(("remediate", *words_to_plan(plan)))
    return ApprovalError(
        f"{reference} is superseded: it was made from an earlier state",
        guard="an open run",
        got=got,
        expected="the newest plan, and nothing done since it was observed",
        next_step=f"`remediate show {newer}`, and approve that" if newer else again,
    )


def _begun(resources: Sequence[str], since: datetime) -> Iterator[PastRun]:
    """Runs that were begun since then, the last one first. One may have been planned earlier: its
    plan was valid for less than a day."""
    found = _past(resources, f"{since - REMEMBERED_FOR:{_NAMED}}")
    begun = [past for past in found if past.entries and past.entries[-1].at >= since]
    return iter(sorted(begun, key=lambda past: past.entries[0].at, reverse=True))


def _past(resources: Sequence[str], from_name: str) -> Iterator[PastRun]:
    """Runs that share a resource, and whose names, which begin with their time, are not before
    `from_name`."""
    for run in _runs():
        if run.name < from_name:
            continue
        try:
            if not set(resources) & set(run.plan.resources):
                continue
            entries = read_journal(run.journal)
            check_binding(run, entries)
            yield PastRun(run, run.plan, entries)
        except RemediationError:
            continue


def _runs() -> tuple[RunDirectory, ...]:
    try:
        return list_runs()
    except RemediationError:
        return ()


def _does(plan: Plan) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys((step.target, step.action) for step in plan.steps))
