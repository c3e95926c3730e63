"""From an observation to a plan: diagnose, pick the branch, propose, build."""

from __future__ import annotations

from remediations.engine.domain import Playbook, Situation, pick
from remediations.engine.find.finding import Finding
from remediations.engine.observe.complete import lack
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import build_plan
from remediations.engine.plan.plan import Plan
from remediations.errors import Refused, UsageError
from remediations.playbooks.chain.guards.case import Case
from remediations.systems.comet.reading import CometReading, comet_reading
from remediations.systems.hosts.compile.compiler import Compiler
from remediations.values.origin import Origin


def propose(
    playbook: Playbook,
    branch: str | None,
    observation: CometReading,
    finding: Finding,
    only: frozenset[str],
) -> Case:
    """The case that the playbook makes of what was observed.

    Raises:
        UsageError: an unknown branch or host.
        Refused: no branch fits, or the one that fits has nothing to act on.
    """
    unknown = sorted(only - {reading.host for reading in observation.hosts})
    if unknown:
        raise UsageError(
            f"the inventory has no host {unknown[0]!r}",
            guard="--limit",
            got=", ".join(unknown),
            expected=", ".join(reading.host for reading in observation.hosts),
            next_step="correct --limit",
        )
    situation = Situation(observation=observation, finding=finding, only=only)
    proposal = pick(playbook, situation, branch).propose(situation)
    if not proposal.acting:
        raise Refused(
            f"{playbook.id} {proposal.branch} has nothing to act on",
            guard="empty plan",
            got="0 hosts",
            expected="at least one",
            next_step="remediate diagnose",
        )
    return Case(observation=observation, finding=finding, proposal=proposal)


def make_plan(
    playbook: Playbook,
    branch: str | None,
    observation: Observation,
    finding: Finding,
    only: frozenset[str],
    *,
    tool: str,
    origin: Origin,
) -> Plan:
    """The plan for what was observed and found, whether or not its guards pass.

    Raises:
        UsageError: an unknown branch or host, or an observation that is not a full one.
        Refused: no branch fits, or the one that fits has nothing to act on.
    """
    missing = lack(observation)
    if missing:
        raise UsageError(
            "no plan can be made from this observation",
            guard="full observation",
            got=missing,
            expected="a full reading of every host of the inventory, each once",
            next_step=f"remediate plan {playbook.id} --inventory INVENTORY (without --from)",
        )
    case = propose(playbook, branch, comet_reading(observation), finding, only)
    with Compiler() as compiler:
        return build_plan(case, compile_deploy=compiler.compile_deploy, tool=tool, origin=origin)
