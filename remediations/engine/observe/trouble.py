"""What keeps something from being read, before it is known which reading that is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from remediations.values.reading import Unknown, Why


@dataclass(frozen=True)
class Trouble:
    """`why` decides; `reason` is the sentence beside it, which may quote the host."""

    why: Why
    reason: str

    def unknown(self, source: str, at: datetime) -> Unknown:
        """The reading that it makes of `source`; `at` is UTC."""
        return Unknown(why=self.why, reason=self.reason, source=source, at=at)


TIME_LIMIT = Trouble(Why.TIME_LIMIT, "no answer within the time limit")
NOT_ASKED = Trouble(Why.NOT_ASKED, "not read")
