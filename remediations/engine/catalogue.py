"""Which domains and playbooks are installed, which distribution provides each, and which of them
cannot be used.

Domains are entry points of the group `remediations.domains`, so a team can ship its own. Any
package on this machine can do the same, so:

1. A distribution that the machine configuration does not allow is not imported. Ours always is
   allowed; one that merely has our name is not.
2. One that cannot be imported, or provides something else, affects nothing but itself.
3. If two domains have the same name, or two playbooks the same id, neither is used: it is unknown
   which one is meant.
4. A plan names the distribution, its version and the digest of its files. Its playbook and branch
   are looked up before any host is contacted: a plan whose branch is not installed can be shown and
   verified, but not be made again for comparison.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Any, Generic, NamedTuple, TypeVar

from remediations.engine.domain import AnyDomain, Branch, Domain, Playbook
from remediations.engine.entry_points import (
    DOMAINS,
    OWN,
    DeclaredEntry,
    declared_entries,
    domain_flaw,
    load_entry,
)
from remediations.engine.origin import package_digest
from remediations.engine.plan.plan import Plan
from remediations.errors import Refused, UsageError
from remediations.machine.config import DEFAULT_PATH, MachineConfig, normalize_distribution
from remediations.render.formats import name_some
from remediations.values.origin import Origin

T = TypeVar("T")


class Flaw(StrEnum):
    """Why an installed domain or playbook is not used."""

    BROKEN = "broken"
    DUPLICATE = "duplicate"
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True, kw_only=True)
class UnusedEntry:
    """A domain or playbook that is installed but not used. `name` is its name or id if that is
    known, else the name of its entry point, else that of its distribution."""

    name: str
    distribution: str
    version: str
    flaw: Flaw
    reason: str

    def mend(self, config: MachineConfig) -> str:
        """What makes it usable, or removes it."""
        file = config.path or DEFAULT_PATH
        if self.flaw is Flaw.NOT_ALLOWED:
            return f"add {self.distribution!r} to `playbooks` in {file}"
        if self.flaw is Flaw.DUPLICATE:
            return f"`pip uninstall` what is not wanted, or leave it out of `playbooks` in {file}"
        return f"`pip uninstall {self.distribution}`, or install a version of it that works"


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A playbook that can be used, its domain, and the distribution that provides it."""

    domain: AnyDomain
    playbook: Playbook[Any]
    distribution: str
    version: str
    module: str

    def origin(self) -> Origin:
        """Its distribution with the digest of its files, which are read now.

        Raises:
            MachineError: the package does not consist of readable files.
        """
        return Origin(
            distribution=self.distribution,
            version=self.version,
            digest=package_digest(self.module),
        )


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All that is installed: what can be used, sorted by id, and what cannot, with the reason."""

    domains: tuple[AnyDomain, ...]
    playbooks: tuple[Installed, ...]
    troubles: tuple[UnusedEntry, ...]


def catalogue(config: MachineConfig) -> Catalogue:
    """All installed domains. Imports the allowed ones, and does not read their files otherwise."""
    found, troubles = load_group(DOMAINS, Domain, domain_flaw, lambda one: one.name, config)
    brought = [(one, playbook) for one in found for playbook in one.item.playbooks]
    single, shared = _single(brought, lambda pair: pair[1].id)
    usable = [
        Installed(
            domain=one.item,
            playbook=playbook,
            distribution=one.entry.distribution,
            version=one.entry.version,
            module=one.point.module,
        )
        for one, playbook in single
    ]
    twins = [
        _twin(one.entry, playbook.id, [rival.entry for rival, _ in rivals])
        for (one, playbook), rivals in shared
    ]
    return Catalogue(
        domains=tuple(sorted((one.item for one in found), key=lambda domain: domain.name)),
        playbooks=tuple(sorted(usable, key=lambda one: one.playbook.id)),
        troubles=_in_order((*troubles, *twins)),
    )


class LoadedEntry(NamedTuple, Generic[T]):
    """An object that an entry point provides, and that can be used."""

    entry: DeclaredEntry
    point: EntryPoint
    item: T


def load_group(
    group: str,
    kind: type[T],
    flaw_of: Callable[[object], str],
    id_of: Callable[[T], str],
    config: MachineConfig,
) -> tuple[list[LoadedEntry[T]], tuple[UnusedEntry, ...]]:
    """The objects of an entry point group that can be used, and those that cannot, by the rules
    above. `flaw_of` says what is wrong with a loaded object, "" if it is a valid `kind`."""
    loaded: list[LoadedEntry[T]] = []
    troubles: list[UnusedEntry] = []
    for entry in declared_entries(group):
        if entry.point and not _allowed(entry.distribution, config):
            reason = f"{entry.distribution} is not among `playbooks` of {config.path}"
            troubles.append(_trouble(entry, Flaw.NOT_ALLOWED, reason))
            continue
        found = load_entry(entry.point, flaw_of) if entry.point else entry.flaw
        if entry.point and isinstance(found, kind):
            loaded.append(LoadedEntry(entry, entry.point, found))
        else:
            troubles.append(_trouble(entry, Flaw.BROKEN, str(found)))
    usable, shared = _single(loaded, lambda one: id_of(one.item))
    troubles += [
        _twin(one.entry, id_of(one.item), [rival.entry for rival in rivals])
        for one, rivals in shared
    ]
    return usable, _in_order(troubles)


def _single(
    found: Sequence[T], name: Callable[[T], str]
) -> tuple[list[T], list[tuple[T, list[T]]]]:
    """Those whose name is unique, ignoring case; and each other one with its rivals."""
    by_name: dict[str, list[T]] = {}
    for one in found:
        by_name.setdefault(name(one).casefold(), []).append(one)
    groups = by_name.values()
    alone = [one for group in groups if len(group) == 1 for one in group]
    shared = [
        (one, [other for other in group if other is not one])
        for group in groups
        if len(group) > 1
        for one in group
    ]
    return alone, shared


def _twin(entry: DeclaredEntry, name: str, rivals: Sequence[DeclaredEntry]) -> UnusedEntry:
    others = [f"{rival.distribution} {rival.version}" for rival in rivals]
    return _trouble(entry, Flaw.DUPLICATE, f"{name_some(others)} provides the same id", name)


def _in_order(troubles: Iterable[UnusedEntry]) -> tuple[UnusedEntry, ...]:
    return tuple(sorted(troubles, key=lambda one: (one.name, one.distribution)))


def require_playbook(name: str, config: MachineConfig) -> Installed:
    """The playbook with the id `name`, or that of the alert `name`, ignoring case.

    Raises:
        UsageError: there is none; lists what there is.
        Refused: it is installed, but broken, ambiguous or not allowed here.
    """
    found = find_playbook(name, config)
    if found is not None:
        return found
    all_ = catalogue(config)
    known = [installed.playbook.id for installed in all_.playbooks]
    unused = [f"{trouble.name} of {trouble.distribution}" for trouble in all_.troubles]
    raise UsageError(
        f"there is no playbook {name!r}",
        guard="playbook",
        got=name + (f"; not used: {name_some(unused)}" if unused else ""),
        expected=", ".join(known) or "an installed playbook",
        next_step="remediate list",
    )


def find_playbook(name: str, config: MachineConfig) -> Installed | None:
    """The playbook with the id `name`, ignoring case; else the one for the alert of that name,
    which is what a person reads on a page. None if there is none, or several are for that alert.

    Raises:
        Refused: it is installed, but broken, ambiguous or not allowed here.
    """
    found = catalogue(config)
    for installed in found.playbooks:
        if installed.playbook.id.casefold() == name.casefold():
            return installed
    for_alert = [
        installed
        for installed in found.playbooks
        if name.casefold() in {alert.casefold() for alert in installed.playbook.alerts}
    ]
    if len(for_alert) == 1:
        return for_alert[0]
    troubles = [t for t in found.troubles if t.name.casefold() == name.casefold()]
    if troubles:
        raise _unusable(troubles, config)
    return None


def _unusable(troubles: Sequence[UnusedEntry], config: MachineConfig) -> Refused:
    first = troubles[0]
    why = {
        Flaw.BROKEN: "is broken",
        Flaw.DUPLICATE: "is provided more than once, and it is unknown which one is meant",
        Flaw.NOT_ALLOWED: "is not allowed on this machine",
    }
    expected = {
        Flaw.BROKEN: "a package whose playbook can be loaded",
        Flaw.DUPLICATE: "one package that provides it",
        Flaw.NOT_ALLOWED: f"a package among {name_some(sorted({OWN, *(config.playbooks or ())}))}",
    }
    return Refused(
        f"the playbook {first.name!r} {why[first.flaw]}",
        guard="playbook",
        got="; ".join(f"{t.distribution} {t.version}: {t.reason}" for t in troubles),
        expected=expected[first.flaw],
        next_step=first.mend(config),
    )


def _trouble(entry: DeclaredEntry, flaw: Flaw, reason: str, name: str = "") -> UnusedEntry:
    return UnusedEntry(
        name=name or entry.name,
        distribution=entry.distribution,
        version=entry.version,
        flaw=flaw,
        reason=reason,
    )


def _allowed(name: str, config: MachineConfig) -> bool:
    return config.playbooks is None or normalize_distribution(name) in {OWN, *config.playbooks}


def installed_for(plan: Plan, config: MachineConfig) -> Installed:
    """The installed playbook of a plan, which has the plan's branch.

    Raises:
        UsageError: the playbook, or that branch of it, is not installed here.
        Refused: the playbook is installed, but broken, ambiguous or not allowed here.
    """
    installed = find_playbook(plan.playbook, config)
    if installed is None or installed.domain.name != plan.domain:
        of = f" of the domain {plan.domain}" if installed is not None else ""
        raise _not_here(plan, "playbook", f"no playbook {plan.playbook}{of}")
    branch_of(plan, installed.playbook)
    return installed


def domain_for(plan: Plan, config: MachineConfig) -> AnyDomain:
    """The domain of a plan.

    Raises:
        UsageError: it is not installed here, or cannot be used.
    """
    for domain in catalogue(config).domains:
        if domain.name == plan.domain:
            return domain
    raise _not_here(plan, "domain", f"no domain {plan.domain}")


def branch_of(plan: Plan, playbook: Playbook[Any]) -> Branch[Any]:
    """The plan's branch.

    Raises:
        UsageError: the installed playbook does not have it.
    """
    for branch in playbook.branches:
        if branch.name == plan.branch:
            return branch
    there = ", ".join(branch.name for branch in playbook.branches)
    raise _not_here(plan, "branch", f"{playbook.id} with {there or 'no branch'}")


def _not_here(plan: Plan, guard: str, got: str) -> UsageError:
    made_by = f"{plan.origin.distribution} {plan.origin.version}"
    package = shlex.quote(f"{plan.origin.distribution}=={plan.origin.version}")
    return UsageError(
        f"{plan.playbook} / {plan.branch}, which made the plan, is not installed here. Nothing was "
        "changed",
        guard=guard,
        got=got,
        expected=f"{plan.playbook} / {plan.branch} of {made_by} ({plan.origin.digest[:12]})",
        next_step=f"install {made_by} from where the planner has it (`pip install {package}`), "
        f"then repeat this; or `remediate plan {plan.playbook}` again",
    )
