"""What a playbook is, and how a branch is picked. The engine never imports one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from remediations.engine.find.finding import Finding
from remediations.engine.plan.proposal import Proposal
from remediations.errors import Refused, UsageError
from remediations.render.words import some
from remediations.systems.comet.reading import CometReading


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a branch judges: everything observed, the finding, and the hosts that may be acted on.

    `only` is empty where nobody narrowed it; what is read is never narrowed, since quorum is
    counted over the whole set.
    """

    observation: CometReading
    finding: Finding
    only: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One resolution. `fits` gives None where it is the right one, else why it is not."""

    name: str
    title: str
    condition: str
    fits: Callable[[Situation], str | None]
    propose: Callable[[Situation], Proposal]


@dataclass(frozen=True, kw_only=True)
class Playbook:
    """One incident or alert of the spec, with its branches in the order they are tried."""

    id: str
    title: str
    alerts: tuple[str, ...]
    branches: tuple[Branch, ...]


def pick(playbook: Playbook, situation: Situation, branch: str | None) -> Branch:
    """The branch asked for, or the first one that the finding supports.

    Raises:
        UsageError: no branch of that name.
        Refused: the finding supports none, or not the one asked for; says what to do by hand.
    """
    finding = situation.finding
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
        f"{playbook.id} has no branch for this: {finding.chain}. {finding.explanation}",
        guard="branch",
        got="; ".join(reasons),
        expected="; ".join(f"{c.name}: {c.condition}" for c in tried),
        next_step=by_hand(finding),
    )


def by_hand(finding: Finding) -> str:
    """What a person has to do where no branch applies: the nodes' own advice, else the chain's.
    Advice for many nodes is given once."""
    hosts: dict[str, list[str]] = {}
    for node in finding.nodes:
        if node.by_hand:
            hosts.setdefault(node.by_hand, []).append(node.host)
    advice = [f"{some(names)}: {what}" for what, names in hosts.items()]
    return "; ".join(advice) or finding.next_step
