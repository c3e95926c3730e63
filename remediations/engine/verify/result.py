"""What a postflight check says."""

from __future__ import annotations

from enum import StrEnum

from remediations.values.record import Record


class CheckOutcome(StrEnum):
    """Of a postflight verification."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"  # could not be evaluated: counts as not verified


class NotVerified(AssertionError):
    """A check raises it where it has nothing to judge, or nothing to compare with: its outcome is
    unknown, which is neither passed nor failed."""


class CheckResult(Record, frozen=True, kw_only=True):
    """One verification. `id` is one of docs/rules/checks.md ("P1"); `host` "" for the whole set."""

    id: str
    title: str
    host: str
    outcome: CheckOutcome
    message: str
    duration_ms: int
