"""All cases, and those of which the answer is still wrong."""

from __future__ import annotations

from tests.unit.field import (
    cases_journal,
    cases_network,
    cases_signing,
    cases_start,
    neighbours_chain,
    neighbours_ends,
    neighbours_signing,
)
from tests.unit.field.case import Case

CASES: tuple[Case, ...] = (
    *cases_signing.CASES.found,
    *cases_journal.CASES.found,
    *cases_start.CASES.found,
    *cases_network.CASES.found,
    *neighbours_signing.CASES.found,
    *neighbours_chain.CASES.found,
    *neighbours_ends.CASES,
)
