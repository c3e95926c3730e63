"""One line of `remediate doctor`: something that is in order, doubtful, or missing."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from remediations.values.record import Record

MACHINE, INVENTORY = "this machine", "inventory"
"""The subjects of lines that are not about a host or a domain."""


class LineState(StrEnum):
    """The state of a line. `lack` prevents a rescue; `warn` does not, yet."""

    OK = "ok"
    WARN = "warn"
    LACK = "lack"


class Urgency(IntEnum):
    """The order in which missing things should be fixed."""

    FIRST = 0  # it can do harm until it is fixed
    USUAL = 1
    LAST = 2  # it often follows from something else


class DoctorLine(Record, frozen=True, kw_only=True):
    """What was found about `topic` of `subject` (a host, a domain, or one of the constants above).

    `mend` is the command that fixes it, or the action if no command can; "" if all is well.
    """

    subject: str
    topic: str
    state: LineState
    found: str
    mend: str
    urgency: Urgency = Urgency.USUAL


def ok_line(subject: str, topic: str, found: str) -> DoctorLine:
    """A line about something that is as it should be."""
    return DoctorLine(subject=subject, topic=topic, state=LineState.OK, found=found, mend="")


def warn_line(subject: str, topic: str, found: str, mend: str) -> DoctorLine:
    """A line about something that works today, and may fail later."""
    return DoctorLine(subject=subject, topic=topic, state=LineState.WARN, found=found, mend=mend)


def lack_line(
    subject: str, topic: str, found: str, mend: str, *, urgency: Urgency = Urgency.USUAL
) -> DoctorLine:
    """A line about something that would be refused, or could not be determined."""
    return DoctorLine(
        subject=subject,
        topic=topic,
        state=LineState.LACK,
        found=found,
        mend=mend,
        urgency=urgency,
    )
