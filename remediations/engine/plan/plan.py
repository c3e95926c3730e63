"""The Plan: what was decided, from which facts, and the exact bytes that will run. Canonical.

The same observation gives the same bytes; the SHA-256 of these bytes is the plan's identity, what
people sign, and what hosts refuse to run twice. No clock is read here: `expires_at` derives from
the observation.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from remediations.engine.find.finding import Finding
from remediations.systems.hosts.probe import Probe
from remediations.values.login import Login
from remediations.values.origin import Origin
from remediations.values.part import Part
from remediations.values.record import Moment, Record
from remediations.values.wire import digest

NAMING = 8
"""Digits of the digest that name a plan to a person, and end the name of its run."""
PLAN_FORMAT = 2
VALID_FOR = timedelta(minutes=30)
"""From the observation on: long enough to read and sign at night, short enough to still be true."""


class Outcome(StrEnum):
    """Of a guard. Unknown blocks too: what cannot be proven safe is refused."""

    PASS = "pass"
    BLOCK = "block"
    UNKNOWN = "unknown"


class Rule(StrEnum):
    """How a deciding fact may move between planning and applying."""

    EQUAL = "equal"
    AT_LEAST = "at-least"  # a number that may only rise (heights, sign states as h/r/s)


class Fidelity(StrEnum):
    """How sure the preview of a command is."""

    EXACT = "exact"
    CONDITIONAL = "conditional"  # the host decides by the step's declared outcome
    READ_ONLY = "read-only"


class Risk(StrEnum):
    """How bad the worst case is."""

    LOW = "low"  # touches no voting power
    MEDIUM = "medium"  # touches power; the chain cannot halt by it
    HIGH = "high"  # acts while the chain is halted, or on a third or more of the power


class Fact(Record, frozen=True, kw_only=True):
    """A reading that decided the plan. `name` as `val2.sign_state`; `value` as text."""

    name: str
    value: str
    rule: Rule
    why: str
    source: str
    at: Moment


class GuardResult(Record, frozen=True, kw_only=True):
    """One preflight check. `id` is one of docs/rules/guards.md ("G29"); `host` "" for the whole
    set; `facts` are the names of the facts that decide it.
    """

    id: str
    title: str
    host: str
    outcome: Outcome
    got: str
    expected: str
    next_step: str
    facts: tuple[str, ...]


class Command(Record, frozen=True, kw_only=True):
    """What runs on one host: the exact text given to `/bin/sh` as root, inside a transient unit.

    `timeout_s` is its own limit in seconds; `probe` the built-in question that tells afterwards
    whether the effect is there; `undo` how it is undone, or why it cannot be.
    """

    host: str
    operation: str
    text: str
    timeout_s: int
    fidelity: Fidelity
    probe: Probe
    undo: str


class PowerEffect(Record, frozen=True, kw_only=True):
    """Voting power that signs: before the stage, at worst during it, after it."""

    before: int
    worst: int
    after: int
    total: int


class Gate(Record, frozen=True, kw_only=True):
    """A condition with a time limit. `asks` is the domain's question, which only its looks can
    answer; `rises` names the numbers in it that may be higher when the plan is made again to be
    applied, as heights are."""

    title: str
    timeout_s: int
    asks: Part
    rises: tuple[str, ...] = ()


class Stage(Record, frozen=True, kw_only=True):
    """Commands that may run at the same time, then a barrier, then the gate."""

    number: int
    title: str
    why: str
    deploys: tuple[str, ...]
    commands: tuple[Command, ...]
    power: PowerEffect
    gate: Gate


class Step(NamedTuple):
    """One command of a plan, and the id under which everything tells of it: its stage's number and
    its place in the stage, from 0."""

    id: str
    stage: Stage
    command: Command


class PlannedCheck(Record, frozen=True, kw_only=True):
    """One postflight verification (docs/rules/checks.md)."""

    id: str
    title: str


class Baseline(Record, frozen=True, kw_only=True):
    """What verification compares with: how things stood before anything was done.

    `sign_states` are host, height, round, step; `peers` host and count; `binaries` host and
    SHA-256; `untouched` healthy hosts with main pid and start ticks: they must be the same
    processes afterwards.
    """

    height: int
    online_power: int
    total_power: int
    sign_states: tuple[tuple[str, int, int, int], ...]
    peers: tuple[tuple[str, int], ...]
    binaries: tuple[tuple[str, str], ...]
    untouched: tuple[tuple[str, int, int], ...]


class Target(Record, frozen=True, kw_only=True):
    """Where a node is, for checks and gates: everything discovered, nothing guessed."""

    host: str
    unit: str
    home: str
    user: str
    rpc_url: str
    address: str
    power: int


class Plan(Record, frozen=True, kw_only=True):
    """One reviewed change, complete. Written with `canonical`, identified by `plan_digest`.

    `observation_digest` is the SHA-256 of the observation it was made from; `logins` says where the
    name of every host of the inventory leads.
    """

    format: int
    tool: str
    playbook: str
    branch: str
    origin: Origin
    title: str
    chain_id: str
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
    baseline: Baseline
    targets: tuple[Target, ...]
    logins: tuple[Login, ...]
    risk: Risk
    worst_case: str
    approvals_needed: int

    @property
    def blocked(self) -> tuple[GuardResult, ...]:
        """The guards that do not pass."""
        return tuple(guard for guard in self.guards if guard.outcome is not Outcome.PASS)

    @property
    def acting_hosts(self) -> tuple[str, ...]:
        """Hosts on which something runs, in order, each once."""
        return tuple(dict.fromkeys(c.host for stage in self.stages for c in stage.commands))

    def steps(self) -> tuple[Step, ...]:
        """All that runs, in the order of the plan."""
        return tuple(
            Step(f"{stage.number}-{index}", stage, command)
            for stage in self.stages
            for index, command in enumerate(stage.commands)
        )


def plan_digest(plan: Plan) -> str:
    """The plan's identity: SHA-256 over its canonical bytes, lower-case hex."""
    return digest(plan)
