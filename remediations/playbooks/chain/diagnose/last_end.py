"""The last end of a daemon that does not come up: its words, and whether a file that decides how it
starts was changed since.

Where its last attempts ended with the same words, one more ends so, too, while nothing has changed.
After a change one attempt is worth it; if that ends the same way, it is later than the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from shlex import quote

from msgspec import UNSET

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict
from remediations.playbooks.chain.diagnose.journal_time import (
    cause_among,
    lines_of_attempts,
    told_by_journal,
)
from remediations.playbooks.chain.diagnose.node_view import LOOPS, NodeView
from remediations.playbooks.chain.diagnose.symptom_rules import RULES
from remediations.playbooks.chain.diagnose.unit_condition import silent_condition
from remediations.render.formats import format_moment, name_some
from remediations.systems.comet.journal_ends import Ending, repeated_end
from remediations.systems.comet.journal_lines import cause_of
from remediations.systems.hosts.values import FileChange, Unit
from remediations.values.reading import Unknown, value_or_none

_MENDABLE = frozenset({NodeCondition.OBSTRUCTED, NodeCondition.OPEN_FILES})
"""What a file that changed may have mended, among the conditions that the journal names."""


@dataclass(frozen=True)
class _Mended:
    """What a daemon said before its last end, and the files that were changed since."""

    reason: str
    files: tuple[FileChange, ...]


def end_of(view: NodeView) -> Ending | None:
    """The last end of the daemon among its last attempts; None if there is none with words."""
    unit = view.unit
    return repeated_end(lines_of_attempts(view), unit.name) if unit is not None else None


def end_evidence(view: NodeView, end: Ending) -> Evidence:
    """The line with its last words."""
    return Evidence(
        reading=f"{view.host}.journal",
        says=cause_of(end.words),
        source=view.reading.journal.source,
        at=end.at,
    )


def changed_since(view: NodeView, at: datetime) -> tuple[FileChange, ...]:
    """The files that decide how it starts and that were changed after `at`, newest first; both
    times are by the host's clock. What systemd has not read yet changes nothing."""
    stale = view.unit is not None and view.unit.needs_reload
    found = [one for one in _changes(view) if one.at > at and not (one.of_unit and stale)]
    return tuple(sorted(found, key=lambda one: (one.at, one.path), reverse=True))


def _changes(view: NodeView) -> tuple[FileChange, ...]:
    reading = view.reading.changes
    return () if reading is UNSET else value_or_none(reading) or ()


def keeps_failing(view: NodeView, _context: ChainContext) -> NodeVerdict | None:
    """Each of its last attempts ended with the same words, and nothing has changed since: one more
    would end so, too."""
    unit = view.unit
    if view.answers or unit is None or not _ended_by_itself(unit):
        return None
    end = end_of(view)
    if end is None or end.times < LOOPS or changed_since(view, end.at):
        return None
    reason = cause_of(end.words)
    cause = f"it ended {end.times} times with the same words: {reason}; {_unchanged(view, end)}"
    return NodeVerdict(
        NodeCondition.KEEPS_FAILING,
        cause,
        (end_evidence(view, end), *view.unit_evidence(), *_change_evidence(view, ())),
        _advice(view, end),
        reason,
    )


def _ended_by_itself(unit: Unit) -> bool:
    """Whether the last thing that happened to it was an end, and not a stop: a loop that somebody
    stopped between two attempts keeps the result of the last one."""
    stopped = unit.active_state == "inactive" and unit.result == "exit-code"
    return stopped or unit.active_state in ("activating", "failed")


def mended_since(view: NodeView, context: ChainContext) -> NodeVerdict | None:
    """A file that may be what its last end asked for was changed since: a start is worth an
    attempt, and what is wrong with it is only that it does not run."""
    mended = _mended(view, context)
    verdict = silent_condition(view, context) if mended is not None else None
    if mended is None or verdict is None or verdict.condition.rule.cure is None:
        return None
    files = name_some([f"{one.path} ({format_moment(one.at)})" for one in mended.files], 2)
    cause = f"{verdict.cause}; its last words were: {mended.reason}; changed since: {files}"
    evidence = (*verdict.evidence, *_change_evidence(view, mended.files))
    return replace(
        verdict, cause=f"{cause}; a start is worth an attempt", evidence=evidence, by_hand=""
    )


def may_be_mended(view: NodeView, condition: NodeCondition | None, at: datetime) -> bool:
    """Whether a line of `at` that names `condition` is followed by a change that may have mended
    it. Of a process that answers nothing is mended before it ends."""
    if view.answers or condition not in _MENDABLE:
        return False
    end = end_of(view)
    return bool(changed_since(view, max(at, end.at) if end is not None else at))


def _mended(view: NodeView, context: ChainContext) -> _Mended | None:
    if view.answers:
        return None
    end = end_of(view)
    told = cause_among(told_by_journal(view, context, frozenset()))
    if told is not None and RULES[told.kind.symptom].condition in _MENDABLE:
        at = max(told.at, end.at) if end is not None else told.at
        reason = cause_of(told.line)
    elif end is not None and end.times >= LOOPS:
        at, reason = end.at, cause_of(end.words)
    else:
        return None
    files = changed_since(view, at)
    return _Mended(reason, files) if files else None


def _unread(view: NodeView, at: datetime) -> str:
    """The files of the unit that were changed after `at` and that systemd has not read, in words;
    "" for none."""
    if view.unit is None or not view.unit.needs_reload:
        return ""
    return name_some([one.path for one in _changes(view) if one.of_unit and one.at > at], 2)


def _unchanged(view: NodeView, end: Ending) -> str:
    """What is known of the files that decide how it starts."""
    reading = view.reading.changes
    if reading is UNSET:
        return "whether a file of it changed since was not read"
    if isinstance(reading, Unknown):
        return f"whether a file of it changed since is not known ({reading.reason})"
    if unread := _unread(view, end.at):
        return f"{unread} changed since, and systemd has not read it"
    return "neither its unit nor its settings, genesis or program changed since"


def _advice(view: NodeView, end: Ending) -> str:
    """What the reason asks for, and what makes a plan possible again."""
    if _unread(view, end.at):
        return (
            "`sudo systemctl daemon-reload` there, so that systemd reads what was changed; then "
            "`remediate diagnose` again."
        )
    unit = quote(view.unit.name) if view.unit is not None else "UNIT"
    return (
        f"Another start would end the same way. Mend what its last words name "
        f"({cause_of(end.words)}). Where that changes its unit, settings, genesis or program, "
        "`remediate diagnose` again offers a start; where it lies elsewhere, "
        f"`sudo systemctl restart {unit}` there."
    )


def _change_evidence(view: NodeView, files: Sequence[FileChange]) -> tuple[Evidence, ...]:
    """These files, or else the one that was changed last."""
    reading = view.reading.changes
    if reading is UNSET:
        return ()
    shown = files or sorted(_changes(view), key=lambda one: one.at)[-1:]
    says = ", ".join(f"{one.path} changed {format_moment(one.at)}" for one in shown[:3])
    return (evidence_of(f"{view.host}.changes", reading, says or "no file"),)
