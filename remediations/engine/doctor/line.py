"""One line of `remediate doctor`: something that is there, doubtful, or lacking."""

from __future__ import annotations

from enum import IntEnum, StrEnum

from remediations.values.record import Record

MACHINE, INVENTORY = "this machine", "inventory"
"""Subjects of lines that are about no host and no domain."""


class State(StrEnum):
    """`lack` stands in the way of a rescue; `warn` does not, yet."""

    OK = "ok"
    WARN = "warn"
    LACK = "lack"


class Urgency(IntEnum):
    """In which order what lacks is to be mended."""

    FIRST = 0  # it can do harm while it is not
    USUAL = 1
    LAST = 2  # it often follows from something else


class Line(Record, frozen=True, kw_only=True):
    """What was found about `topic` of `subject` (a host, a domain, or one of the constants above).

    `mend` is the command, or the action where no command can do it; "" where all is well.
    """

    subject: str
    topic: str
    state: State
    found: str
    mend: str
    urgency: Urgency = Urgency.USUAL


def ok(subject: str, topic: str, found: str) -> Line:
    """It is as it should be."""
    return Line(subject=subject, topic=topic, state=State.OK, found=found, mend="")


def warn(subject: str, topic: str, found: str, mend: str) -> Line:
    """It works today, and will not on some other day."""
    return Line(subject=subject, topic=topic, state=State.WARN, found=found, mend=mend)


def lack(
    subject: str, topic: str, found: str, mend: str, *, urgency: Urgency = Urgency.USUAL
) -> Line:
    """Something would be refused, or could not be known."""
    return Line(
        subject=subject,
        topic=topic,
        state=State.LACK,
        found=found,
        mend=mend,
        urgency=urgency,
    )
