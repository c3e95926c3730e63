"""The Plan: what was decided, from which facts, and the exact bytes that will run. Canonical.

The same observation gives the same bytes. Their SHA-256 is the plan's identity: it is what people
sign, and what hosts refuse to run twice. No clock is read here: `expires_at` is computed from the
observation.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, TypeVar

from remediations.engine.find.finding import Finding
from remediations.values.login import Login
from remediations.values.origin import Origin
from remediations.values.part import Kinded, Part
from remediations.values.record import Moment, Record
from remediations.values.wire import digest

K = TypeVar("K", bound=Kinded)

NAMING = 8
"""Digits of the digest that identify a plan for people, and end the name of its run."""
PLAN_FORMAT = 3
VALID_FOR = timedelta(minutes=30)
"""Counted from the observation: enough to read and sign at night, and short enough to still hold.
"""


class Outcome(StrEnum):
    """The outcome of a guard. Unknown blocks too: what cannot be proven safe is refused."""

    PASS = "pass"
    BLOCK = "block"
    UNKNOWN = "unknown"


class Rule(StrEnum):
    """How a deciding fact may change between planning and applying."""

    EQUAL = "equal"
    AT_LEAST = "at-least"  # a number that may only rise, or several as 12/3/4


class Fidelity(StrEnum):
    """How certain the preview of a command is."""

    EXACT = "exact"
    CONDITIONAL = "conditional"  # the host decides by the step's declared outcome
    READ_ONLY = "read-only"


class Risk(StrEnum):
    """How bad the worst case is."""

    LOW = "low"  # nothing that is counted can decrease
    MEDIUM = "medium"  # something can, but the service goes on
    HIGH = "high"  # the service is down, or may go down


class Fact(Record, frozen=True, kw_only=True):
    """A reading that decided the plan. `name` is, for example, `hall.light`; `value` is text."""

    name: str
    value: str
    rule: Rule
    why: str
    source: str
    at: Moment


class GuardResult(Record, frozen=True, kw_only=True):
    """The result of one guard. `id` is one of docs/rules/guards.md ("G29"), `subject` is what was
    checked, "" for the whole; `facts` are the names of the facts that decide it.
    """

    id: str
    title: str
    subject: str
    outcome: Outcome
    got: str
    expected: str
    next_step: str
    facts: tuple[str, ...]


class Step(Record, frozen=True, kw_only=True):
    """What one driver does to one target: exactly `payload`, at most once.

    `id` identifies it everywhere: the number of its stage, and its position there, from 0; those
    that take a stage back are counted on after the last stage, the newest stage first. `action` is
    the domain's name for it, `operation` the driver's. `shown` is what an approver reads in
    place of a payload that people cannot read (the preview of a patch), "" if they read the payload
    itself. `timeout_s` is its time limit in seconds. `probe` is a question, in words that the
    driver knows, whose answer says whether the effect is there. `undo` says how it is undone, or
    why it cannot be.
    """

    id: str
    driver: str
    target: str
    action: str
    operation: str
    payload: str
    shown: str
    timeout_s: int
    fidelity: Fidelity
    probe: tuple[str, ...]
    undo: str


class Undo(Record, frozen=True, kw_only=True):
    """How one action of a stage on one target is taken back, planned and approved with it.

    `undoes` are the ids of its steps. `steps` are carried out by `remediate undo`, and only where
    the effect of one of those is there (docs/run.md#undo).
    """

    undoes: tuple[str, ...]
    steps: tuple[Step, ...]


class Impact(Record, frozen=True, kw_only=True):
    """One measure that the domain counts (lamps lit, replicas), before a stage, at worst during it,
    and after it, out of `total`. It must not fall below `floor`, which is 0 for none.
    """

    measure: str
    before: int
    worst: int
    after: int
    total: int
    floor: int


class Gate(Record, frozen=True, kw_only=True):
    """A condition with a time limit. `asks` is the question to the domain's look."""

    title: str
    timeout_s: int
    asks: Part


class Stage(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Steps that may run at the same time, then a barrier, then the gate. `undo` is not written
    where nothing of it can be taken back by a step."""

    number: int
    title: str
    why: str
    steps: tuple[Step, ...]
    impacts: tuple[Impact, ...]
    gate: Gate
    undo: tuple[Undo, ...] = ()


class StageToUndo(NamedTuple):
    """A stage, and those of its actions that have, or may have, done something."""

    stage: Stage
    undo: tuple[Undo, ...]


class PlannedCheck(Record, frozen=True, kw_only=True):
    """One check that must run and pass after the run (docs/rules/checks.md)."""

    id: str
    title: str


class ChosenInput(Record, frozen=True, kw_only=True):
    """What people chose for one input of the branch (`--NAME VALUE`), in its canonical text."""

    name: str
    value: str


class Plan(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One reviewed change, complete. Written with `canonical`, identified by `plan_digest`.

    `domain` is the owner of the playbook; `inputs` is not written where people chose nothing;
    `resources` are what the run locks (`lamp/ROOM`). `observation_digest` is the SHA-256 of the
    observation from which it was made; `logins` says where the name of every host of the inventory
    leads. `baseline` is what the checks compare with.

    It consists of sentences, facts, exact bytes and parts, so it can be shown, signed and checked
    where its domain is not installed.
    """

    format: int
    tool: str
    domain: str
    playbook: str
    branch: str
    inputs: tuple[ChosenInput, ...] = ()
    origin: Origin
    title: str
    resources: tuple[str, ...]
    inventory_digest: str
    observation_digest: str
    observed_at: Moment
    expires_at: Moment
    finding: Finding
    facts: tuple[Fact, ...]
    guards: tuple[GuardResult, ...]
    warnings: tuple[str, ...]
    stages: tuple[Stage, ...]
    checks: tuple[PlannedCheck, ...]
    baseline: tuple[Part, ...]
    logins: tuple[Login, ...]
    risk: Risk
    worst_case: str
    approvals_needed: int

    @property
    def blocked(self) -> tuple[GuardResult, ...]:
        """The guards that do not pass."""
        return tuple(guard for guard in self.guards if guard.outcome is not Outcome.PASS)

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets, in order, each once."""
        return tuple(dict.fromkeys(step.target for step in self.steps))

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in the order of the plan."""
        return tuple(step for stage in self.stages for step in stage.steps)

    @property
    def undo_steps(self) -> tuple[Step, ...]:
        """The steps that take the others back, in their order: the newest stage first."""
        return tuple(
            step for stage in reversed(self.stages) for undo in stage.undo for step in undo.steps
        )

    def part(self, kind: type[K]) -> K:
        """The part of the baseline with this kind.

        Raises:
            ValueError: there is none, or it is malformed.
        """
        for part in self.baseline:
            if part.kind == kind.KIND:
                return part.read(kind)
        raise ValueError(f"the plan has no {kind.KIND}")


def plan_digest(plan: Plan) -> str:
    """The plan's identity: SHA-256 over its canonical bytes, lower-case hex."""
    return digest(plan)


def words_to_plan(plan: Plan) -> tuple[str, ...]:
    """The words after `remediate` that plan the same again, with the same choices."""
    chosen = (word for one in plan.inputs for word in (f"--{one.name}", shlex.quote(one.value)))
    return ("plan", plan.playbook, *chosen)


_OUTCOMES = {None: Outcome.UNKNOWN, True: Outcome.PASS, False: Outcome.BLOCK}


def guard_result(
    guard: str,
    title: str,
    *,
    holds: bool | None,
    got: str,
    expected: str,
    next_step: str,
    subject: str = "",
    facts: tuple[str, ...] = (),
) -> GuardResult:
    """The result of a guard. `holds` is None if it could not be evaluated, which blocks as well."""
    return GuardResult(
        id=guard,
        title=title,
        subject=subject,
        outcome=_OUTCOMES[holds],
        got=got,
        expected=expected,
        next_step=next_step,
        facts=facts,
    )
