"""Turning readings into Evidence: what was said, by which command, and when."""

from __future__ import annotations

from typing import TypeVar

from remediations.engine.find.finding import Evidence
from remediations.values.reading import Known, Unknown

T = TypeVar("T")


def evidence_of(path: str, reading: Known[T] | Unknown, says: str = "") -> Evidence:
    """The evidence that the reading at `path` gives; an unknown one says why it is unknown."""
    if isinstance(reading, Unknown):
        says = f"unknown: {reading.reason}" + (f" ({says})" if says else "")
    return Evidence(reading=path, says=says, source=reading.source, at=reading.at)
