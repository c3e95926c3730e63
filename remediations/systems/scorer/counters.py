"""The text of Prometheus, as far as the declared counters go. Pure.

A value is a decimal number; of one that is a fraction (a sum of seconds) whole microseconds are
kept. All series of one name are added up: a service may count by labels.
"""

from __future__ import annotations

import re
from datetime import datetime
from fractions import Fraction

from remediations.systems.scorer.values import Counters
from remediations.values.lines import TextError, split_lines, split_words

_SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]{0,120})(?:\{[^}]*\})? ([^ ]{1,40})(?: [0-9]{1,20})?"
)
_NUMBER = re.compile(r"\+?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?")
_COUNTED = ("completed", "errors", "queue", "latency")
_MOST = 10**18


def parse_counters(text: str, at: datetime) -> Counters:
    """The counters at one moment. The first line has the names of `completed`, `errors`, `queue`
    and `latency`, as the inventory told them to the host; of the last `_sum` and `_count` are read.

    Raises:
        TextError: a line is no sample, or a value is no number that is counted.
    """
    head, *lines = split_lines(text) or [""]
    names = dict(zip(_COUNTED, split_words(head), strict=False))
    if len(names) != len(_COUNTED):
        raise TextError("the metrics come without their names")
    sums: dict[str, Fraction] = {}
    for line in lines:
        found = _SAMPLE.fullmatch(line)
        if found is None:
            raise TextError("a line of the metrics is malformed")
        sums[found[1]] = sums.get(found[1], Fraction(0)) + counted(found[2])

    def value(name: str, scale: int = 1) -> int | None:
        return None if name not in sums else int(sums[name] * scale)

    return Counters(
        at=at,
        completed=value(names["completed"]),
        errors=value(names["errors"]),
        queue=value(names["queue"]),
        latency_us=value(f"{names['latency']}_sum", 10**6),
        latencies=value(f"{names['latency']}_count"),
    )


def counted(digits: str) -> Fraction:
    """One value of a counter.

    Raises:
        TextError: it is no number that is counted.
    """
    if not _NUMBER.fullmatch(digits):
        raise TextError("a counter is not a number")
    found = Fraction(digits)
    if found >= _MOST:
        raise TextError("a counter is too large")
    return found
