"""One line of `remediate doctor`: something that is there, doubtful, or lacking."""

from __future__ import annotations

from enum import StrEnum

from remediations.values.record import Record

MACHINE, INVENTORY, CHAIN = "this machine", "inventory", "chain"
"""Subjects of lines that are about no single host."""


class State(StrEnum):
    """`lack` stands in the way of a rescue; `warn` does not, yet."""

    OK = "ok"
    WARN = "warn"
    LACK = "lack"


class Line(Record, frozen=True, kw_only=True):
    """What was found about `topic` of `subject` (a host, or one of the constants above).

    `mend` is the command, or the action where no command can do it; "" where all is well.
    """

    subject: str
    topic: str
    state: State
    found: str
    mend: str


def ok(subject: str, topic: str, found: str) -> Line:
    """It is as it should be."""
    return Line(subject=subject, topic=topic, state=State.OK, found=found, mend="")


def warn(subject: str, topic: str, found: str, mend: str) -> Line:
    """It works today, and will not on some other day."""
    return Line(subject=subject, topic=topic, state=State.WARN, found=found, mend=mend)


def lack(subject: str, topic: str, found: str, mend: str) -> Line:
    """Something would be refused, or could not be known."""
    return Line(subject=subject, topic=topic, state=State.LACK, found=found, mend=mend)
