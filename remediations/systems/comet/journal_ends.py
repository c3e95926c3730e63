"""The ends of a daemon's process in its journal, each with its last words: the reason, whatever
they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from remediations.systems.comet.journal_lines import plain_line, same_words
from remediations.systems.comet.journal_table import ANY_ERROR, END_OF_PROCESS
from remediations.systems.hosts.values import JournalLine


@dataclass(frozen=True)
class Ending:
    """The last end of a process: its last words (a plain line), and how many ends in a row, this
    one included, had the same words."""

    at: datetime
    words: str
    times: int


_MANAGER = r"(Started|Starting|Stopped|Stopping|Scheduled restart job|Failed to start) ?"
_ERROR = re.compile(ANY_ERROR + "|Error: ")


def repeated_end(lines: Sequence[JournalLine], unit: str) -> Ending | None:
    """The last end among `lines` (oldest first) of a unit; None if there is none with words."""
    ends = list(_ends(lines, unit))
    if not ends:
        return None
    at, words = ends[-1]
    times = 0
    for _, earlier in reversed(ends):
        if same_words(earlier) != same_words(words):
            break
        times += 1
    return Ending(at, words, times)


def _ends(lines: Sequence[JournalLine], unit: str) -> Iterator[tuple[datetime, str]]:
    """Time and last words of each end: the last error that the process reported, else its last
    line."""
    manager = re.compile(f"{re.escape(unit)}: |{_MANAGER}")
    error = last = ""
    for line in lines:
        words = plain_line(line.message)
        if not manager.match(words):
            last = words
            error = words if _ERROR.search(words) else error
        elif re.search(END_OF_PROCESS, words) and "Main process exited" in words:
            if error or last:
                yield line.at, error or last
            error = last = ""
