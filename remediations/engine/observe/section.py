"""What one host printed in its round trip, section by section, and why a section could not be read.

Values only: `remediations.systems.hosts.document` parses the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from remediations.values.reading import Unknown, Why


@dataclass(frozen=True)
class Trouble:
    """Why something could not be read. `why` is for decisions; `reason` is a sentence for people,
    which may quote the host."""

    why: Why
    reason: str

    def unknown(self, source: str, at: datetime) -> Unknown:
        """The unknown reading of `source` that results; `at` is UTC."""
        return Unknown(why=self.why, reason=self.reason, source=source, at=at)


TIME_LIMIT = Trouble(Why.TIME_LIMIT, "no answer within the time limit")
NOT_ASKED = Trouble(Why.NOT_ASKED, "not read")


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one command on the host printed.

    `said` is the beginning of its error output if its exit status is not 0; `at` is UTC by our
    clock; `trouble` says why there is no output, None if there is.
    """

    data: bytes
    status: int
    said: str
    at: datetime
    trouble: Trouble | None

    @property
    def text(self) -> str:
        """The bytes as `safe_text`."""
        return safe_text(self.data)


@dataclass(frozen=True, kw_only=True)
class HostDocument:
    """All sections by name, and the offset of the host's clock from ours."""

    sections: Mapping[str, Section]
    clock_offset_ms: int
    round_trip_ms: int


def safe_text(data: bytes) -> str:
    """Bytes from a host as text that is safe to show.

    Colours are removed. Control characters, Unicode line and paragraph separators and bytes that
    are not UTF-8 become U+FFFD, because a compromised host must not control an operator's terminal.
    """
    return _CONTROL.sub("\ufffd", _COLOUR.sub("", data.decode("utf-8", "replace")))
