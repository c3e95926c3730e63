"""Which lines of a journal still count, and which of them is the cause.

A line explains why a node stands only if the node did not go on since (docs/diagnosis.md#lines):

1. It is of the present process; of a unit that does not come up, of its last attempts.
2. It is not older than the newest block that the node has: that block was made after it.
3. The height that it names is not passed by the node.
4. The node did not vote in a round that began after it.

Of the lines that are left the newest cause counts: lines within `EPISODE` before the newest are of
one event, and the most specific of them tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.playbooks.chain.diagnose.context import ChainContext
from remediations.playbooks.chain.diagnose.node_view import LOOPS, NodeView
from remediations.systems.comet.journal_ends import is_wrapper_word
from remediations.systems.comet.journal_lines import LineKind, Symptom, named_height, plain_line
from remediations.systems.comet.journal_table import TABLE, kind_of
from remediations.systems.hosts.values import JournalLine
from remediations.values.reading import value_or_none

LAST_ATTEMPTS = timedelta(minutes=2)
"""How long before its last start the lines of a unit that does not come up concern the same
fault."""
CLOCKS_APART = timedelta(seconds=30)
"""By how much a line may be older than a block that was made before it: a block has the time of
other clocks."""
EPISODE = timedelta(seconds=10)
LATE_PLAN = 1
"""The line of an upgrade names the height of its plan, and x/upgrade takes a plan also in the block
of that height (`ScheduleUpgrade` refuses what is below only): the next one needs its program."""
_ORDER = {kind.symptom: number for number, kind in enumerate(TABLE)}


@dataclass(frozen=True)
class Told:
    """A line that counts, as `plain_line` gives it, and the row that says what it is."""

    at: datetime
    line: str
    kind: LineKind


def lines_of_attempts(view: NodeView) -> tuple[JournalLine, ...]:
    """The journal of the present process; of a unit that does not come up, of its last attempts."""
    entries = value_or_none(view.reading.journal) or ()
    since = view.started_at
    if since is None:
        return entries
    unit = view.unit
    if not view.answers and unit and (unit.restarts >= LOOPS or unit.active_state == "failed"):
        since -= LAST_ATTEMPTS
    return tuple(entry for entry in entries if entry.at >= since)


def told_by_journal(
    view: NodeView, context: ChainContext, cured: Collection[Symptom]
) -> tuple[Told, ...]:
    """The lines of some kind that count, oldest first. What `cured` names is over, as other
    readings show."""
    return tuple(_told(view, context, cured))


def cause_among(told: Sequence[Told]) -> Told | None:
    """The most specific line of the newest event; the newest of equal ones."""
    if not told:
        return None
    newest = [one for one in told if one.at >= told[-1].at - EPISODE]
    return min(reversed(newest), key=lambda one: _ORDER[one.kind.symptom])


def _told(view: NodeView, context: ChainContext, cured: Collection[Symptom]) -> Iterator[Told]:
    since = _alive_at(view, context)
    passed = passed_height(view)
    for entry in lines_of_attempts(view):
        line = plain_line(entry.message)
        kind = kind_of(line, cured)
        if kind is None or is_wrapper_word(line) or (since is not None and entry.at < since):
            continue
        height = named_height(line)
        if height is not None and kind.symptom is Symptom.UPGRADE:
            height += LATE_PLAN
        if height is not None and 0 < height <= passed:
            continue
        yield Told(entry.at, line, kind)


def passed_height(view: NodeView) -> int:
    """The highest block that the node has certainly applied: that of its application, or the one
    before its newest. Not what its key signed: a store may have been rebuilt since."""
    app = view.app.height if view.app is not None else 0
    return max(app, view.height - 1)


def _alive_at(view: NodeView, context: ChainContext) -> datetime | None:
    """When the node certainly went on: at its newest block; at the start of the height in which it
    voted; now, if its height rises, or if it voted in a round that began between the samples. None
    if the node does not answer."""
    status = view.status
    if status is None:
        return None
    seen = [context.began if view.rises else status.block_time - CLOCKS_APART]
    addresses = context.power.addresses
    if view.address in addresses and view.round is not None:
        own = addresses.index(view.address)
        first, last = view.rounds[0], view.round
        if len(last.prevotes) == len(addresses) and last.prevotes[own]:
            later = (last.height, last.round) > (first.height, first.round)
            seen.append(context.began if later else last.started)
    return max(seen)
