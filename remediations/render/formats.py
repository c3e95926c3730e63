"""Formats times, durations, hashes and counts for people, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta


def format_time(at: datetime) -> str:
    """`16:45:01 UTC`; the date is in the head of the document."""
    return f"{at:%H:%M:%S} UTC"


def format_moment(at: datetime) -> str:
    """`2026-11-25 16:45:01 UTC`."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def format_instant(at: datetime) -> str:
    """Like `format_moment`, with the fraction of a second if there is one: nothing is rounded."""
    fraction = f".{at:%f}".rstrip("0") if at.microsecond else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction} UTC"


def format_duration(duration: timedelta) -> str:
    """`4 s`, `3 min 20 s`, `2 h 5 min`: two units at most."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def format_age(at: datetime, now: datetime) -> str:
    """`12 s ago`, `3 min ago`, `5 h ago`, `3 days ago`; a time in the future is named as such,
    because then clocks differ."""
    seconds = int((now - at).total_seconds())
    if seconds < 0:
        return f"{format_duration(at - now)} ahead of this machine's clock"
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min"), (1, "s")):
        number = seconds // size
        if number or size == 1:
            plural = "s" if unit == "day" and number > 1 else ""
            return f"{number} {unit}{plural} ago"
    raise AssertionError("the last unit always fits")


def format_observed(at: datetime, now: datetime) -> str:
    """`2026-11-25 16:45:01 UTC, 12 s ago`: how old everything on a screen is."""
    return f"{format_moment(at)}, {format_age(at, now)}"


def short_digest(digest: str) -> str:
    """The first twelve digits of a hash, enough to compare by eye."""
    return digest[:12]


def shorten(text: str, most: int) -> str:
    """The text, cut to at most `most` characters with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def count_of(number: int, noun: str, plural: str = "") -> str:
    """`1 host`, `3 hosts`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def name_some(names: Sequence[str], most: int = 8) -> str:
    """All names, or the first few and how many more there are: `val1, val2 and 38 more`."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def percent(part: int, total: int) -> str:
    """`part` as a percentage of `total`, rounded down to a tenth, never up."""
    if total <= 0:
        return "0.0 %"
    tenths = part * 1000 // total
    return f"{tenths // 10}.{tenths % 10} %"
