"""All that could be done now: every branch of every installed playbook, and what each would need.

Nothing is compiled and no run is made: a proposal and its guards are enough to choose by, and take
milliseconds. The plan of the branch that people choose is made then, with its exact bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from remediations.engine.catalogue import Installed
from remediations.engine.domain import AnyDomain, Branch, Inputs, Proposal
from remediations.engine.find.conclude import concerned_domains
from remediations.engine.find.finding import Finding
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import evaluate_guards, stage_impacts
from remediations.engine.plan.inputs import parse_inputs
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import GuardResult, Impact, Outcome, Risk
from remediations.engine.plan.planning import check_complete, check_targets
from remediations.errors import UsageError
from remediations.values.record import Moment, Record


class ProposedChange(Record, frozen=True, kw_only=True):
    """What a branch that fits would do. `impacts` has each measure at its worst, `gates_s` is how
    long the gates may take in all, `refused` are the guards that do not pass, `guards` counts
    all."""

    title: str
    targets: tuple[str, ...]
    stages: int
    risk: Risk
    worst_case: str
    impacts: tuple[Impact, ...]
    measured: Measured | None
    gates_s: int
    guards: int
    refused: tuple[GuardResult, ...]
    warnings: tuple[str, ...]


class PossibleBranch(Record, frozen=True, kw_only=True):
    """One branch. `why_not` is "" where it fits; `chosen` is set where `plan PLAYBOOK` would take
    it. `inputs` are the options that it takes, `next_step` is what to type for it, "" where it does
    not fit."""

    domain: str
    playbook: str
    branch: str
    title: str
    condition: str
    why_not: str
    chosen: bool
    inputs: tuple[str, ...]
    next_step: str
    change: ProposedChange | None


class DomainState(Record, frozen=True, kw_only=True):
    """What a domain concludes, in short."""

    domain: str
    verdict: str
    health: str
    headline: str


class PlanOverview(Record, frozen=True, kw_only=True):
    """What `plan --all` shows."""

    observed_at: Moment
    domains: tuple[DomainState, ...]
    branches: tuple[PossibleBranch, ...]

    @property
    def fitting(self) -> tuple[PossibleBranch, ...]:
        """Those that could be planned."""
        return tuple(one for one in self.branches if one.change is not None)


def plan_overview(
    installed: Sequence[Installed],
    observation: Observation,
    only: frozenset[str],
    typed: Mapping[str, Sequence[str]],
) -> PlanOverview:
    """Every branch of these playbooks, one that several share with the one that has fewest. `typed`
    are choices, each for the playbooks that take it.

    Raises:
        UsageError: the observation is not a full one, or concerns nobody; no target has such a
            name; or no playbook takes one of the choices.
    """
    check_complete(observation, "plan --all")
    domains = concerned_domains(_domains(installed), observation)
    _check_taken(installed, typed)
    states, branches = list[DomainState](), list[PossibleBranch]()
    shows = shown_by(installed)
    for domain, within in _limits(domains, observation, only):
        situation = domain.situation(observation, within)
        states.append(_state(domain.finding(situation)))
        for one in installed:
            if one.domain is domain and (within or not only):
                known = {given.name for given in one.playbook.inputs}
                own = {name: texts for name, texts in typed.items() if name in known}
                inputs = parse_inputs(one.playbook, own)
                found = _branches(one, domain.choose(situation, inputs), inputs)
                branches += (
                    told
                    for branch, told in zip(one.playbook.branches, found, strict=True)
                    if shows[id(branch)] == one.playbook.id
                )
    return PlanOverview(
        observed_at=observation.ended, domains=tuple(states), branches=tuple(branches)
    )


def _limits(
    domains: Sequence[AnyDomain], observation: Observation, only: frozenset[str]
) -> Iterator[tuple[AnyDomain, frozenset[str]]]:
    """Each domain with those of `only` that are its own, none for all. One that has none of them is
    told without branches: the limit leaves nothing of it to act on.

    Raises:
        UsageError: one of `only` is nobody's; in the words of the first domain.
    """
    if not only:
        yield from ((domain, only) for domain in domains)
        return
    findings = [domain.finding(domain.situation(observation, frozenset())) for domain in domains]
    own = [only & {subject.name for subject in finding.subjects} for finding in findings]
    if only - frozenset().union(*own):
        check_targets(only, observation, findings[0])
        own[0] = only  # its situation refuses who has no part in it
    yield from zip(domains, own, strict=True)


def _domains(installed: Iterable[Installed]) -> list[AnyDomain]:
    return list({one.domain.name: one.domain for one in installed}.values())


def shown_by(installed: Iterable[Installed]) -> Mapping[int, str]:
    """The playbook that shows each branch, by its identity. A runbook whose name says what was seen
    has those of others; they belong to the playbook that says what is wrong."""
    narrow_first = sorted(installed, key=lambda one: len(one.playbook.branches))
    shows: dict[int, str] = {}
    for one in narrow_first:
        for branch in one.playbook.branches:
            shows.setdefault(id(branch), one.playbook.id)
    return shows


def _check_taken(installed: Sequence[Installed], typed: Mapping[str, Sequence[str]]) -> None:
    known = {given.name for one in installed for given in one.playbook.inputs}
    for name in typed:
        if name not in known:
            raise UsageError(
                f"none of these playbooks takes --{name}",
                guard=f"--{name}",
                got=f"--{name} {' '.join(typed[name])}",
                expected=", ".join(f"--{one}" for one in sorted(known)) or "no choice",
                next_step="`remediate list` shows what each branch takes",
            )


def _state(finding: Finding) -> DomainState:
    return DomainState(
        domain=finding.domain,
        verdict=finding.verdict,
        health=finding.health.value,
        headline=finding.headline,
    )


def _branches(installed: Installed, situation: Any, inputs: Inputs) -> Iterator[PossibleBranch]:  # noqa: ANN401 - only its domain knows it
    """The branches of a playbook in the order of trial; the first that fits would be chosen."""
    chosen = False
    for branch in installed.playbook.branches:
        proposal, why_not = _proposed(branch, situation, inputs)
        change = (
            None if proposal is None else _change(installed.domain, branch, situation, proposal)
        )
        yield PossibleBranch(
            domain=installed.domain.name,
            playbook=installed.playbook.id,
            branch=branch.name,
            title=branch.title,
            condition=branch.condition,
            why_not=why_not,
            chosen=change is not None and not chosen,
            inputs=tuple(f"--{one.name} {one.metavar}: {one.help}" for one in branch.inputs),
            next_step=""
            if change is None
            else f"remediate plan {installed.playbook.id} "
            f"--branch {branch.name}" + "".join(f" --{n} {v}" for n, v in inputs.items()),
            change=change,
        )
        chosen = chosen or change is not None


def _proposed(
    branch: Branch[Any],
    situation: Any,  # noqa: ANN401 - only its domain knows it
    inputs: Inputs,
) -> tuple[Proposal[Any] | None, str]:
    """What the branch proposes, or why it does not."""
    unused = sorted(set(inputs) - {one.name for one in branch.inputs})
    if unused:
        return None, f"it takes no --{unused[0]}"
    why_not = branch.fits(situation)
    if why_not is not None:
        return None, why_not
    proposal = branch.propose(situation)
    return (proposal, "") if proposal.moves else (None, "there is nothing to act on")


def _change(
    domain: AnyDomain,
    branch: Branch[Any],
    situation: Any,  # noqa: ANN401 - only its domain knows it
    proposal: Proposal[Any],
) -> ProposedChange:
    guards = evaluate_guards((*domain.invariants, *branch.invariants), situation, proposal)
    refused = tuple(guard for guard in guards if guard.outcome is not Outcome.PASS)
    worst: dict[str, Impact] = {}
    for stage in () if refused else stage_impacts(domain, situation, proposal):
        for impact in stage:
            known = worst.get(impact.measure)
            if known is None or impact.worst < known.worst:
                worst[impact.measure] = impact
    return ProposedChange(
        title=proposal.title,
        targets=proposal.targets,
        stages=len(proposal.stages),
        risk=proposal.risk,
        worst_case=proposal.worst_case,
        impacts=tuple(worst.values()),
        measured=branch.measured,
        gates_s=sum(stage.gate.timeout_s for stage in proposal.stages),
        guards=len(guards),
        refused=refused,
        warnings=proposal.warnings,
    )
