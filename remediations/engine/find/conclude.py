"""What the installed domains conclude from one observation, and which finding explains which.

1. A domain that the observation does not concern (`Domain.concerns`) is left out.
2. A finding that is not well is explained by those domains which its own rests on, directly or
   indirectly, and which are down; but for one whose trouble it causes itself (`Finding.causes`):
   there it is the explanation. Explanations come first, then the worst health.
3. Equal findings are shown once: a domain can take over another one, to add playbooks of its own
   (docs/writing-a-playbook.md).
4. If several domains are asked, one that fails affects only its own finding, which is then unknown:
   a fault in one must not hide what another one sees. The same holds for a system that failed.
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
"""The verdict of a domain that failed."""
UNREAD = "not-read"
"""The verdict for a system that failed."""
_SAID = 160
"""The limit for the message of an exception, in characters."""


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The conclusion of one domain: for people, and in its own terms (None if it failed).

    `name` is that of the domain, or of a system that failed. `explained_by` names the domains that
    explain the finding; `resources` are what its runs would lock.
    """

    name: str
    finding: Finding
    detail: Part | None
    explained_by: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()


def concerned_domains(
    domains: Sequence[AnyDomain], observation: Observation
) -> tuple[AnyDomain, ...]:
    """The domains that the observation concerns.

    Raises:
        UsageError: there is none. Nothing can be concluded, which does not mean that all is well.
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
    """The conclusions of the concerned domains, explanations first. `failed` are systems that are
    reported as well.

    Raises:
        UsageError: no domain is concerned, and no system failed.
        RemediationError: the only concerned domain cannot conclude.
    """
    if failed and not any(_concerns(domain, observation) for domain in domains):
        return tuple(_unread(system) for system in failed)
    asked = concerned_domains(domains, observation)
    return _all_concluded(asked, observation, failed, alone=len(asked) + len(failed) == 1)


def conclude_each(
    domains: Sequence[AnyDomain], observation: Observation, failed: Sequence[FailedSystem] = ()
) -> tuple[Conclusion, ...]:
    """The same, for comparing observations: never raises. A domain that cannot conclude is unknown
    even if it is the only one; nothing is returned if none is concerned."""
    asked = tuple(domain for domain in domains if _concerns(domain, observation))
    return _all_concluded(asked, observation, failed, alone=False)


def explanations(
    own: AnyDomain, finding: Finding, domains: Sequence[AnyDomain], observation: Observation
) -> tuple[Conclusion, ...]:
    """What explains `finding`, which is that of the domain `own`: the conclusions of those of the
    installed `domains` to be resolved before it, the first one first. Never raises."""
    others = [one for one in domains if one.name != own.name and _concerns(one, observation)]
    found = [_concluded(domain, observation, alone=False) for domain in others]
    mine = Conclusion(name=own.name, finding=finding, detail=None)
    rests_on = {domain.name: domain.rests_on for domain in (own, *others)}
    ordered = explained_in_order((mine, *found), rests_on)
    by = next(one.explained_by for one in ordered if one.name == own.name)
    return tuple(one for one in ordered if one.name in by)


def _all_concluded(
    asked: Sequence[AnyDomain],
    observation: Observation,
    failed: Sequence[FailedSystem],
    *,
    alone: bool,
) -> tuple[Conclusion, ...]:
    found = _once([_concluded(domain, observation, alone=alone) for domain in asked])
    unread = [_unread(system) for system in failed]
    return explained_in_order([*found, *unread], {domain.name: domain.rests_on for domain in asked})


def _once(found: Sequence[Conclusion]) -> tuple[Conclusion, ...]:
    """Each finding once, from the domain that it names if that is present."""
    kept: dict[Finding, Conclusion] = {}
    for one in found:
        if one.finding not in kept or one.name == one.finding.domain:
            kept[one.finding] = one
    return tuple(kept.values())


def explained_in_order(
    found: Sequence[Conclusion], rests_on: Mapping[str, Sequence[str]]
) -> tuple[Conclusion, ...]:
    """The conclusions with what explains them, in the order in which they are shown. Pure."""
    down = {one.name for one in found if one.finding.health is Health.DOWN}
    causes = {
        one.name: one.finding.causes or () for one in found if one.finding.health is not Health.WELL
    }

    def explained(one: Conclusion) -> Conclusion:
        if one.finding.health is Health.WELL:
            return one
        above = [name for name, of in causes.items() if one.name in of and name != one.name]
        below = [name for name in _below(one.name, rests_on) if name in down]
        by = [*above, *(name for name in below if name not in causes[one.name])]
        return replace(one, explained_by=tuple(dict.fromkeys(by)))

    def order(one: Conclusion) -> tuple[int, int, str]:
        return (len(one.explained_by), -SEVERITY.index(one.finding.health), one.name)

    return tuple(sorted(map(explained, found), key=order))


def _below(name: str, rests_on: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All domains that one rests on, the nearest first, each once; never itself."""
    found: dict[str, None] = {}
    waiting = [*rests_on.get(name, ())]
    while waiting:
        one = waiting.pop(0)
        if one != name and one not in found:
            found[one] = None
            waiting += rests_on.get(one, ())
    return tuple(found)


def _concerns(domain: AnyDomain, observation: Observation) -> bool:
    """Whether the domain is concerned. One that fails to answer is not left out silently."""
    try:
        return domain.concerns(observation)
    except Exception:  # noqa: BLE001 - `_concluded` calls it again, and reports it
        return True


def _concluded(domain: AnyDomain, observation: Observation, *, alone: bool) -> Conclusion:
    try:
        domain.concerns(observation)
        situation = domain.situation(observation, frozenset())
        return Conclusion(
            name=domain.name,
            finding=domain.finding(situation),
            detail=domain.detail(situation),
            resources=domain.resources(situation),
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
            f"`remediate diagnose {domain.name}` says more; report it to its provider",
        )
        return Conclusion(name=domain.name, finding=finding, detail=None)


def _unread(system: FailedSystem) -> Conclusion:
    finding = _nothing_known(
        system.name,
        UNREAD,
        f"the system {system.name} failed, and what it reads is not known: {system.reason}",
        "`remediate -v diagnose` says more; report it to its provider",
    )
    return Conclusion(name=system.name, finding=finding, detail=None)


def _nothing_known(name: str, verdict: str, explanation: str, next_step: str) -> Finding:
    return Finding(
        domain=name,
        verdict=verdict,
        health=Health.UNKNOWN,
        headline="nothing is known about it",
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
