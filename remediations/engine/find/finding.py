"""The Finding: a conclusion, complete for people, whatever it is about.

A domain concludes in values of its own and presents them here: one verdict for the whole, one
condition for each subject, rows for the first screen, tables, and the readings behind all of it.
Screens, reports, exit codes and "nothing to do" are derived from these alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from msgspec import UNSET, UnsetType

from remediations.values.reading import Known, Unknown
from remediations.values.record import Moment, Record


class Health(StrEnum):
    """The health that a finding reports, in order of severity."""

    WELL = "well"
    UNKNOWN = "unknown"  # too little could be read to conclude
    DEGRADED = "degraded"  # it works, and something of it does not
    DOWN = "down"


class Evidence(Record, frozen=True, kw_only=True):
    """One reading that supports a conclusion. `reading` is its path, such as `hall.state`."""

    reading: str
    says: str
    source: str
    at: Moment


class FindingRow(Record, frozen=True, kw_only=True):
    """A line of the first screen: `fuse`, `in since noon`. `health` is what it says about the
    whole, None if nothing."""

    title: str
    text: str
    health: Health | None = None


class Subject(Record, frozen=True, kw_only=True):
    """What is wrong with one thing that can be acted on.

    `weight` is its share of the domain's measure, None if it has none; `cause` says why in one
    sentence; `by_hand` says what to do if no playbook resolves it, else "".
    """

    name: str
    condition: str
    health: Health
    weight: int | None
    cause: str
    by_hand: str
    evidence: tuple[Evidence, ...]


class FindingTable(Record, frozen=True, kw_only=True):
    """A table, such as the parts of a network. Each row has one cell for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Raise a ValueError if a row does not have one cell for each column."""
        super().__post_init__()
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("Expected a cell for each column")


class Finding(Record, frozen=True, kw_only=True):
    """The conclusion of one domain about one observation.

    `verdict` is one of the domain's classes (`dark`), `headline` the sentence beside it (`1 of 2
    lamps are lit`). `since` (UTC) is when it began, None if that is unknown or nothing is wrong.
    `noun` is what a subject is called (`lamp`), `measure` what is counted of them (`watts`), "" for
    nothing. `playbook` is the one worth planning, "" for none; then `next_step` says what to do.
    `witnesses` are the subjects whose readings support the verdict. `causes` are the domains whose
    trouble, if they have any, comes from what is found here: they are not well before this one is.
    """

    domain: str
    verdict: str
    health: Health
    headline: str
    explanation: str
    since: Moment | None
    rows: tuple[FindingRow, ...]
    noun: str
    measure: str
    subjects: tuple[Subject, ...]
    tables: tuple[FindingTable, ...]
    next_step: str
    playbook: str
    witnesses: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    causes: tuple[str, ...] | UnsetType = UNSET

    @property
    def well(self) -> bool:
        """Whether the whole and every subject are well, so that there is nothing to do."""
        return self.health is Health.WELL and all(s.health is Health.WELL for s in self.subjects)


T = TypeVar("T")


def evidence_of(path: str, reading: Known[T] | Unknown, says: str = "") -> Evidence:
    """The evidence for the reading at `path`; that of an unknown one says why it is unknown."""
    if isinstance(reading, Unknown):
        says = f"unknown: {reading.reason}" + (f" ({says})" if says else "")
    return Evidence(reading=path, says=says, source=reading.source, at=reading.at)
