"""What a postflight check says."""

from __future__ import annotations

from enum import StrEnum

from remediations.values.record import Record


class CheckOutcome(StrEnum):
    """Of a postflight verification."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"  # could not be evaluated: counts as not verified


class CheckResult(Record, frozen=True, kw_only=True):
    """One verification. `id` is one of docs/rules/checks.md ("P1"); `host` "" for the whole set."""

    id: str
    title: str
    host: str
    outcome: CheckOutcome
    message: str
    duration_ms: int
