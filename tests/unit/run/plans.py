"""Plans made by hand, for tests of what applies, stores and signs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from remediations.engine.find.finding import Finding
from remediations.engine.plan.plan import (
    PLAN_FORMAT,
    Baseline,
    Command,
    Fidelity,
    Plan,
    PowerEffect,
    Risk,
    Stage,
)
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.gates import advances
from remediations.systems.hosts.probe import unit_active
from remediations.values.origin import Origin
from tests.worlds import healthy

ORIGIN = Origin(distribution="remediations", version="0", digest="2" * 64)
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def command(host: str, text: str = "true", *, timeout_s: int = 5) -> Command:
    return Command(
        host=host,
        operation=f"Start {host}",
        text=text,
        timeout_s=timeout_s,
        fidelity=Fidelity.EXACT,
        probe=unit_active("virtengined.service"),
        undo="stop it",
    )


def stage(number: int, *commands: Command, gate_timeout_s: int = 5) -> Stage:
    """A stage whose gate asks its hosts for a block above 10."""
    return Stage(
        number=number,
        title=f"stage {number}",
        why="a test",
        deploys=("start_node",),
        commands=commands,
        power=PowerEffect(before=60, worst=60, after=100, total=100),
        gate=advances(
            tuple(dict.fromkeys(c.host for c in commands)),
            10,
            title="the chain advances",
            timeout_s=gate_timeout_s,
        ),
    )


@cache
def _finding() -> Finding:
    return diagnose(healthy())


def plan(*stages: Stage, approvals_needed: int = 1, branch: str = "lost quorum") -> Plan:
    return Plan(
        format=PLAN_FORMAT,
        tool="remediate test",
        playbook="INC-001",
        branch=branch,
        origin=ORIGIN,
        title="a test",
        chain_id="worlds-1",
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
        baseline=Baseline(
            height=10,
            online_power=60,
            total_power=100,
            sign_states=(),
            peers=(),
            binaries=(),
            untouched=(),
        ),
        targets=(),
        logins=(),
        risk=Risk.LOW,
        worst_case="nothing",
        approvals_needed=approvals_needed,
    )
