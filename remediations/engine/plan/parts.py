"""A part as people read it, whatever its kind: every value in it, with the path to it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from remediations.values.part import Part

NOTHING = "–"


class PartRow(NamedTuple):
    """One value, or the values of one list: `path` from the top of the part."""

    path: str
    values: tuple[str, ...]


def part_rows(part: Part) -> tuple[PartRow, ...]:
    """All that the part says, in its own order. A list of single values is one row."""
    return tuple(_rows("", part.value))


def _rows(path: str, value: object) -> Iterator[PartRow]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _rows(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value):
            yield from _rows(f"{path}[{number}]", item)
    else:
        yield PartRow(path, tuple(map(_text, value if isinstance(value, list) else [value])))


def _text(value: Any) -> str:  # noqa: ANN401 - a leaf of a JSON tree
    if value is None or value == {}:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
