"""What one host said in its round trip, section by section. Values only; who reads the bytes of a
document into these is `remediations.systems.hosts.document`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from remediations.engine.observe.trouble import Trouble

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Section:
    """What one command on the host printed.

    `said` is the beginning of its error output where its exit status is not 0; `at` is UTC by our
    clock; `trouble` says why there is no output, None when there is.
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
    """All sections by name, and how the host's clock relates to ours."""

    sections: Mapping[str, Section]
    clock_offset_ms: int
    round_trip_ms: int


def safe_text(data: bytes) -> str:
    """Bytes of a host as text that is safe to show.

    Without colours; control characters, the line and paragraph separators of Unicode and what is
    not UTF-8 become U+FFFD, since a compromised host must not write to an operator's terminal.
    """
    return _CONTROL.sub("\ufffd", _COLOUR.sub("", data.decode("utf-8", "replace")))
