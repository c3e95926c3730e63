"""Where a playbook comes from: which package provides it, and exactly which files."""

from __future__ import annotations

from remediations.values.record import Record


class Origin(Record, frozen=True, kw_only=True):
    """An installed distribution, with the SHA-256 of the files of the package that was loaded."""

    distribution: str
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.digest[:12]})"
