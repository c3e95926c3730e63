"""Whether an action may be done to some targets now, all at the same time, and with which data.
Pure.

It is what a plan would check, without a plan: the domain's invariants, the action's guards for each
target, and data from facts alone. There is no branch, so nothing says that the action is the right
one; and no gate, so nothing waits for its effect (docs/deploys.md, "The plain path").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, TypeVar

from remediations.engine.domain import Action, AnyDomain, Domain, Move, Proposal, StageDraft
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import deciding_facts, evaluate_guards
from remediations.engine.plan.plan import Gate, GuardResult, Outcome, Risk
from remediations.engine.plan.planning import check_targets
from remediations.errors import UsageError
from remediations.values.part import Kinded, Part
from remediations.values.record import Record

S = TypeVar("S")


class Ungated(Kinded, frozen=True, kw_only=True):
    """What the gate asks for where there is no waiting."""

    KIND: ClassVar[str] = "engine.ungated/1"


class Preflight(Record, frozen=True, kw_only=True):
    """The result. `domains` are those whose guards were evaluated, `guards` are all of them, in the
    order of a plan, each once; `data` is what the action's driver needs for each target, empty if a
    guard blocks."""

    domains: tuple[str, ...]
    action: str
    targets: tuple[str, ...]
    guards: tuple[GuardResult, ...]
    data: Mapping[str, Mapping[str, str | int]]

    @property
    def blocked(self) -> tuple[GuardResult, ...]:
        """The guards that do not pass. An unknown one blocks as well."""
        return tuple(guard for guard in self.guards if guard.outcome is not Outcome.PASS)


def judge_action(
    domains: Sequence[Domain[S]],
    action: Action[S],
    targets: tuple[str, ...],
    observation: Observation,
) -> Preflight:
    """Evaluate `action` on all `targets` at the same time, in what was observed. If several domains
    have it, it must pass the guards of each.

    Raises:
        UsageError: there is no target, or one was not observed.
    """
    if not targets:
        raise UsageError(
            f"{action.name} has no target",
            guard="--limit",
            got="0 hosts",
            expected="one or more",
            next_step="name them with --limit",
        )
    proposal = _at_once(action, targets)
    guards: dict[GuardResult, None] = {}
    facts: dict[str, str] = {}
    for domain in domains:
        situation = domain.situation(observation, frozenset(targets))
        check_targets(frozenset(targets), observation, domain.finding(situation))
        guards |= dict.fromkeys(evaluate_guards(domain.invariants, situation, proposal))
        facts |= {fact.name: fact.value for fact in deciding_facts(domain, situation, proposal)}
    passed = all(guard.outcome is Outcome.PASS for guard in guards)
    return Preflight(
        domains=tuple(domain.name for domain in domains),
        action=action.name,
        targets=targets,
        guards=tuple(guards),
        data={target: action.data(facts, target) for target in targets} if passed else {},
    )


def find_action(
    name: str, domains: Iterable[AnyDomain]
) -> tuple[tuple[AnyDomain, ...], Action[object]]:
    """The action called `name`, with the domains that have it. There are several if a package made
    a domain from another one, to add playbooks.

    Raises:
        UsageError: no domain has it, or two have different ones; lists what there is.
    """
    known = [(domain, action) for domain in domains for action in domain.actions]
    found = [(domain, action) for domain, action in known if action.name == name]
    if found and all(action is found[0][1] for _, action in found):
        return tuple(domain for domain, _ in found), found[0][1]
    raise UsageError(
        f"there is no action {name!r}"
        if not found
        else f"several domains have a different action {name!r}",
        guard="action",
        got=", ".join(domain.name for domain, _ in found) or name,
        expected="one action of that name"
        if found
        else ", ".join(dict.fromkeys(action.name for _, action in known)) or "an installed domain",
        next_step="`remediate list` shows what is installed",
    )


def _at_once(action: Action[S], targets: tuple[str, ...]) -> Proposal[S]:
    """A proposal with one stage, since the caller may act on all targets in any order."""
    gate = Gate(title="none", timeout_s=0, asks=Part.of(Ungated()))
    stage = StageDraft(
        title=f"{action.name} on all targets",
        why="it was asked for by name",
        moves=tuple(Move(action, target) for target in targets),
        gate=gate,
    )
    return Proposal(
        title=stage.title,
        stages=(stage,),
        checks=(),
        risk=Risk.HIGH,
        worst_case="not judged: nothing verifies it afterwards",
    )
