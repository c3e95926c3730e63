"""Plans made by hand, for tests of what applies, stores and signs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from msgspec.structs import replace

from remediations.engine.find.finding import Finding
from remediations.engine.plan.plan import (
    PLAN_FORMAT,
    Fidelity,
    Gate,
    Impact,
    Plan,
    Risk,
    Stage,
    Step,
)
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.present import present
from remediations.systems.hosts.probe import unit_active
from remediations.values.origin import Origin
from remediations.values.part import Part
from tests.worlds import healthy

ORIGIN = Origin(distribution="remediations", version="0", digest="2" * 64)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def command(target: str, payload: str = "true", *, timeout_s: int = 5, id_: str = "") -> Step:
    return Step(
        id=id_,
        driver="host",
        target=target,
        action="node.start",
        operation=f"Start {target}",
        payload=payload,
        shown="",
        timeout_s=timeout_s,
        fidelity=Fidelity.EXACT,
        probe=unit_active("virtengined.service").words,
        undo="stop it",
    )


def stage(number: int, *steps: Step, gate_timeout_s: int = 5) -> Stage:
    """A stage whose gate asks its hosts for a block above 10."""
    targets = tuple(dict.fromkeys(one.target for one in steps))
    return Stage(
        number=number,
        title=f"stage {number}",
        why="a test",
        steps=tuple(replace(one, id=f"{number}-{place}") for place, one in enumerate(steps)),
        impacts=(
            Impact(measure="voting power", before=60, worst=60, after=100, total=100, floor=0),
        ),
        gate=Gate(
            title="the chain advances",
            timeout_s=gate_timeout_s,
            asks=Part.of(Advances(hosts=targets, height=10)),
        ),
    )


@cache
def _finding() -> Finding:
    return present(diagnose(healthy()))


def plan(*stages: Stage, approvals_needed: int = 1, branch: str = "lost quorum") -> Plan:
    return Plan(
        format=PLAN_FORMAT,
        tool="remediate test",
        domain="chain",
        playbook="INC-001",
        branch=branch,
        origin=ORIGIN,
        title="a test",
        resources=("chain/worlds-1",),
        inventory_digest="0" * 64,
        observation_digest="1" * 64,
        observed_at=NOW - timedelta(minutes=1),
        expires_at=NOW + timedelta(minutes=30),
        finding=_finding(),
        facts=(),
        guards=(),
        warnings=(),
        stages=stages or (stage(1, command("val1"), command("val2")), stage(2, command("val3"))),
        checks=(),
        baseline=(
            Part.of(
                ChainBaseline(
                    height=10,
                    online_power=60,
                    total_power=100,
                    sign_states=(),
                    peers=(),
                    programs=(),
                    untouched=(),
                )
            ),
            Part.of(ChainNodes(nodes=())),
        ),
        logins=(),
        risk=Risk.LOW,
        worst_case="nothing",
        approvals_needed=approvals_needed,
    )
