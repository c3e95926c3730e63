"""A plan with one of its values changed, for every value that it has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from remediations.engine.plan.plan import Plan
from tests.unit.plan.cases import compiled, missing
from tests.worlds import healthy

Path = tuple[str | int, ...]

WORLD = missing(healthy(full=0, standby=1, bastion=1), "val1", "val4")
PLAN = compiled(WORLD)


def mutated(path: Path) -> Plan | None:
    """The plan with another value there; None where no other value is a plan."""
    tree: Any = msgspec.json.decode(msgspec.json.encode(PLAN))
    *above, last = path
    holder = tree
    for part in above:
        holder = holder[part]
    for candidate in others(holder[last]):
        holder[last] = candidate
        try:
            plan = msgspec.json.decode(msgspec.json.encode(tree), type=Plan, strict=False)
        except msgspec.ValidationError:
            continue
        if plan != PLAN:
            return plan
    return None


def value_at(path: Path) -> object:
    value: Any = msgspec.json.decode(msgspec.json.encode(PLAN))
    for part in path:
        value = value[part]
    return value


def pattern(path: Path) -> str:
    """`*` for any place of a list; the parts of the baseline are told apart."""
    if path[:1] == ("baseline",):
        return ".".join(str(part) for part in path)
    return ".".join("*" if isinstance(part, int) else part for part in path)


def leaves(value: object, path: Path = ()) -> Iterator[Path]:
    """The place of every value that holds no other one, and of every list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list | tuple):
        yield path
        for number, inner in enumerate(value):
            yield from leaves(inner, (*path, number))
    else:
        yield path


def others(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any value of a plan
    """Values that may stand in the place of this one."""
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
        case list():
            yield [*value, value[-1]] if value else ["x"]
            yield value[:-1]
        case None:
            yield "well"
            yield "x"
            yield 1
            yield "2026-11-25T12:00:00Z"
        case str():
            yield f"{value} evil"
            yield from EVERY_ENUM
            with_time = value.replace("Z", "+00:00")
            try:
                yield (datetime.fromisoformat(with_time) + timedelta(minutes=1)).isoformat()
            except ValueError:
                return


EVERY_ENUM = (
    *("yes", "no"),
    *("unit-enabled", "at-least", "equal", "block", "pass", "high", "low", "exact", "read-only"),
    *("well", "down", "words", "exact", "digest", "chain.other/9"),
)
PATHS = sorted(set(leaves(msgspec.to_builtins(PLAN))), key=str)
