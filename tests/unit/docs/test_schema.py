"""The published schemas are true of real documents, and false of others."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace

from remediations.cli.commands.schema import documents, schema_of
from remediations.engine.doctor.line import lack, ok
from remediations.engine.find.finding import Finding
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation_file import load
from remediations.engine.plan.plan import Plan
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.discover.proposal import Proposal, propose
from remediations.playbooks.chain.told import told as for_people
from remediations.systems.comet.reading import CometReading, comet_reading, sealed
from remediations.values.inventory import HostEntry
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.replay.recording import RESCUE
from tests.unit.plan.cases import minority_down, plan_of, quorum_lost, wrong_clock
from tests.unit.report import journal as told

Json = Any
RUN = next((RESCUE / "runs").iterdir())


def odd_worlds() -> list[CometReading]:
    healthy = worlds.healthy()
    return [
        healthy,
        quorum_lost(),
        minority_down(),
        worlds.unreachable(healthy, "val1"),
        worlds.partitioned(healthy, ("val1", "val4")),
        worlds.split(healthy, ("val1",), ("val2", "val3", "val4", "full1")),
        worlds.panicked(healthy, "val1", "val2"),
        worlds.sign_state_missing(healthy, "val2"),
        worlds.deciding(healthy),
        comet_reading(load(RESCUE / "before.json")),
        comet_reading(load(RESCUE / "after.json")),
    ]


def plans() -> list[Plan]:
    return [
        plan_of(quorum_lost()),
        plan_of(minority_down()),
        plan_of(worlds.stopped(worlds.healthy(), "full1"), "node-down"),
        plan_of(wrong_clock(quorum_lost(), "val1")),
    ]


def findings() -> list[Finding]:
    return [for_people(diagnose(world)) for world in odd_worlds()]


def proposals() -> list[Proposal]:
    return [
        propose(world, [HostEntry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts])
        for world in odd_worlds()
    ]


def recorded(name: str) -> Json:
    return msgspec.json.decode((RUN / name).read_bytes())


def failure() -> Json:
    names = ("what", "guard", "got", "expected", "next")
    return {name: f"{name} it is" for name in names}


REAL: dict[str, Callable[[], list[object]]] = {
    "observation": lambda: [*map(sealed, odd_worlds()), recorded("observation.json")],
    "inventory": lambda: [load_inventory(RESCUE / "inventory.yaml")],
    "finding": lambda: [*findings()],
    "plan": lambda: [*plans(), recorded("plan.json")],
    "approval": lambda: [told.approval(plan_of(quorum_lost())), recorded("approvals/001.json")],
    "journal-entry": lambda: [
        *told.entries(plan_of(quorum_lost())),
        *told.entries(plan_of(quorum_lost()), state="failed", error="no space left\n"),
        *map(msgspec.json.decode, (RUN / "journal.jsonl").read_bytes().splitlines()),
    ],
    "checks": lambda: [(), told.checks(), recorded("checks.json")],
    "report": lambda: [told.report(), told.report(good=False)],
    "doctor-line": lambda: [ok("val1", "sudo", "there"), lack("val1", "home", "none", "mend it")],
    "proposal": lambda: [*proposals()],
    "answer": lambda: [
        {"error": None, "exit_code": 0, "outcome": "ok", "result": None},
        {"error": failure(), "exit_code": 10, "outcome": "locked", "result": None},
    ],
    "error": lambda: [failure()],
}


@cache
def validator(name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(name))


def written(value: object) -> Json:
    """A document as it is read back by somebody who knows JSON only."""
    return json.loads(canonical(value))


def small(name: str) -> Json:
    """A real document of one host, so that everything wrong with it can be tried."""
    if name == "observation":
        world = odd_worlds()[1]
        return written(sealed(replace(world, hosts=world.hosts[:1])))
    if name == "report":
        report = told.report()
        entries = report.samples[:1]
        return written(replace(report, plan=_small_plan(), samples=entries))
    if name == "plan":
        return written(_small_plan())
    return written(REAL[name]()[-1])


def _small_plan() -> Plan:
    plan = plan_of(quorum_lost())
    return replace(plan, facts=plan.facts[:1], guards=plan.guards[:1], targets=plan.targets[:1])


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
    """The document with one thing wrong: a member missing, one too many, one of another type."""
    for path in spots(document):
        holder, value = at(document, path[:-1]), at(document, path)
        if isinstance(holder, dict):
            without = copy.deepcopy(document)
            del at(without, path[:-1])[path[-1]]
            yield f"without {path}", without
        other = copy.deepcopy(document)
        at(other, path[:-1])[path[-1]] = 7
        yield f"a number at {path}", other
        if isinstance(value, dict):
            more = copy.deepcopy(document)
            at(more, path)["unheard_of"] = "x"
            yield f"more at {path}", more


def test_every_document_has_a_real_one() -> None:
    """None is published untested."""
    assert list(REAL) == list(documents())


@pytest.mark.parametrize("name", documents())
def test_it_is_a_schema(name: str) -> None:
    """By the rules of JSON Schema itself, with no part missing and no module's name in it."""
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps({**schema, "description": ""})
    assert '"integer"' not in text
    assert "remediations." not in json.dumps(list(schema["$defs"]))


@pytest.mark.parametrize("name", documents())
def test_real_documents_are_valid(name: str) -> None:
    """As they are written: worlds, plans, a recorded run."""
    documents = REAL[name]()
    assert documents
    for document in documents:
        validator(name).validate(written(document))


@pytest.mark.parametrize("name", documents())
def test_a_wrong_document_is_not(name: str) -> None:
    """Whatever is missing, too many or of another type, anywhere in it."""
    document = small(name)
    validator(name).validate(document)
    wrong = list(spoilt(document))
    assert len(wrong) >= 5
    free = "'result'"  # of an answer: each command has its own
    accepted = [
        what
        for what, tree in wrong
        if validator(name).is_valid(tree) and not (name == "answer" and free in what)
    ]
    assert accepted == []


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("observation", ("format",), "2"),
        ("plan", ("format",), "3"),
        ("plan", ("risk",), "none"),
        ("plan", ("expires_at",), "2026-11-25T12:00:00"),
        ("plan", ("expires_at",), "tomorrow"),
        ("finding", ("height",), "007"),
        ("finding", ("height",), "1e3"),
        ("finding", ("height",), ""),
        ("finding", ("halted",), True),
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


def test_what_is_valid_can_be_read_back() -> None:
    """The schema and the strict decoder agree on real documents."""
    for name in ("observation", "plan", "finding"):
        for document in REAL[name]():
            decode(canonical(document), documents()[name].kind)
