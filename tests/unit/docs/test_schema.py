"""The published schemas are true of real documents, and false of others."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from remediations.cli.commands.schema import (
    document_types,
    json_schema,
    part_types,
    result_types,
)
from remediations.engine.entry_points import domain_flaw
from remediations.playbooks.chain.domain import DOMAIN
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical, decode
from tests.unit.docs.documents import REAL, Json, odd_worlds, real_parts, recorded
from tests.unit.plan.cases import plan_of, quorum_lost
from tests.unit.report import journal as told

EVERY = {**document_types(), **part_types()}
"""Results of commands are in test_results.py."""


@cache
def schema(name: str) -> Json:
    return json_schema(name, {**EVERY, **result_types()}[name])


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(name))


def written(value: object) -> Json:
    """A document as it is read back by somebody who knows JSON only."""
    return json.loads(canonical(value))


def small(name: str) -> Json:
    """A real document of one host, so that everything wrong with it can be tried."""
    if name == "observation":
        world = odd_worlds()[1]
        return written(sealed(replace(world, hosts=world.hosts[:1])))
    if name == "report":
        return first_rows(written(told.report()))
    if name == "plan":
        return first_rows(written(plan_of(quorum_lost())))
    if name in real_parts():
        return copy.deepcopy(real_parts()[name].value)
    return written(REAL[name]()[-1])


def first_rows(tree: Json) -> Json:
    """The document with the first record of each list of records, which stands for all."""
    if isinstance(tree, dict):
        return {key: first_rows(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return list(map(first_rows, tree[:1] if isinstance(next(iter(tree), 0), dict) else tree))
    return tree


def spots(tree: Json, *, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in a document; of a list the first one stands for all."""
    if at:
        yield at
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from spots(value, at=(*at, key))
    elif isinstance(tree, list) and tree:
        yield from spots(tree[0], at=(*at, 0))


def at(tree: Json, path: tuple[str | int, ...]) -> Json:
    for key in path:
        tree = tree[key]
    return tree


def spoilt(document: Json) -> Iterator[tuple[str, Json]]:
    """The document with one thing wrong: a member missing, one too many, or one that is a number,
    which no document has. What members a part has says its kind, so there only the numbers."""
    if isinstance(document, dict):
        yield "more in it", {**document, "unheard_of": "x"}
    for path in spots(document):
        holder, value = at(document, path[:-1]), at(document, path)
        opaque = in_a_part(document, path[:-1])
        if isinstance(holder, dict) and not opaque:
            without = copy.deepcopy(document)
            del at(without, path[:-1])[path[-1]]
            yield f"without {path}", without
        other = copy.deepcopy(document)
        at(other, path[:-1])[path[-1]] = 7
        yield f"a number at {path}", other
        if isinstance(value, dict) and not in_a_part(document, path):
            more = copy.deepcopy(document)
            at(more, path)["unheard_of"] = "x"
            yield f"more at {path}", more


def in_a_part(document: Json, path: tuple[str | int, ...]) -> bool:
    """Whether the path leads to the value of a part, or into it."""
    return any(
        name == "value" and set(at(document, path[:depth])) == {"kind", "value"}
        for depth, name in enumerate(path)
    )


def test_every_document_has_a_real_one() -> None:
    """None is published untested."""
    assert list(REAL) == list(document_types())


def test_every_part_has_a_schema() -> None:
    """Whatever stands in an inventory, an observation, a finding or a plan; and each published one
    is tested."""
    assert real_parts().keys() == part_types().keys()


@pytest.mark.parametrize("kinds", [None, [], (str,), ("chain.finding/1",)])
def test_a_domain_whose_kinds_are_not_kinds_is_not_used(
    kinds: Any,  # noqa: ANN401 - whatever a package brings
) -> None:
    """It costs itself, and not the list of schemas."""
    assert domain_flaw(DOMAIN) == ""
    assert "its kinds" in domain_flaw(dataclasses.replace(DOMAIN, kinds=kinds))


@pytest.mark.parametrize("name", EVERY)
def test_it_is_a_schema(name: str) -> None:
    """By the rules of JSON Schema itself, with no part missing and no module's name in it."""
    made = schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    text = json.dumps({**made, "description": ""})
    assert '"integer"' not in text
    assert "remediations." not in json.dumps(list(made["$defs"]))
    assert set(re.findall(r'"#/\$defs/([^"]+)"', text)) <= made["$defs"].keys()


@pytest.mark.parametrize("name", document_types())
def test_real_documents_are_valid(name: str) -> None:
    """As they are written: worlds, plans, a run."""
    documents = REAL[name]()
    assert documents
    for document in documents:
        validator(name).validate(written(document))


@pytest.mark.parametrize("kind", real_parts())
def test_real_parts_are_valid(kind: str) -> None:
    """By the schema of their kind."""
    validator(kind).validate(real_parts()[kind].value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("observation", "observation.json"),
        ("plan", "plan.json"),
        ("approval", "approvals/001.json"),
        ("journal-entry", "journal.jsonl"),
        ("checks", "checks.json"),
    ],
)
def test_recorded_documents_are_valid(name: str, file: str) -> None:
    """Those of the run that was recorded in the lab."""
    for document in recorded(file):
        validator(name).validate(document)


@pytest.mark.parametrize("name", EVERY)
def test_a_wrong_document_is_not(name: str) -> None:
    """Whatever is missing, too many or of another type, anywhere in it."""
    document = small(name)
    validator(name).validate(document)
    wrong = list(spoilt(document))
    assert len(wrong) >= 4
    accepted = [
        what for what, tree in wrong if validator(name).is_valid(tree) and not free(name, what)
    ]
    assert accepted == []


def free(name: str, what: str) -> bool:
    """Of an answer the result: each command has its own. Of a baseline, a finding and a reading
    what older ones lack."""
    lacks = {
        "chain.baseline/1": "without ('block_id',)",
        "chain.finding/1": "without ('commits',)",
        "comet.reading/1": "without ('hosts', 0, 'jobs')",
    }
    return (name == "answer" and "'result'" in what) or lacks.get(name) == what


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("observation", ("format",), "3"),
        ("plan", ("format",), "2"),
        ("part", ("kind",), "chain"),
        ("plan", ("risk",), "none"),
        ("plan", ("expires_at",), "2026-11-25T12:00:00"),
        ("plan", ("expires_at",), "tomorrow"),
        ("finding", ("health",), "ill"),
        ("chain.finding/1", ("height",), "007"),
        ("chain.finding/1", ("height",), "1e3"),
        ("chain.finding/1", ("height",), ""),
        ("chain.finding/1", ("halted",), True),
        ("answer", ("outcome",), "ok"),
        ("answer", ("exit_code",), "1"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    name: str, path: tuple[str, ...], value: str | bool
) -> None:
    """Another format, a time without a zone, a number written otherwise, codes that do not fit."""
    document = small(name)
    at(document, path[:-1])[path[-1]] = value
    assert not validator(name).is_valid(document)


def test_a_journal_of_another_format_is_refused() -> None:
    """The first entry says which."""
    document = written(REAL["journal-entry"]()[0])
    document["event"]["format"] = "1"
    assert not validator("journal-entry").is_valid(document)


def test_what_is_valid_can_be_read_back() -> None:
    """The schema and the strict decoder agree on real documents."""
    for name in ("observation", "plan", "finding"):
        for document in REAL[name]():
            read = decode(canonical(document), document_types()[name].kind)
            assert canonical(read) == canonical(document)
