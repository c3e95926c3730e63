"""One line of `remediate doctor`: something that is there, doubtful, or lacking."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from remediations.values.record import Record

MACHINE, INVENTORY = "this machine", "inventory"
"""Subjects of lines that are about no host and no domain."""


class LineState(StrEnum):
    """`lack` stands in the way of a rescue; `warn` does not, yet."""

    OK = "ok"
    WARN = "warn"
    LACK = "lack"


class Urgency(IntEnum):
    """In which order what lacks is to be mended."""

    FIRST = 0  # it can do harm while it is not
    USUAL = 1
    LAST = 2  # it often follows from something else


class DoctorLine(Record, frozen=True, kw_only=True):
    """What was found about `topic` of `subject` (a host, a domain, or one of the constants above).

    `mend` is the command, or the action where no command can do it; "" where all is well.
    """

    subject: str
    topic: str
    state: LineState
    found: str
    mend: str
    urgency: Urgency = Urgency.USUAL


def ok_line(subject: str, topic: str, found: str) -> DoctorLine:
    """It is as it should be."""
    return DoctorLine(subject=subject, topic=topic, state=LineState.OK, found=found, mend="")


def warn_line(subject: str, topic: str, found: str, mend: str) -> DoctorLine:
    """It works today, and will not on some other day."""
    return DoctorLine(subject=subject, topic=topic, state=LineState.WARN, found=found, mend=mend)


def lack_line(
    subject: str, topic: str, found: str, mend: str, *, urgency: Urgency = Urgency.USUAL
) -> DoctorLine:
    """Something would be refused, or could not be known."""
    return DoctorLine(
        subject=subject,
        topic=topic,
        state=LineState.LACK,
        found=found,
        mend=mend,
        urgency=urgency,
    )
