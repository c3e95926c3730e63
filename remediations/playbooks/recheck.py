"""Right before applying: does the world still give the very plan that was approved?

1. Every deciding fact is read again and compared by its own rule.
2. The branch must still fit, and every guard that can be judged without describing readings pass.
3. The commands are compiled again and must be the same bytes.
"""

from __future__ import annotations

from dataclasses import replace

from remediations.compile.compiler import Compiler
from remediations.diagnose.diagnose import diagnose
from remediations.errors import WorldChanged
from remediations.machine.config import load_machine_config
from remediations.observe.observation import Observation
from remediations.plan.build import build_stages
from remediations.plan.case import Case
from remediations.plan.facts import facts_of
from remediations.plan.guards import judge
from remediations.plan.plan import Outcome, Plan
from remediations.plan.proposal import HostData, Proposal, StageDraft
from remediations.playbooks.catalogue import named
from remediations.playbooks.playbook import Situation
from remediations.run.drift import Difference, compare


def recheck(plan: Plan, observation: Observation) -> None:
    """Do nothing where the plan still holds.

    Raises:
        WorldChanged: it does not; shows planned, now, and why it matters. Nothing was changed.
    """
    finding = diagnose(observation)
    differences = compare(plan.facts, facts_of(observation, finding, plan.acting_hosts))
    if differences:
        raise _changed(differences)
    playbook = named(plan.playbook, load_machine_config()).playbook
    branch = next(branch for branch in playbook.branches if branch.name == plan.branch)
    situation = Situation(
        observation=observation, finding=finding, only=frozenset(plan.acting_hosts)
    )
    reason = branch.fits(situation)
    if reason is not None:
        raise _changed([Difference("branch", plan.branch, reason, "another one may be right now")])
    proposal = _with_planned_floors(branch.propose(situation), plan)
    case = Case(observation=observation, finding=finding, proposal=proposal)
    blocked = [guard for guard in judge(case) if guard.outcome is not Outcome.PASS]
    if blocked:
        raise _changed(
            [Difference(f"{g.id} {g.host}".strip(), "pass", g.got, g.title) for g in blocked]
        )
    _same_commands(plan, case)


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


def _same_commands(plan: Plan, case: Case) -> None:
    with Compiler() as compiler:
        stages = build_stages(case, compiler.compile_deploy)
    planned = [(s.number, c.host, c.text) for s in plan.stages for c in s.commands]
    now = [(s.number, c.host, c.text) for s in stages for c in s.commands]
    if planned == now:
        return
    different = sorted(
        {host for _, host, _ in set(planned) ^ set(now)} or {host for _, host, _ in planned}
    )
    raise _changed(
        [
            Difference(f"{host}: command", "as approved", "another text", "only that is approved")
            for host in different
        ]
    )


def _changed(differences: list[Difference] | tuple[Difference, ...]) -> WorldChanged:
    first = differences[0]
    shown = "; ".join(f"{d.name}: planned {d.planned}, now {d.now} ({d.why})" for d in differences)
    return WorldChanged(
        f"the world is not what the plan was made from: {first.name}. Nothing was changed",
        guard="deciding facts",
        got=shown,
        expected="what decided the plan still holds",
        next_step="`remediate diagnose`, then `remediate plan` again",
    )
