"""The ends of a daemon's process in its journal, each with its last words: the reason, whatever
they say.

Below a wrapper (cosmovisor) the unit may stay active while its daemon ends and begins again. The
wrapper tells each end as its own error, which is no reason; the daemon's words stand before it, and
systemd's line, if the wrapper ends as well, may stand on either side.
"""

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
_DAEMON_ENDED = re.compile(
    r"(?:Error: |.*\bERR .*\berror=\"?)(?:exit status [0-9]+|signal: [a-z ]+(?: \(core dumped\))?)"
    r"\"?(?: module=cosmovisor)?$"
)
"""How Go tells the end of a child: cosmovisor's last words."""
_HEIGHT = r"=\"?([0-9]{1,18})\b"
_REPLAY = re.compile(rf"Replay Blocks\b.* appHeight{_HEIGHT}.* storeHeight{_HEIGHT}")
_PANIC = re.compile(r"panic: ")


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


def replayed_block(lines: Sequence[JournalLine]) -> int:
    """The stored block that the last attempt had to execute first, by its handshake: the one above
    the height of the application; 0 where no attempt tells of one."""
    for line in reversed(lines):
        told = _REPLAY.search(plain_line(line.message))
        if told is not None:
            applied, stored = int(told[1]), int(told[2])
            return applied + 1 if stored > applied else 0
    return 0


def is_wrapper_word(words: str) -> bool:
    """Whether a plain line is how a wrapper tells that its daemon ended: never the reason."""
    return _DAEMON_ENDED.match(words) is not None


def is_panic(words: str) -> bool:
    """Whether the last words of a process are those of a panic."""
    return _PANIC.match(words) is not None


def _ends(lines: Sequence[JournalLine], unit: str) -> Iterator[tuple[datetime, str]]:
    """Time and last words of each end: the last error that the process reported, else its last
    line."""
    manager = re.compile(f"{re.escape(unit)}: |{_MANAGER}")
    error = last = ""
    for line in lines:
        words = plain_line(line.message)
        exited = re.search(END_OF_PROCESS, words) and "Main process exited" in words
        if not is_wrapper_word(words) and not manager.match(words):
            last = words
            error = words if _ERROR.search(words) else error
        elif exited or is_wrapper_word(words):
            if error or last:
                yield line.at, error or last
            error = last = ""
