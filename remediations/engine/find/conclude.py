"""What the installed domains conclude from one observation, and which finding explains which.

1. A domain that has nothing in the observation (`Domain.concerns`) is not asked.
2. A finding that is not well is explained by the domains that its own rests on, directly or
   through others, and that are down. What explains others comes before them, then the worst.
3. Two that conclude the same conclude once: a domain can take another over, for playbooks of its
   own (docs/writing-a-playbook.md).
4. Where several domains are asked, one that fails costs its own finding only, which is unknown
   then: a fault in one must not hide what another sees. So is a system that failed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from remediations.engine.domain import AnyDomain
from remediations.engine.find.finding import Finding, Health
from remediations.engine.observe.observation import FailedSystem, Observation
from remediations.errors import UsageError
from remediations.render.printable import one_line
from remediations.values.part import Part

log = logging.getLogger(__name__)
SEVERITY = tuple(Health)
"""From well to down."""
FAILED = "not-concluded"
"""The verdict in place of one of the domain's, where it failed."""
UNREAD = "not-read"
"""The same, where a system failed."""
_SAID = 160
"""Characters of what its exception says."""


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """What one domain concludes: for people, and in its own terms (None where it failed).

    `name` is the domain's, or that of a system that failed; `explained_by` names the domains whose
    trouble explains its own.
    """

    name: str
    finding: Finding
    detail: Part | None
    explained_by: tuple[str, ...] = ()


def concerned_domains(
    domains: Sequence[AnyDomain], observation: Observation
) -> tuple[AnyDomain, ...]:
    """Those that have something in the observation.

    Raises:
        UsageError: none has: nothing can be said of it, which does not mean that all is well.
    """
    found = tuple(domain for domain in domains if _concerns(domain, observation))
    if found:
        return found
    raise UsageError(
        "nothing that was observed concerns " + (" or ".join(d.name for d in domains) or "anybody"),
        guard="domain",
        got=", ".join(part.kind for part in observation.parts) or "an observation without parts",
        expected="; ".join(f"{d.name}: {d.title}" for d in domains) or "an installed domain",
        next_step="`remediate list` shows what is installed; configure what the domain reads, or "
        "name the inventory that has it as --inventory FILE",
    )


def conclude(
    domains: Sequence[AnyDomain], observation: Observation, failed: Sequence[FailedSystem] = ()
) -> tuple[Conclusion, ...]:
    """The conclusions of the domains that are concerned, what explains others first. `failed` are
    systems that are told of, too.

    Raises:
        UsageError: no domain is concerned, and no system failed.
        RemediationError: the only one that is concerned cannot conclude.
    """
    unread = [_unread(system) for system in failed]
    if unread and not any(_concerns(domain, observation) for domain in domains):
        return tuple(unread)
    asked = concerned_domains(domains, observation)
    alone = len(asked) + len(unread) == 1
    found = _once([_concluded(domain, observation, alone=alone) for domain in asked])
    return explained_in_order([*found, *unread], {domain.name: domain.rests_on for domain in asked})


def _once(found: Sequence[Conclusion]) -> tuple[Conclusion, ...]:
    """Each finding once, of the domain that it names where that is there."""
    kept: dict[Finding, Conclusion] = {}
    for one in found:
        if one.finding not in kept or one.name == one.finding.domain:
            kept[one.finding] = one
    return tuple(kept.values())


def explained_in_order(
    found: Sequence[Conclusion], rests_on: Mapping[str, Sequence[str]]
) -> tuple[Conclusion, ...]:
    """Each with what explains it, in the order in which they are shown. Pure."""
    down = {one.name for one in found if one.finding.health is Health.DOWN}

    def explained(one: Conclusion) -> Conclusion:
        if one.finding.health is Health.WELL:
            return one
        below = _below(one.name, rests_on)
        return replace(one, explained_by=tuple(name for name in below if name in down))

    def order(one: Conclusion) -> tuple[int, int, str]:
        return (len(one.explained_by), -SEVERITY.index(one.finding.health), one.name)

    return tuple(sorted(map(explained, found), key=order))


def _below(name: str, rests_on: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All that a domain rests on, the nearest first, each once; it does not rest on itself."""
    found: dict[str, None] = {}
    waiting = [*rests_on.get(name, ())]
    while waiting:
        one = waiting.pop(0)
        if one != name and one not in found:
            found[one] = None
            waiting += rests_on.get(one, ())
    return tuple(found)


def _concerns(domain: AnyDomain, observation: Observation) -> bool:
    """One that fails on the question is not left out: it would be silence in place of a finding."""
    try:
        return domain.concerns(observation)
    except Exception:  # noqa: BLE001 - `_concluded` asks it again, and tells of it
        return True


def _concluded(domain: AnyDomain, observation: Observation, *, alone: bool) -> Conclusion:
    try:
        domain.concerns(observation)
        situation = domain.situation(observation, frozenset())
        return Conclusion(
            name=domain.name, finding=domain.finding(situation), detail=domain.detail(situation)
        )
    except Exception as error:
        if alone:
            raise
        log.warning("the domain %s failed", domain.name, exc_info=True)
        said = one_line(f"{type(error).__name__}: {error}")[:_SAID]
        finding = _nothing_known(
            domain.name,
            FAILED,
            f"the domain {domain.name} failed on what was observed: {said}",
            f"`remediate diagnose {domain.name}` says more; report it to who brought it",
        )
        return Conclusion(name=domain.name, finding=finding, detail=None)


def _unread(system: FailedSystem) -> Conclusion:
    finding = _nothing_known(
        system.name,
        UNREAD,
        f"the system {system.name} failed, and what it reads is not known: {system.reason}",
        "`remediate -v diagnose` says more; report it to who brought it",
    )
    return Conclusion(name=system.name, finding=finding, detail=None)


def _nothing_known(name: str, verdict: str, explanation: str, next_step: str) -> Finding:
    return Finding(
        domain=name,
        verdict=verdict,
        health=Health.UNKNOWN,
        headline="nothing is known of it",
        explanation=explanation,
        since=None,
        rows=(),
        noun="",
        measure="",
        subjects=(),
        tables=(),
        next_step=next_step,
        playbook="",
        witnesses=(),
        evidence=(),
    )
