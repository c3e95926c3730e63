"""What a job has done, as a table for its report: by outcome, what is protected and what is known.

Two columns are about each version: whether it is protected from now on, and since when its content
must be taken as known, which no sealing anew takes back. Each single one is in `objects.jsonl`.
Pure.
"""

from __future__ import annotations

from pathlib import Path

from remediations.systems.stores.job_directory import JobResult
from remediations.systems.stores.outcomes import Outcome

HEADS = ("outcome", "versions", "protected from now on", "content taken as known since")
_NOT_NAMED = (Outcome.ALREADY, Outcome.SKIPPED_FOREIGN)
_NOT_KNOWN = "not known"


def outcome_table(result: JobResult, known_since: str, objects: Path) -> str:
    """The outcomes that there were, in lines of equal columns, and where each version is; "" for a
    job that did not get to its end. `known_since` is from when on the key was out."""
    rows = [
        (one.outcome.value, f"{one.count:,}", *_judged(one.outcome, known_since))
        for one in result.outcomes
        if one.count
    ]
    if not rows:
        return ""
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (HEADS, *rows)]
    return "\n".join((*lines, f"each version: {objects}"))


def _judged(outcome: Outcome, known_since: str) -> tuple[str, str]:
    if outcome in _NOT_NAMED:
        return "it did not name the key", "-"
    if outcome is Outcome.DONE:
        return "yes", known_since
    if outcome is Outcome.SKIPPED_CONCURRENT:
        return _NOT_KNOWN, _NOT_KNOWN
    return "no", known_since
