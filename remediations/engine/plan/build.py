"""From a proposal to a Plan: gather the facts, judge, make the bytes, freeze. Pure but for what
makes the bytes (`StepCompiler`), which contacts nobody.

1. Facts: the domain's, then each action's for its target. A name is a fact once.
2. Guards: the domain's invariants, the branch's, then each action's for its target.
3. Bytes: of each action, from facts alone. Where a guard blocks there are none: what must not run
   has no bytes, and what is unknown cannot be made into any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from remediations.engine.domain import (
    Branch,
    Domain,
    Facts,
    Playbook,
    Proposal,
    StageDraft,
    StepData,
)
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.impact import compute_impacts
from remediations.engine.plan.plan import (
    PLAN_FORMAT,
    VALID_FOR,
    Fact,
    Fidelity,
    GuardResult,
    Impact,
    Outcome,
    Plan,
    Stage,
    Step,
)
from remediations.errors import MachineError
from remediations.values.origin import Origin
from remediations.values.wire import digest

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class CompiledStep:
    """One step as a driver makes it; what each field means says `plan.Step`."""

    operation: str
    payload: str
    timeout_s: int
    fidelity: Fidelity
    probe: tuple[str, ...]
    undo: str
    shown: str = ""


class StepCompiler(Protocol):
    """The pure half of a driver: from what is known of its targets to exact bytes.

    The same data give the same bytes. It contacts nobody and never gives an empty answer.
    """

    def __call__(
        self, deploy: str, data: Mapping[str, StepData], /
    ) -> Mapping[str, tuple[CompiledStep, ...]]:
        """The steps of each target, in order.

        Raises:
            RemediationError: they cannot be made.
        """
        ...


StepCompilers = Mapping[str, StepCompiler]
"""By the name of the driver."""


@dataclass(frozen=True, kw_only=True)
class PlanBuilder:
    """What makes plans here: an installed playbook, its domain, and where it came from; our own
    name and version; and what makes the bytes."""

    domain: Domain[Any]
    playbook: Playbook[Any]
    origin: Origin
    tool: str
    compilers: StepCompilers

    def build(
        self,
        branch: Branch[S],
        situation: S,
        observation: Observation,
        *,
        held: Facts | None = None,
    ) -> Plan:
        """The plan of a branch that fits; `held` are facts that keep an approved value.

        Raises:
            RemediationError: a compiler cannot make the bytes.
        """
        domain, proposal = self.domain, branch.propose(situation)
        facts = deciding_facts(domain, situation, proposal)
        guards = evaluate_guards((*domain.invariants, *branch.invariants), situation, proposal)
        blocked = any(guard.outcome is not Outcome.PASS for guard in guards)
        known = {fact.name: fact.value for fact in facts} | dict(held or {})
        return Plan(
            format=PLAN_FORMAT,
            tool=self.tool,
            domain=domain.name,
            playbook=self.playbook.id,
            branch=branch.name,
            origin=self.origin,
            title=proposal.title,
            resources=domain.resources(situation),
            inventory_digest=observation.inventory_digest,
            observation_digest=digest(observation),
            observed_at=observation.ended,
            expires_at=observation.ended + VALID_FOR,
            finding=domain.finding(situation),
            facts=facts,
            guards=guards,
            warnings=proposal.warnings,
            stages=() if blocked else self._stages(situation, proposal, known),
            checks=proposal.checks,
            baseline=domain.baseline(situation, proposal),
            logins=observation.logins,
            risk=proposal.risk,
            worst_case=proposal.worst_case,
            approvals_needed=1,
        )

    def _stages(self, situation: S, proposal: Proposal[S], facts: Facts) -> tuple[Stage, ...]:
        changed = stage_impacts(self.domain, situation, proposal)
        return tuple(
            Stage(
                number=number,
                title=draft.title,
                why=draft.why,
                steps=self._steps(number, draft, facts),
                impacts=own,
                gate=draft.gate,
            )
            for number, (draft, own) in enumerate(zip(proposal.stages, changed, strict=True), 1)
        )

    def _steps(self, number: int, draft: StageDraft[S], facts: Facts) -> tuple[Step, ...]:
        """In the order of the moves; what one deploy makes of several targets is made at once."""
        made: dict[tuple[str, str], tuple[CompiledStep, ...]] = {}
        for name, driver, deploy in dict.fromkeys(
            (move.action.name, move.action.driver, move.action.deploy) for move in draft.moves
        ):
            data = {
                move.target: move.action.data(facts, move.target)
                for move in draft.moves
                if move.action.name == name
            }
            for target, steps in self._compiler_of(driver)(deploy, data).items():
                made[name, target] = steps
        return tuple(
            Step(
                id=f"{number}-{index}",
                driver=action.driver,
                target=target,
                action=action.name,
                operation=step.operation,
                payload=step.payload,
                shown=step.shown,
                timeout_s=step.timeout_s,
                fidelity=step.fidelity,
                probe=step.probe,
                undo=step.undo,
            )
            for index, (action, target, step) in enumerate(
                (action, target, step)
                for action, target in draft.moves
                for step in made[action.name, target]
            )
        )

    def _compiler_of(self, driver: str) -> StepCompiler:
        if driver in self.compilers:
            return self.compilers[driver]
        raise MachineError(
            f"there is no driver {driver!r} here: the plan cannot be made",
            guard="driver",
            got=", ".join(sorted(self.compilers)) or "none",
            expected=f"a system that brings {driver!r}",
            next_step="`remediate list` shows what is installed",
        )


def deciding_facts(domain: Domain[S], situation: S, proposal: Proposal[S]) -> tuple[Fact, ...]:
    """All facts that decide about the proposal, in a fixed order, each once."""
    facts = [*domain.facts(situation)]
    for action, target in proposal.moves:
        facts.extend(action.facts(situation, target))
    return tuple({fact.name: fact for fact in facts}.values())


def evaluate_guards(
    invariants: Iterable[Callable[[S, Proposal[S]], GuardResult | None]],
    situation: S,
    proposal: Proposal[S],
) -> tuple[GuardResult, ...]:
    """Every guard that bears on the proposal: the whole first, then target by target."""
    whole = (guard(situation, proposal) for guard in invariants)
    results = [result for result in whole if result is not None]
    for action, target in proposal.moves:
        results.extend(guard(situation, target) for guard in action.guards)
    return tuple(results)


def stage_impacts(
    domain: Domain[S], situation: S, proposal: Proposal[S]
) -> Sequence[tuple[Impact, ...]]:
    """What each stage does to each measure of the domain."""
    effects = [
        [effect for move in stage.moves for effect in move.action.effects(situation, move.target)]
        for stage in proposal.stages
    ]
    return compute_impacts(domain.levels(situation), effects)
