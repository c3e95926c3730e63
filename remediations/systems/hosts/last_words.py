"""What a daemon said last, in the end of a journal that `systemctl status` prints. Pure."""

from __future__ import annotations

import re

from remediations.values.lines import split_lines

MAX_WORDS = 240
_JOURNAL = re.compile(
    r"[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} \S+ ([^\s:\[]{1,64})(?:\[[0-9]+\])?: (.+)"
)
_ERROR = re.compile(r"\b(?:panic|fatal|[Ee]rror|ERR|FTL)\b")
_MANAGER = "systemd"


def last_words(status: str) -> str:
    """The last error that the daemon reports there, else its last line; "" if it has none. What
    systemd says of the unit is not the daemon's."""
    said = [
        match[2].strip()
        for line in split_lines(status)
        if (match := _JOURNAL.fullmatch(line.strip())) and match[1] != _MANAGER
    ]
    errors = [line for line in said if _ERROR.search(line)]
    found = errors or said
    return found[-1][:MAX_WORDS] if found else ""
