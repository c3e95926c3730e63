"""Parses text that a host wrote. Pure.

A value may have been chosen by an attacker to be read as something else, so text is split only
where its format says: a record ends at a line feed and nowhere else. `str.splitlines` and
`str.split` know ten more line endings and twenty more blanks (U+2028, U+0085, form feed, …), and a
file name, an argument or a log message may contain any of them.
"""

from __future__ import annotations

import re
from typing import ClassVar

from remediations.values.reading import Why

UNLIMITED = 2**53 - 1
"""The value for systemd's `infinity`, and for a file system that does not count inodes."""

_NUMBER = re.compile("[0-9]{1,18}")
_WORD = re.compile(r"[^ \t]+")
_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(us|ms|s|min|h|d|w|month|y)")
_MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
    "month": 2_629_800_000_000,
    "y": 31_557_600_000_000,
}
_MAX_SPAN = 200


class TextError(ValueError):
    """The text is not what the command prints. The message says what was expected, and never quotes
    the text; `why` is the reason for which its reading is unknown."""

    why: ClassVar[Why] = Why.MALFORMED


def split_lines(text: str) -> list[str]:
    """The lines of `text`, which end at a line feed only; the last one may end without it."""
    found = text.split("\n")
    if not found[-1]:
        found.pop()
    return found


def split_words(text: str) -> list[str]:
    """The words between blanks and tabs."""
    return _WORD.findall(text)


def parse_pairs(text: str) -> dict[str, str]:
    """Lines of the form `name=value`; other lines are ignored.

    Raises:
        TextError: a name occurs twice.
    """
    found: dict[str, str] = {}
    for line in split_lines(text):
        name, equals, value = line.partition("=")
        if equals:
            if name in found:
                raise TextError("a name occurs twice")
            found[name] = value
    return found


def parse_number(text: str) -> int:
    """A decimal number that is not negative.

    Raises:
        TextError: it is not one, or has more than 18 digits.
    """
    if not _NUMBER.fullmatch(text):
        raise TextError("a number is malformed")
    return int(text)


def parse_seconds(span: str) -> int:
    """systemd's `1min 30s`, rounded up to whole seconds; `infinity` is UNLIMITED.

    Raises:
        TextError: it is not a time span.
    """
    if span == "infinity":
        return UNLIMITED
    parts = split_words(span) if len(span) <= _MAX_SPAN else []
    if not parts:
        raise TextError("a time span is malformed")
    total = sum(map(_microseconds, parts))
    return min(-(-total // 1_000_000), UNLIMITED)


def _microseconds(part: str) -> int:
    match = _SPAN.fullmatch(part)
    if match is None:
        raise TextError("a time span is malformed")
    whole, _, decimals = match[1].partition(".")
    unit = _MICROSECONDS[match[2]]
    scale: int = 10 ** len(decimals)
    return (int(whole) * scale + int(decimals or "0")) * unit // scale
