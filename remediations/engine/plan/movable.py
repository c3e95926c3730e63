"""How a field of a plan may differ between planning and applying: the rules, as pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

_NUMBER = re.compile("-?[0-9]{1,20}")


class Movable(NamedTuple):
    """A field that may differ: `holds(planned, now)` says how. It is shown to the approver."""

    holds: Callable[[Any, Any], bool]
    why: str


def may_differ(_planned: object, _now: object) -> bool:
    """It may be anything."""
    return True


def may_rise(planned: str | int, now: str | int) -> bool:
    """A number that may only rise; in a part numbers are decimal strings. What is not a number is
    another one."""
    before, after = parse_integer(planned), parse_integer(now)
    return before is not None and after is not None and after >= before


def parse_integer(value: object) -> int | None:
    """A number as a plan or a part has it; None for anything else."""
    text = str(value)
    return int(text) if _NUMBER.fullmatch(text) else None
