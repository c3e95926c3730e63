"""What `remediate doctor` says of `sessions`: the machine, the directory, and each item."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.doctor.line import DoctorLine, Urgency, lack_line, ok_line, warn_line
from remediations.playbooks.keys.finding import NAME
from remediations.systems.sessions.reading import ItemReading, SessionsReading
from remediations.values.reading import Unknown

_SEE = "docs/sessions.md"


def session_lines(sessions: SessionsReading) -> Iterator[DoctorLine]:
    """What works of it, and what would be refused. Elsewhere than on their machine items are not
    looked at."""
    if sessions.here != sessions.machine:
        found = f"items are asked on {sessions.machine} alone, and this is {sessions.here}"
        yield warn_line(NAME, "sessions", found, f"`remediate doctor` on {sessions.machine}")
        return
    if sessions.flaw:
        mend = f"a directory of yours with mode 0700: `sessions.directory` ({_SEE})"
        yield lack_line(NAME, "sessions", sessions.flaw, mend, urgency=Urgency.FIRST)
    else:
        yield ok_line(NAME, "sessions", f"{sessions.machine}, its directory is yours alone")
    for item in sessions.items:
        yield _item(item)


def _item(item: ItemReading) -> DoctorLine:
    """The first thing that is missing, or how its probe answers."""
    topic, where = item.target, f"`sessions.items.{item.item.name}`"
    if item.flaw:
        return lack_line(NAME, topic, item.flaw, f"chmod 600 it, or correct {where} ({_SEE})")
    for one in item.programs:
        if isinstance(one.sha256, Unknown):
            return lack_line(
                NAME, topic, one.sha256.reason, f"correct its owner and mode, or {where}"
            )
    if isinstance(item.answer, Unknown):
        mend = (
            f"ask by hand: {item.answer.source}; a probe that does not tell blocks a plan ({_SEE})"
        )
        return lack_line(NAME, topic, f"its probe does not tell: {item.answer.reason}", mend)
    return ok_line(NAME, topic, f"its probe tells: {item.answer.value.seen}")
