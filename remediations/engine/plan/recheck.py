"""Checks right before applying that the plan follows from its observation, and still holds.

1. `check_derivation`: the plan is made again from the observation saved beside it, and the bytes
   must be the same. So no field claims anything that was not observed, or asks for anything that
   this version would not do.
2. `recheck`, with what is read now: every deciding fact is compared by its own rule.
3. The branch must still fit, and every guard must pass.
4. The plan is made again from that, and every field must be the approved one, except for the few
   that may change (`remediations.engine.plan.compare`). A fact that may rise keeps its approved
   value in the bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from remediations.engine.catalogue import branch_of
from remediations.engine.domain import Branch, Inputs, Move, Proposal, StageDraft
from remediations.engine.observe.observation import Observation, missing_readings
from remediations.engine.plan.build import PlanBuilder, evaluate_guards
from remediations.engine.plan.compare import Difference, changed_facts, changed_fields
from remediations.engine.plan.inputs import planned_inputs
from remediations.engine.plan.plan import Fact, GuardResult, Outcome, Plan, StageToUndo
from remediations.errors import Refused, UsageError, WorldChanged
from remediations.values.wire import digest

SHOWN = 12
"""The most differences that are listed; there may be hundreds."""


def check_derivation(plan: Plan, observation: Observation, maker: PlanBuilder) -> None:
    """Check that `plan` is, byte for byte, what `maker` makes from the saved observation.

    Raises:
        Refused: it is not; lists what differs. Nothing was changed.
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
    missing = missing_readings(observation)
    if missing:
        raise _not_of_this(plan, f"an observation with {missing}", "a full one of all hosts")
    if not maker.domain.concerns(observation):
        raise _not_of_this(plan, f"an observation without {plan.domain}", f"one of {plan.domain}")
    inputs = _inputs_of(plan, branch)
    try:
        situation = _situation_of(plan, observation, maker, inputs)
    except UsageError as error:  # its readings contradict each other
        raise _not_of_this(plan, f"{error.what}: {error.got}", error.expected) from error
    reason = branch.fits(situation)
    if reason is not None:
        raise _not_of_this(plan, f"{branch.name} does not fit: {reason}", "the branch of the plan")
    made = maker.build(branch, situation, observation, inputs=inputs)
    if made != plan:
        differences = changed_fields(plan, made)[:SHOWN]
        raise _not_of_this(
            plan,
            "; ".join(f"{d.name}: the plan says {d.planned}" for d in differences),
            "; ".join(f"{d.name}: {d.now}" for d in differences),
        )


def recheck(plan: Plan, observation: Observation, maker: PlanBuilder) -> None:
    """Check that the plan still holds in what was read now.

    Raises:
        WorldChanged: it does not; shows planned, now, and why it matters. Nothing was changed.
        UsageError: the branch is not installed here.
    """
    branch = branch_of(plan, maker.playbook)
    if not maker.domain.concerns(observation):
        why = "it is not configured here as it was when the plan was made"
        raise world_changed([Difference(plan.domain, "observed", "nothing of it was read", why)])
    inputs = _inputs_of(plan, branch)
    situation = _situation_of(plan, observation, maker, inputs)
    differences = changed_facts(plan.facts, list(_facts_now(plan, situation, maker)))
    if differences:
        raise world_changed(differences)
    reason = branch.fits(situation)
    if reason is not None:
        raise world_changed(
            [Difference("branch", plan.branch, reason, "another one may be right now")]
        )
    held = {fact.name: fact.value for fact in plan.facts}
    made = maker.build(branch, situation, observation, inputs=inputs, held=held)
    if made.blocked:
        raise world_changed(_that_block(made.blocked))
    differences = changed_fields(plan, made, movable=maker.domain.movable)
    if differences:
        raise world_changed(differences)


def recheck_untouched(
    plan: Plan, observation: Observation, maker: PlanBuilder, targets: Collection[str]
) -> int:
    """Check, for a run that is resumed, that what decided the actions on `targets` still holds, and
    that their guards pass. Nothing was done to these targets yet; what else the plan rests on was
    changed by its own earlier stages, and is checked on the target by each step itself.

    Returns the number of facts that hold.

    Raises:
        WorldChanged: one does not. Nothing more was changed.
        UsageError: the readings contradict each other, or the branch is not installed here.
    """
    inputs = _inputs_of(plan, branch_of(plan, maker.playbook))
    situation = _situation_of(plan, observation, maker, inputs)
    moves = dict.fromkeys((s.action, s.target) for s in plan.steps if s.target in targets)
    now: list[Fact] = []
    guards: list[GuardResult] = []
    for name, target in moves:
        action = maker.domain.action(name)
        now += action.facts(situation, target)
        guards += [guard(situation, target) for guard in action.guards]
    named = {fact.name for fact in now}
    planned = [fact for fact in plan.facts if fact.name in named]
    blocked = [guard for guard in guards if guard.outcome is not Outcome.PASS]
    differences = (*changed_facts(planned, now), *_that_block(blocked))
    if differences:
        raise world_changed(differences, changed="Nothing more was changed")
    return len(planned)


def recheck_undo(
    plan: Plan, observation: Observation, maker: PlanBuilder, undone: Sequence[StageToUndo]
) -> int:
    """Check, for a run that is undone, the guards of what takes it back, and those of the whole, in
    what was read now. The facts of the plan are not compared: the run itself changed them, and each
    step checks on its target what it needs.

    Returns the number of guards that pass.

    Raises:
        WorldChanged: one does not. Nothing more was changed.
        UsageError: the readings contradict each other, or the branch is not installed here.
    """
    inputs = _inputs_of(plan, branch_of(plan, maker.playbook))
    situation = _situation_of(plan, observation, maker, inputs)
    proposal = Proposal(
        title=f"undo: {plan.title}",
        stages=tuple(
            StageDraft(
                title=stage.title,
                why=stage.why,
                moves=tuple(
                    Move(maker.domain.action(step.action), step.target)
                    for undo in those
                    for step in undo.steps
                ),
                gate=stage.gate,
            )
            for stage, those in undone
        ),
        checks=plan.checks,
        risk=plan.risk,
        worst_case=plan.worst_case,
    )
    guards = evaluate_guards(maker.domain.invariants, situation, proposal)
    blocked = [guard for guard in guards if guard.outcome is not Outcome.PASS]
    if blocked:
        raise world_changed(_that_block(blocked), changed="Nothing more was changed")
    return len(guards)


def _inputs_of(plan: Plan, branch: Branch[Any]) -> Inputs:
    """What was chosen for the plan.

    Raises:
        Refused: the branch would not have taken it.
    """
    try:
        return planned_inputs(plan, branch)
    except ValueError as error:
        raise _not_of_this(plan, str(error), "inputs as they were planned") from error


def _situation_of(
    plan: Plan, observation: Observation, maker: PlanBuilder, inputs: Inputs
) -> object:
    """The situation in which the plan would be made now, for its targets and with its choices.

    Raises:
        UsageError: the readings contradict each other.
    """
    situation = maker.domain.situation(observation, frozenset(plan.targets))
    return maker.domain.choose(situation, inputs)


def _that_block(guards: Iterable[GuardResult]) -> list[Difference]:
    return [Difference(f"{g.id} {g.subject}".strip(), "pass", g.got, g.title) for g in guards]


def world_changed(
    differences: Sequence[Difference], *, changed: str = "Nothing was changed"
) -> WorldChanged:
    """The refusal, with each difference: planned, now, and why it matters."""
    first = differences[0]
    lines = [f"{d.name}: planned {d.planned}, now {d.now} ({d.why})" for d in differences[:SHOWN]]
    more = len(differences) - len(lines)
    shown = "; ".join([*lines, *([f"and {more} more"] if more > 0 else [])])
    return WorldChanged(
        f"the world is not what the plan was made from: {first.name}. {changed}",
        guard="deciding facts",
        got=shown,
        expected="what decided the plan still holds",
        next_step="`remediate diagnose`, then `remediate plan` again",
    )


def _facts_now(plan: Plan, situation: object, maker: PlanBuilder) -> Iterator[Fact]:
    """The facts of the domain, and of each action in the plan, whatever would be proposed now."""
    yield from maker.domain.facts(situation)
    for action, target in dict.fromkeys((step.action, step.target) for step in plan.steps):
        yield from maker.domain.action(action).facts(situation, target)


def _not_of_this(plan: Plan, got: str, expected: str) -> Refused:
    return Refused(
        "the plan is not what its own observation gives: it was edited, or made by another version."
        " Nothing was changed",
        guard="plan of its observation",
        got=got,
        expected=expected,
        next_step=f"remediate plan {plan.playbook} (again); a plan is never changed by hand",
    )
