"""Text that was read from a file or a host, made safe to print: it may not steer a terminal."""

from __future__ import annotations

import re

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of writing: either
could show an approver something else than what is signed."""


def printable(text: str) -> str:
    """`text` with U+FFFD in the place of everything that steers."""
    return _STEERING.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`text` made printable, on one line: a value may not look like the next label."""
    return printable(" ".join(text.split()))
