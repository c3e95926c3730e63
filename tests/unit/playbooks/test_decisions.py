"""What is decided on some 150 worlds, kept on file: guards, facts, order, gates and the bytes of
every step. If a change alters one of them, the diff of `decisions.jsonl` shows it.

`REMEDIATE_REWRITE_GOLDEN=1 pytest tests/unit/playbooks/test_decisions.py` records them anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.planning import make_plan
from remediations.errors import RemediationError
from remediations.playbooks.chain import situation
from remediations.systems.comet.reading import sealed
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.systems.hosts.workshop import HOST, made_by
from tests.unit.plan.cases import maker
from tests.unit.render.golden import REWRITE
from tests.worlds.many import many_worlds

KEPT = Path(__file__).parent / "decisions.jsonl"
ASKED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("INC-001", ()),
    ("node-down", ()),
    ("node-down", ("val1",)),
    ("node-down", ("full1",)),
    ("node-down", ("standby1",)),
    ("double-sign", ()),
)


@pytest.fixture(scope="module")
def makers() -> Iterator[dict[str, PlanBuilder]]:
    with Compiler() as compiler:
        yield {playbook: maker({HOST: made_by(compiler)}, playbook) for playbook, _ in ASKED}


@pytest.fixture
def each_world_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A world is read and diagnosed once, however much is asked about it."""
    for name in ("comet_reading", "diagnose"):
        monkeypatch.setattr(situation, name, kept_for_the_last(getattr(situation, name)))


def kept_for_the_last(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function, whose result is kept while it is called with the same object."""
    last: list[tuple[object, Any]] = []

    def call(value: object) -> Any:  # noqa: ANN401 - whatever the function returns
        if not last or last[0][0] is not value:
            last[:] = [(value, function(value))]
        return last[0][1]

    return call


def decided(observation: Observation, maker: PlanBuilder, only: Sequence[str]) -> dict[str, Any]:
    """The plan's guards, bytes and order; or why there is none."""
    try:
        plan = make_plan(maker, None, observation, frozenset(only))
    except RemediationError as error:
        told = f"{error.got}|{error.expected}|{error.next_step}"
        return {"refused": f"{error.guard}: {error.what}", "told": short(told)}
    return told_of(plan)


def told_of(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan; long texts by their hash."""
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


def test_every_world_is_decided_as_recorded(
    makers: dict[str, PlanBuilder], each_world_once: None
) -> None:
    """Where a decision is meant to change, the recording is renewed and its diff reviewed."""
    lines = []
    for name, world in many_worlds():
        observation = sealed(world)
        hosts = {reading.host for reading in world.hosts}
        for playbook, only in ASKED:
            if hosts.issuperset(only):
                asked = f"{playbook} {' '.join(only)}".strip()
                answer = decided(observation, makers[playbook], only)
                lines.append(json.dumps({"world": name, "asked": asked, **answer}, sort_keys=True))
    if os.environ.get(REWRITE):
        KEPT.write_text("\n".join(lines) + "\n")
    for now, recorded in zip(lines, KEPT.read_text().splitlines(), strict=True):
        assert json.loads(now) == json.loads(recorded)
