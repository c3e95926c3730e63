"""What the first version decided of every world, kept on file. An engine that knows no chain has to
decide the same, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.plan.plan import Plan
from remediations.engine.plan.planning import make_plan
from remediations.errors import RemediationError
from remediations.systems.comet.reading import CometReading, sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from tests.unit.plan.cases import maker
from tests.unit.render.golden import REWRITE
from tests.worlds.many import many_worlds

KEPT = Path(__file__).parent / "first-version.jsonl"
ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("INC-001", ()),
    ("node-down", ()),
    ("node-down", ("val1",)),
    ("node-down", ("full1",)),
    ("node-down", ("standby1",)),
)


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    with Compiler() as compiler:
        yield compiler


def decided(
    observation: CometReading, playbook: str, only: Sequence[str], compiler: Compiler
) -> dict[str, Any]:
    """The plan's guards, bytes and order; or why there is none."""
    try:
        whole = maker({HOST: made_by(compiler)}, playbook)
        plan = make_plan(whole, None, sealed(observation), frozenset(only))
    except RemediationError as error:
        told = f"{error.got}|{error.expected}|{error.next_step}"
        return {"refused": f"{error.guard}: {error.what}", "told": short(told)}
    return told_of(plan)


def told_of(plan: Plan) -> dict[str, Any]:
    """What has to stay as it is of a plan."""
    guards: dict[str, str] = {}
    for guard in plan.guards:
        told = f"{guard.title}|{guard.got}|{guard.expected}|{guard.next_step}"
        guards[f"{guard.id} {guard.subject}".strip()] = f"{guard.outcome} {short(told)}"
    return {
        "title": plan.title,
        "branch": plan.branch,
        "risk": str(plan.risk),
        "worst": plan.worst_case,
        "guards": guards,
        "facts": {fact.name: f"{fact.value} ({fact.rule})" for fact in plan.facts},
        "stages": [
            {
                "title": stage.title,
                "why": stage.why,
                "gate": f"{stage.gate.title} within {stage.gate.timeout_s} s",
                "power": ", ".join(
                    f"{power.before} {power.worst} {power.after} of {power.total}"
                    for power in stage.impacts
                ),
                "steps": [
                    f"{step.target} {step.operation} {short(step.payload)} "
                    f"{step.timeout_s} s, {step.fidelity}, probe {shlex.join(step.probe)}, "
                    f"undo {step.undo}"
                    for step in stage.steps
                ],
            }
            for stage in plan.stages
        ],
        "checks": [check.id for check in plan.checks],
    }


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_what_was_decided_of_every_world_is_decided_again(compiler: Compiler) -> None:
    """Guards, facts, order, gates and the bytes of every step are those of the first version. There
    are more facts now: a step's bytes follow from facts alone."""
    lines = []
    for name, world in many_worlds():
        for playbook, only in ASKED:
            if all(any(r.host == host for r in world.hosts) for host in only):
                asked = f"{playbook} {' '.join(only)}".strip()
                answer = decided(world, playbook, only, compiler)
                lines.append(json.dumps({"world": name, "asked": asked, **answer}, sort_keys=True))
    if os.environ.get(REWRITE):
        KEPT.write_text("\n".join(lines) + "\n")
    kept = KEPT.read_text().splitlines()
    assert len(kept) == len(lines)
    for now, before in zip(map(json.loads, lines), map(json.loads, kept), strict=True):
        facts = {name: now.get("facts", {}).get(name) for name in before.get("facts", {})}
        assert {**now, "facts": facts} == {"facts": {}, **before}
