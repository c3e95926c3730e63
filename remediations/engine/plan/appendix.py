"""What else is signed with a plan: what the checks compare with, where names lead, what the guards
rest on, and the readings behind the finding.

A part is shown field by field, whether or not its owner is installed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remediations.engine.find.finding import Evidence, Finding
from remediations.engine.plan.grouping import guard_grounds
from remediations.engine.plan.plan import Plan
from remediations.render.document import (
    Block,
    Heading,
    Labelled,
    Table,
    Words,
    exact_names,
    folded_table,
)
from remediations.render.formats import count_of, format_instant
from remediations.render.printable import Exact
from remediations.values.login import Login
from remediations.values.part import Part

MANY = 12
"""A table with more rows than this is folded on a page."""


def appendix(plan: Plan) -> Iterator[Block]:
    """The blocks of the whole appendix."""
    yield Heading(2, "What the checks compare with")
    for part in plan.baseline:
        yield Heading(3, Exact(part.kind))
        yield from part_blocks(part, beyond=MANY)
    yield from _logins(plan.logins)
    yield from _grounds(plan)
    yield from _evidence(plan.finding)


def _logins(logins: tuple[Login, ...]) -> Iterator[Block]:
    yield Heading(2, "Where the names lead")
    rows: list[tuple[Words, ...]] = []
    for login in logins:
        if not login.hops:
            rows.append((Exact(login.host), "unknown", "–", "–", "–", login.trouble))
        for number, hop in enumerate(login.hops, 1):
            rows.append(
                (
                    Exact(login.host),
                    "itself" if number == len(login.hops) else f"hop {number}",
                    (Exact(hop.user), " at ", Exact(hop.hostname), f" port {hop.port}"),
                    Exact(hop.proxy_command) if hop.proxy_command else "–",
                    exact_names(hop.host_keys),
                    login.trouble or "–",
                )
            )
    header = ("Host", "Step", "Machine", "ProxyCommand", "Host keys", "Trouble")
    yield folded_table(
        f"All {count_of(len(logins), 'name')}", Table(header, tuple(rows)), beyond=MANY
    )


def _grounds(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "What the guards rest on")
    yield Table(
        ("Guard", "Of", "Facts", "If it did not hold"),
        tuple(
            (Exact(row.id), subject_words(row.subjects), exact_names(row.facts), row.next_step)
            for row in guard_grounds(plan)
        ),
    )


def _evidence(finding: Finding) -> Iterator[Block]:
    yield Heading(2, "Readings relied upon")
    readings: list[tuple[str, Evidence]] = [("the whole", e) for e in finding.evidence]
    readings += [(Exact(s.name), e) for s in finding.subjects for e in s.evidence]
    table = Table(
        ("About", "Reading", "At", "Says", "Source"),
        tuple((about, *_reading(evidence)) for about, evidence in readings),
    )
    yield folded_table(f"All {count_of(len(readings), 'reading')}", table, beyond=MANY)
    advice = tuple((Exact(s.name), s.by_hand or "–") for s in finding.subjects)
    table = Table((finding.noun.capitalize(), "By hand"), advice)
    yield folded_table(
        f"What people do, of {count_of(len(advice), finding.noun)}", table, beyond=MANY
    )


def _reading(evidence: Evidence) -> tuple[Words, ...]:
    return (Exact(evidence.reading), format_instant(evidence.at), evidence.says, evidence.source)


def subject_words(subjects: tuple[str, ...]) -> Words:
    """The subjects of a row; "" stands for the whole."""
    if len(subjects) == 1:
        return Exact(subjects[0]) if subjects[0] else "all"
    return (f"{len(subjects)}: ", *exact_names(subjects))


NONE = "–"


def part_words(part: Part) -> Words:
    """A small part on one line: `lamp.shines/1: lamp hall`."""
    fields = "; ".join(f"{name} {_flat(value)}" for name, value in part.value.items())
    return Exact(f"{part.kind}: {fields or NONE}")


def part_blocks(part: Part, *, beyond: int) -> Iterator[Block]:
    """A part as blocks: plain values first, then a table for each list of records, which is folded
    if it has more than `beyond` rows."""
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
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(row, Mapping) for row in value)
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _flat(value: Any) -> str:  # noqa: ANN401 - a JSON tree has no narrower type
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_flat(item)}" for name, item in value.items()) or NONE
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_flat, value)) or NONE
    return NONE if value is None else str(value) or '""'
