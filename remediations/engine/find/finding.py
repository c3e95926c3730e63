"""The Finding: a conclusion, complete for people, whatever it is about.

A domain concludes in values of its own and tells them here: one verdict for the whole, one
condition for each subject, rows for the first screen, tables, and the readings behind all of it.
Screens, reports, exit codes and "nothing to do" are made of these alone.
"""

from __future__ import annotations

from enum import StrEnum

from remediations.values.record import Moment, Record


class Health(StrEnum):
    """What a finding amounts to. In the order of severity."""

    WELL = "well"
    UNKNOWN = "unknown"  # too little could be read to conclude
    DEGRADED = "degraded"  # it works, and something of it does not
    DOWN = "down"


class Evidence(Record, frozen=True, kw_only=True):
    """One reading that supports a conclusion. `reading` is its path, as `hall.state`."""

    reading: str
    says: str
    source: str
    at: Moment


class FindingRow(Record, frozen=True, kw_only=True):
    """A line of the first screen: `fuse`, `in since noon`; `health` is what it says of all."""

    title: str
    text: str
    health: Health | None = None


class Subject(Record, frozen=True, kw_only=True):
    """What is wrong with one thing that can be acted on.

    `weight` is how much of the domain's measure it is, None for none; `cause` says in one sentence
    why; `by_hand` what to do where no playbook resolves it, else "".
    """

    name: str
    condition: str
    health: Health
    weight: int | None
    cause: str
    by_hand: str
    evidence: tuple[Evidence, ...]


class FindingTable(Record, frozen=True, kw_only=True):
    """Something that has rows, as parts of a network. Each row has a cell for each column."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Refuse rows that the columns do not fit, with a ValueError."""
        super().__post_init__()
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("Expected a cell for each column")


class Finding(Record, frozen=True, kw_only=True):
    """The conclusion of one domain about one observation.

    `verdict` is one of the domain's classes (`dark`), `headline` what stands beside it (`1 of 2
    lamps are lit`). `since` (UTC) is when it began, None where that is not known or nothing did.
    `noun` is what a subject is called (`lamp`), `measure` what is counted of them (`watts`), ""
    for nothing. `playbook` is the one that is worth planning, "" for none; then `next_step` says
    what to do. `witnesses` bore witness to the whole.
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

    @property
    def well(self) -> bool:
        """Whether the whole and each subject is well: then there is nothing to do."""
        return self.health is Health.WELL and all(s.health is Health.WELL for s in self.subjects)
