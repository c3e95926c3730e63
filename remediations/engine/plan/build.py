"""From a proposal to a Plan: gather the facts, evaluate the guards, make the bytes, freeze.

Pure, except for what makes the bytes (`StepCompiler`), which contacts no host.

1. Facts: the domain's, then those of each action for its target. Each name occurs once.
2. Guards: the domain's invariants, the branch's, then those of each action for its target.
3. Bytes: made for each action from facts alone. If a guard blocks there are none: what must not run
   has no bytes, and bytes cannot be made from unknown facts.

The rules of a step compiler, the pure half of a driver:

1. The same arguments give the same bytes, on any machine and at any time.
2. It makes one or more steps for each target that it is given, and none for any other. It has no
   empty answer: what cannot be made is a RemediationError.
3. The payload is complete. `shown` is set only if people cannot read the payload.

A complete one, for lamps that are files:

    def compile_lamps(
        deploy: str, data: Mapping[str, StepData], /
    ) -> Mapping[str, tuple[CompiledStep, ...]]:
        return {
            lamp: (
                CompiledStep(
                    operation=deploy, payload=str(given["word"]), timeout_s=1,
                    fidelity=Fidelity.EXACT, probe=("reads", lamp), undo="write the other word",
                ),
            )
            for lamp, given in data.items()
        }
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol, TypeVar

from remediations.engine.domain import (
    NO_INPUTS,
    Branch,
    Domain,
    Facts,
    Inputs,
    Move,
    Playbook,
    Proposal,
    StepData,
)
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.impact import compute_impacts
from remediations.engine.plan.inputs import chosen_inputs
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
    Undo,
)
from remediations.errors import MachineError
from remediations.values.origin import Origin
from remediations.values.wire import digest

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class CompiledStep:
    """One step as a driver's compiler makes it. `plan.Step` explains the fields."""

    operation: str
    payload: str
    timeout_s: int
    fidelity: Fidelity
    probe: tuple[str, ...]
    undo: str
    shown: str = ""


class StepCompiler(Protocol):
    """The pure half of a driver, by the rules above: from facts about its targets to exact
    bytes."""

    def __call__(
        self, deploy: str, data: Mapping[str, StepData], /
    ) -> Mapping[str, tuple[CompiledStep, ...]]:
        """The steps of each target, in order.

        Raises:
            RemediationError: they cannot be made.
        """
        ...


StepCompilers = Mapping[str, StepCompiler]
"""Step compilers by the name of their driver."""


@dataclass(frozen=True, kw_only=True)
class PlanBuilder:
    """Builds plans with an installed playbook of `domain` that comes from `origin`. `tool` is our
    own name and version."""

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
        inputs: Inputs = NO_INPUTS,
        held: Facts | None = None,
    ) -> Plan:
        """The plan of a branch that fits. `inputs` are what people chose, as the situation has it;
        `held` are facts that keep their approved values.

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
            inputs=chosen_inputs(branch, inputs),
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
        last = len(proposal.stages)
        stages = []
        for number, (draft, own) in enumerate(zip(proposal.stages, changed, strict=True), 1):
            made = self._steps(number, draft.moves, facts, situation)
            stages.append(
                Stage(
                    number=number,
                    title=draft.title,
                    why=draft.why,
                    steps=tuple(step for _, steps in made for step in steps),
                    impacts=own,
                    gate=draft.gate,
                    undo=self._undo(2 * last + 1 - number, made, facts, situation),
                )
            )
        return tuple(stages)

    def _undo(
        self,
        number: int,
        made: Sequence[tuple[Move[S], tuple[Step, ...]]],
        facts: Facts,
        situation: S,
    ) -> tuple[Undo, ...]:
        """What takes the moves of a stage back, where something does."""
        back = [
            (Move(move.action.undone_by, move.target), steps)
            for move, steps in made
            if move.action.undone_by is not None
        ]
        own = self._steps(number, [move for move, _ in back], facts, situation)
        return tuple(
            Undo(undoes=tuple(step.id for step in steps), steps=mine)
            for (_, steps), (_, mine) in zip(back, own, strict=True)
        )

    def _steps(
        self, number: int, moves: Sequence[Move[S]], facts: Facts, situation: S
    ) -> tuple[tuple[Move[S], tuple[Step, ...]], ...]:
        """The steps of each move, in order. All targets of one action are compiled together."""
        made: dict[tuple[str, str], tuple[CompiledStep, ...]] = {}
        for name, driver, deploy in dict.fromkeys(
            (move.action.name, move.action.driver, move.action.deploy) for move in moves
        ):
            data = {
                move.target: move.action.data(facts, move.target)
                for move in moves
                if move.action.name == name
            }
            for target, steps in self._compiler_of(driver)(deploy, data).items():
                made[name, target] = steps
        ids = count()
        return tuple(
            (
                move,
                tuple(
                    _planned(f"{number}-{next(ids)}", move, situation, step)
                    for step in made[move.action.name, move.target]
                ),
            )
            for move in moves
        )

    def _compiler_of(self, driver: str) -> StepCompiler:
        if driver in self.compilers:
            return self.compilers[driver]
        raise MachineError(
            f"there is no driver {driver!r} here: the plan cannot be made",
            guard="driver",
            got=", ".join(sorted(self.compilers)) or "none",
            expected=f"a system that provides {driver!r}",
            next_step="`remediate list` shows what is installed",
        )


def _planned(name: str, move: Move[S], situation: S, step: CompiledStep) -> Step:
    """The step, with how it is undone, and what that costs where the action can tell."""
    action, target = move
    cost = action.undo_cost(situation, target) if action.undo_cost else ""
    return Step(
        id=name,
        driver=action.driver,
        target=target,
        action=action.name,
        operation=step.operation,
        payload=step.payload,
        shown=step.shown,
        timeout_s=step.timeout_s,
        fidelity=step.fidelity,
        probe=step.probe,
        undo=f"{step.undo}: {cost}" if cost else step.undo,
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
    """The results of all guards that apply to the proposal: the whole first, then each target. What
    several actions on one target ask is asked once."""
    whole = (guard(situation, proposal) for guard in invariants)
    results = [result for result in whole if result is not None]
    for action, target in proposal.moves:
        results.extend(guard(situation, target) for guard in action.guards)
    return tuple(dict.fromkeys(results))


def stage_impacts(
    domain: Domain[S], situation: S, proposal: Proposal[S]
) -> Sequence[tuple[Impact, ...]]:
    """The impact of each stage on each measure of the domain."""
    effects = [
        [effect for move in stage.moves for effect in move.action.effects(situation, move.target)]
        for stage in proposal.stages
    ]
    return compute_impacts(domain.levels(situation), effects)
