"""Right before applying: is this plan what its observation gives, and does the world still give it?

1. `follows`: the plan is made again from the observation that was saved beside it, and must be the
   same bytes: no field says what was not observed, or asks for what this version would not do.
2. `recheck`, on what is read now: every deciding fact is compared by its own rule.
3. The branch must still fit, and every guard pass.
4. The plan is made again from that, and every field of it must be the approved one, but for the few
   that may move (`remediations.engine.plan.compare`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remediations.engine.apply.of_plan import branch_of
from remediations.engine.domain import Playbook, Situation
from remediations.engine.find.finding import Finding
from remediations.engine.observe.complete import lack
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import Compile, build_plan
from remediations.engine.plan.compare import Difference, changed_facts, changed_fields
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.proposal import HostData, Proposal, StageDraft
from remediations.errors import Refused, WorldChanged
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.facts import facts_of
from remediations.playbooks.chain.guards.case import Case
from remediations.systems.comet.reading import CometReading, comet_reading
from remediations.values.origin import Origin
from remediations.values.wire import digest

SHOWN = 12
"""Differences that are named; a world that is quite another one has hundreds."""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What makes a plan here: an installed playbook with where it came from, our own name and
    version, and the compiler of deploys."""

    playbook: Playbook
    origin: Origin
    tool: str
    compile_deploy: Compile

    def build(self, observation: CometReading, finding: Finding, proposal: Proposal) -> Plan:
        """The plan of a proposal."""
        case = Case(observation=observation, finding=finding, proposal=proposal)
        return build_plan(
            case, compile_deploy=self.compile_deploy, tool=self.tool, origin=self.origin
        )


def follows(plan: Plan, observation: Observation, maker: Maker) -> None:
    """Do nothing where `plan` is, byte for byte, what `maker` makes of the saved observation.

    Raises:
        Refused: it is not; names what differs. Nothing was changed.
        UsageError: the branch is not installed here.
    """
    branch = branch_of(plan, maker.playbook)
    found = digest(observation)
    if found != plan.observation_digest:
        raise _not_of_this(
            plan, f"an observation with {found[:16]}", f"one with {plan.observation_digest[:16]}"
        )
    if (maker.tool, maker.origin) != (plan.tool, plan.origin):
        raise _not_of_this(
            plan, f"{maker.tool} with {maker.origin}", f"{plan.tool} with {plan.origin}"
        )
    missing = lack(observation)
    if missing:
        raise _not_of_this(plan, f"an observation with {missing}", "a full one of all hosts")
    seen = comet_reading(observation)
    finding = diagnose(seen)
    situation = _situation(plan, seen, finding)
    reason = branch.fits(situation)
    if reason is not None:
        raise _not_of_this(plan, f"{branch.name} does not fit: {reason}", "the branch of the plan")
    made = maker.build(seen, finding, branch.propose(situation))
    if made != plan:
        differences = changed_fields(plan, made, strictly=True)[:SHOWN]
        raise _not_of_this(
            plan,
            "; ".join(f"{d.name}: the plan says {d.planned}" for d in differences),
            "; ".join(f"{d.name}: {d.now}" for d in differences),
        )


def recheck(plan: Plan, observation: Observation, maker: Maker) -> None:
    """Do nothing where the plan still holds in what was read now.

    Raises:
        WorldChanged: it does not; shows planned, now, and why it matters. Nothing was changed.
        UsageError: the branch is not installed here.
    """
    seen = comet_reading(observation)
    finding = diagnose(seen)
    differences = changed_facts(plan.facts, facts_of(seen, finding, plan.acting_hosts))
    if differences:
        raise changed(differences)
    branch, situation = branch_of(plan, maker.playbook), _situation(plan, seen, finding)
    reason = branch.fits(situation)
    if reason is not None:
        raise changed([Difference("branch", plan.branch, reason, "another one may be right now")])
    proposal = _with_planned_floors(branch.propose(situation), plan)
    made = maker.build(seen, finding, proposal)
    if made.blocked:
        raise changed(
            [Difference(f"{g.id} {g.host}".strip(), "pass", g.got, g.title) for g in made.blocked]
        )
    differences = changed_fields(plan, made)
    if differences:
        raise changed(differences)


def changed(differences: Sequence[Difference]) -> WorldChanged:
    """The refusal, three ways: planned, now, and why it matters."""
    first = differences[0]
    lines = [f"{d.name}: planned {d.planned}, now {d.now} ({d.why})" for d in differences[:SHOWN]]
    more = len(differences) - len(lines)
    shown = "; ".join([*lines, *([f"and {more} more"] if more > 0 else [])])
    return WorldChanged(
        f"the world is not what the plan was made from: {first.name}. Nothing was changed",
        guard="deciding facts",
        got=shown,
        expected="what decided the plan still holds",
        next_step="`remediate diagnose`, then `remediate plan` again",
    )


def _situation(plan: Plan, observation: CometReading, finding: Finding) -> Situation:
    return Situation(observation=observation, finding=finding, only=frozenset(plan.acting_hosts))


def _with_planned_floors(proposal: Proposal, plan: Plan) -> Proposal:
    """The proposal with the sign states of the plan: they may only have risen (that fact was just
    compared), and the floor in the command is the approved one."""
    planned = {fact.name: fact.value for fact in plan.facts}

    def floored(host: str, data: HostData) -> HostData:
        parts = planned.get(f"{host}.sign_state", "").split("/")
        if len(parts) != 3:
            return data
        height, round_, step = (int(part) for part in parts)
        return {**data, "sign_height": height, "sign_round": round_, "sign_step": step}

    def draft(stage: StageDraft) -> StageDraft:
        return replace(stage, data={host: floored(host, d) for host, d in stage.data.items()})

    return replace(proposal, stages=tuple(draft(stage) for stage in proposal.stages))


def _not_of_this(plan: Plan, got: str, expected: str) -> Refused:
    return Refused(
        "the plan is not what its own observation gives: it was edited, or made by another version."
        " Nothing was changed",
        guard="plan of its observation",
        got=got,
        expected=expected,
        next_step=f"remediate plan {plan.playbook} (again); a plan is never changed by hand",
    )
