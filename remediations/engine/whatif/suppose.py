"""From what was typed to a supposition, and from that to projections. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from remediations.engine.domain import AnyDomain, Branch, Playbook, Proposal, pick_branch
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.build import evaluate_guards
from remediations.engine.plan.plan import Outcome
from remediations.engine.whatif.projection import Projection, Projector, Supposition
from remediations.errors import UsageError
from remediations.render.formats import name_some

BETWEEN = ":"


def parse_supposition(
    stops: Sequence[str], cuts: Sequence[str], settings: Mapping[str, str], hosts: Sequence[str]
) -> Supposition:
    """What is supposed of `hosts`. Each text may name several, separated by commas.

    Raises:
        UsageError: a name is not that of a host, or a link does not have two ends.
    """
    stopped = _names("--stop", stops)
    links = tuple(_link(text) for text in _names("--cut", cuts))
    _are_known("--stop", stopped, hosts)
    _are_known("--cut", tuple(end for link in links for end in link), hosts)
    return Supposition(stops=stopped, cuts=links, settings=settings)


def _names(option: str, texts: Sequence[str]) -> tuple[str, ...]:
    names = [name.strip() for text in texts for name in text.split(",")]
    if all(names):
        return tuple(dict.fromkeys(names))
    raise UsageError(
        f"{option} has an empty name",
        guard=option,
        got=", ".join(map(repr, texts)),
        expected="names of hosts, separated by commas",
        next_step=f"omit {option}, or name the hosts that are meant",
    )


def _link(text: str) -> tuple[str, str]:
    one, _, other = text.partition(BETWEEN)
    if one and other and one != other and BETWEEN not in other:
        return one, other
    raise UsageError(
        f"{text!r} is not a link between two hosts",
        guard="--cut",
        got=text,
        expected=f"HOST{BETWEEN}HOST",
        next_step="name both ends, and cut each link by itself",
    )


def _are_known(option: str, names: Sequence[str], hosts: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(hosts))
    if unknown:
        raise UsageError(
            f"there is no host {unknown[0]!r}",
            guard=option,
            got=name_some(unknown),
            expected=name_some(hosts, 20),
            next_step=f"correct {option}; `remediate diagnose` names the hosts",
        )


def projected(
    domain: AnyDomain,
    projector: Projector,
    observation: Observation,
    supposed: Supposition,
    playbook: Playbook[Any] | None,
    branch: str | None,
) -> Projection:
    """What the domain projects, with the guards that would refuse the branch as things are.

    Raises:
        UsageError: there is no such branch, or a setting cannot be used.
        Refused: no branch of the playbook fits.
        Unreadable: too little is known to judge anything.
    """
    situation = domain.situation(observation, frozenset())
    if playbook is None:
        found = projector.project(situation, supposed, None)
        return replace(found, next_step="remediate diagnose")
    picked = pick_branch(playbook, situation, domain.finding(situation), branch)
    proposal = picked.propose(situation)
    found = projector.project(situation, supposed, proposal)
    return replace(
        found,
        refused=_refused(domain, picked, situation, proposal),
        next_step=f"remediate plan {playbook.id} --branch {picked.name}",
    )


def _refused(
    domain: AnyDomain, branch: Branch[Any], situation: object, proposal: Proposal[Any]
) -> tuple[str, ...]:
    guards = evaluate_guards((*domain.invariants, *branch.invariants), situation, proposal)
    blocked = [guard for guard in guards if guard.outcome is not Outcome.PASS]
    return tuple(f"{guard.id} {guard.subject}".strip() for guard in blocked)
