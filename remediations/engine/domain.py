"""What a domain declares: what can go wrong, what can be done about it, and when.

A system knows *how* (how to ask a daemon, how to restart a unit); a domain knows *when*. The engine
knows neither: it asks a domain for values, and does the rest in the same way for all of them. The
rules:

1. Every function here is pure: it is given what was observed, reads nothing, and has no clock.
2. A situation is made once from an observation, and is the argument of all other functions.
3. What is done to a target is computed from *facts* alone (`Action.data`). So everything in the
   bytes is shown, signed, and read again by its name. A fact that may rise keeps its approved
   value.
4. An action declares the guards without which it is never done. A branch may add guards, but cannot
   leave one out. The conditions for the whole (`Domain.invariants`) apply to every branch.
5. Unknown is a value: a fact that could not be read says so, its guard is unknown, and that blocks.

    LIGHT = Action(name="lamp.light", driver="file", deploy="write", facts=…, data=…, guards=…)
    LAMP = Domain(name="lamp", actions=(LIGHT,), playbooks=(DARK,), …)

docs/writing-a-domain.md has a complete one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from remediations.engine.apply.look import Watch
from remediations.engine.find.finding import Finding
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.compare import Movable
from remediations.engine.plan.impact import Effect, Level
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Fact, Gate, GuardResult, Plan, PlannedCheck, Risk
from remediations.errors import Refused, UsageError
from remediations.render.formats import name_some
from remediations.values.part import Kinded, Part

if TYPE_CHECKING:  # they need SSH, which takes a quarter of a second to load
    from remediations.engine.discovery import Discovery
    from remediations.engine.doctor.examination import Doctor
    from remediations.engine.plan.rehearsal import Rehearsed
    from remediations.engine.whatif.projection import Projector
    from remediations.reach.connection import Reach

S = TypeVar("S")
"""A domain's situation: its own typed readings, and its conclusions from them."""

Facts = Mapping[str, str]
"""The values of facts, by name."""
StepData = Mapping[str, str | int]
"""The data from which a driver makes the bytes for one target."""
Inputs = Mapping[str, str]
"""What people chose for a plan: canonical texts, by the names of their inputs."""
NO_INPUTS: Inputs = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Input:
    """A choice that a branch leaves to people: an option of `remediate plan`, `--NAME METAVAR`.

    `parse` gives the one form in which a choice stands in the plan (`2` for `02`), and gives
    that back unchanged. It knows nothing of the world: whether the choice is right there, `fits` or
    a guard says.

    Raises (`parse`):
        ValueError: with a sentence that says what is expected.
    """

    name: str
    metavar: str
    help: str
    parse: Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Action(Generic[S]):
    """Something that can be done to one target, with all that must hold before it is done.

    `driver` carries it out, from `deploy` (a name that the driver knows) and `data`. `effects` are
    the target's contributions to each measure before, during and after the action. `undo_cost` says
    what undoing it takes away, in words that follow from facts of rule EQUAL alone; the step itself
    says how it is undone.

    `undone_by` takes it back, None where nothing does, or where that is for people to do. It is
    planned with it, so its `data` must follow from the facts of this action and of the domain. Its
    guards are evaluated when people undo a run, on what is true then.
    """

    name: str
    driver: str
    deploy: str
    facts: Callable[[S, str], tuple[Fact, ...]]
    data: Callable[[Facts, str], StepData]
    guards: tuple[Callable[[S, str], GuardResult], ...]
    effects: Callable[[S, str], tuple[Effect, ...]]
    undo_cost: Callable[[S, str], str] | None = None
    undone_by: Action[S] | None = None


class Move(NamedTuple, Generic[S]):
    """One action on one target."""

    action: Action[S]
    target: str


@dataclass(frozen=True, kw_only=True)
class StageDraft(Generic[S]):
    """A stage before its bytes exist: what is done at the same time, and the gate after it."""

    title: str
    why: str
    moves: tuple[Move[S], ...]
    gate: Gate


@dataclass(frozen=True, kw_only=True)
class Proposal(Generic[S]):
    """What a branch proposes in one situation.

    `stages` is never empty: doing nothing is not reported as success
    (docs/rules/hazards.md#success-for-nothing).
    """

    title: str
    stages: tuple[StageDraft[S], ...]
    checks: tuple[PlannedCheck, ...]
    risk: Risk
    worst_case: str
    warnings: tuple[str, ...] = ()

    @property
    def moves(self) -> tuple[Move[S], ...]:
        """All that is done, in order."""
        return tuple(move for stage in self.stages for move in stage.moves)

    @property
    def targets(self) -> tuple[str, ...]:
        """All that is acted on, in order, each once."""
        return tuple(dict.fromkeys(move.target for move in self.moves))


@dataclass(frozen=True, kw_only=True)
class Branch(Generic[S]):
    """One resolution. `fits` returns None if it is the right one, otherwise why it is not.

    `inputs` are the choices that it uses, none of which has to be given: `fits` says why it cannot
    do without one. One that is given and not used here is refused. `rehearse` tries the proposal on
    copies (`plan.rehearsal`); None if that is not possible. `measured` is how long it took where it
    was carried out, None where nobody measured it.
    """

    name: str
    title: str
    condition: str
    fits: Callable[[S], str | None]
    propose: Callable[[S], Proposal[S]]
    invariants: tuple[Callable[[S, Proposal[S]], GuardResult | None], ...] = ()
    inputs: tuple[Input, ...] = ()
    rehearse: Callable[[S, Proposal[S], Reach], Awaitable[Rehearsed]] | None = None
    measured: Measured | None = None


@dataclass(frozen=True, kw_only=True)
class Playbook(Generic[S]):
    """One incident or alert of the specification, with its branches in the order of trial."""

    id: str
    title: str
    alerts: tuple[str, ...]
    branches: tuple[Branch[S], ...]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What its branches leave to people, each once. Branches may share one."""
        every = (one for branch in self.branches for one in branch.inputs)
        return tuple({one.name: one for one in every}.values())


@dataclass(frozen=True, kw_only=True)
class Domain(Generic[S]):
    """One family of things that go wrong.

    `concerns` says whether an observation contains anything of the domain; if not, nothing else of
    it is used. `rests_on` names domains without which this one cannot be well: while one of them is
    down, its finding is shown first and explains this one's. `rules` is the package with the pages
    about its guards, checks and classes (`engine.rules.domain_rules`), `alerts` the one with its
    alert rules (`engine.alert_rules`), "" for none.

    `situation` is given the targets that may be acted on, empty for all; what is read is never
    narrowed. If the readings cannot be used or contradict each other, it raises UsageError, as
    `Observation.read` does. `with_inputs` gives the same situation with what people chose, which is
    never empty; None if no branch has an input. A choice is no reading: it leaves the finding as it
    is.

    `finding` is the conclusion for people, `detail` the same in the domain's own terms.
    `invariants` judge the whole proposal; one that does not apply to it returns None. `levels` are
    what is counted. `movable` says which fields of the domain's own parts may differ when a plan is
    applied, by `KIND field` (`lamp.before/1 lit`). `kinds` are the parts that the domain writes;
    their schemas are published. `watch` looks at the world while a plan is applied, through the
    connections of the run. `checks` is the package with the domain's checks. `doctor`,
    `discovery` and `whatif` load what the domain adds to these commands, None if nothing.
    """

    name: str
    title: str
    concerns: Callable[[Observation], bool]
    situation: Callable[[Observation, frozenset[str]], S]
    finding: Callable[[S], Finding]
    detail: Callable[[S], Part]
    facts: Callable[[S], tuple[Fact, ...]]
    invariants: tuple[Callable[[S, Proposal[S]], GuardResult | None], ...]
    levels: Callable[[S], tuple[Level, ...]]
    baseline: Callable[[S, Proposal[S]], tuple[Part, ...]]
    resources: Callable[[S], tuple[str, ...]]
    actions: tuple[Action[S], ...]
    playbooks: tuple[Playbook[S], ...]
    watch: Callable[[Plan, Reach], Watch]
    checks: str
    movable: Mapping[str, Movable] = field(default_factory=lambda: MappingProxyType({}))
    kinds: tuple[type[Kinded], ...] = ()
    rests_on: tuple[str, ...] = ()
    rules: str = ""
    alerts: str = ""
    doctor: Callable[[], Doctor] | None = None
    discovery: Callable[[], Discovery] | None = None
    whatif: Callable[[], Projector] | None = None
    with_inputs: Callable[[S, Inputs], S] | None = None

    def choose(self, situation: S, inputs: Inputs) -> S:
        """The situation with what people chose, if anything."""
        if not inputs:
            return situation
        assert self.with_inputs is not None, "`entry_points.domain_flaw` refuses such a domain"
        return self.with_inputs(situation, inputs)

    def action(self, name: str) -> Action[S]:
        """The action called `name`.

        Raises:
            KeyError: the domain does not have it.
        """
        return {action.name: action for action in self.actions}[name]


AnyDomain = Domain[Any]
"""A domain whose type of situation is not known."""


def pick_branch(
    playbook: Playbook[S], situation: S, finding: Finding, branch: str | None
) -> Branch[S]:
    """The requested branch, or the first one that fits the situation.

    Raises:
        UsageError: there is no branch of that name.
        Refused: none fits, or the requested one does not; says what to do by hand.
    """
    known = {candidate.name: candidate for candidate in playbook.branches}
    if branch is not None and branch not in known:
        raise UsageError(
            f"{playbook.id} has no branch {branch!r}",
            guard="branch",
            got=branch,
            expected=", ".join(known),
            next_step=f"remediate plan {playbook.id}",
        )
    tried = [known[branch]] if branch is not None else list(playbook.branches)
    reasons = []
    for candidate in tried:
        reason = candidate.fits(situation)
        if reason is None:
            return candidate
        reasons.append(f"{candidate.name}: {reason}")
    raise Refused(
        f"{playbook.id} has no branch for this: {finding.verdict}. {finding.explanation}",
        guard="branch",
        got="; ".join(reasons),
        expected="; ".join(f"{c.name}: {c.condition}" for c in tried),
        next_step=manual_advice(finding),
    )


def manual_advice(finding: Finding) -> str:
    """What a person has to do if no branch applies: the advice for the subjects, or else that of
    the finding. Advice that several subjects share is given once."""
    names: dict[str, list[str]] = {}
    for subject in finding.subjects:
        if subject.by_hand:
            names.setdefault(subject.by_hand, []).append(subject.name)
    advice = [f"{name_some(those)}: {what}" for what, those in names.items()]
    return "; ".join(advice) or finding.next_step
