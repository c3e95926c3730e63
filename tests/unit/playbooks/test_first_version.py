"""What the first version decided of every world, kept on file. An engine that knows no chain has to
decide the same, byte for byte."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.catalogue import named
from remediations.engine.plan.build import build_plan
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.planning import propose
from remediations.errors import RemediationError
from remediations.machine.config import MachineConfig
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.reading import CometReading
from remediations.systems.hosts.compile.compiler import Compiler
from tests.unit.plan.cases import ORIGIN, TOOL
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
        case = propose(
            named(playbook, MachineConfig()).playbook,
            None,
            observation,
            diagnose(observation),
            frozenset(only),
        )
        plan = build_plan(case, compile_deploy=compiler.compile_deploy, tool=TOOL, origin=ORIGIN)
    except RemediationError as error:
        told = f"{error.got}|{error.expected}|{error.next_step}"
        return {"refused": f"{error.guard}: {error.what}", "told": short(told)}
    return told_of(plan)


def told_of(plan: Plan) -> dict[str, Any]:
    """What has to stay as it is of a plan."""
    guards: dict[str, str] = {}
    for guard in plan.guards:
        told = f"{guard.title}|{guard.got}|{guard.expected}|{guard.next_step}"
        guards[f"{guard.id} {guard.host}".strip()] = f"{guard.outcome} {short(told)}"
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
                "power": f"{stage.power.before} {stage.power.worst} {stage.power.after} "
                f"of {stage.power.total}",
                "steps": [
                    f"{command.host} {command.operation} {short(command.text)} "
                    f"{command.timeout_s} s, {command.fidelity}, probe {command.probe}, "
                    f"undo {command.undo}"
                    for command in stage.commands
                ],
            }
            for stage in plan.stages
        ],
        "checks": [check.id for check in plan.checks],
    }


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_what_was_decided_of_every_world_is_decided_again(compiler: Compiler) -> None:
    """Guards, facts, order, gates and the bytes of every step are those of the first version."""
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
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in kept]
