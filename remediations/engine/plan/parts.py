"""A part as people read it: its fields, whoever owns it, installed here or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remediations.render.document import Block, Labelled, Table, Words, folded_table
from remediations.render.printable import Exact
from remediations.render.words import count_of
from remediations.values.part import Part

NONE = "–"


def part_words(part: Part) -> Words:
    """A small part on one line: `lamp.shines/1: lamp hall`."""
    fields = "; ".join(f"{name} {_flat(value)}" for name, value in part.value.items())
    return Exact(f"{part.kind}: {fields or NONE}")


def part_blocks(part: Part, *, beyond: int) -> Iterator[Block]:
    """A part as a page shows it: what is a plain value first, then each list of records as a table,
    on demand where it has more rows than `beyond`."""
    tables = {name: value for name, value in part.value.items() if _is_table(value)}
    plain = {name: value for name, value in part.value.items() if name not in tables}
    if plain:
        yield Labelled(tuple((_title(name), Exact(_flat(value))) for name, value in plain.items()))
    for name, rows in tables.items():
        columns = tuple(dict.fromkeys(key for row in rows for key in row))
        table = Table(
            tuple(map(_title, columns)),
            tuple(tuple(Exact(_flat(row.get(key))) for key in columns) for row in rows),
        )
        yield folded_table(f"{_title(name)}: {count_of(len(rows), 'row')}", table, beyond=beyond)


def _is_table(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Mapping)


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _flat(value: Any) -> str:  # noqa: ANN401 - a JSON tree has no narrower type
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(item)}" for name, item in value.items()) or NONE
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_flat, value)) or NONE
    return NONE if value is None else str(value) or '""'
