"""Which workloads of an inventory score, and for whose nodes. Pure."""

from __future__ import annotations

from typing import NamedTuple

from remediations.errors import UsageError
from remediations.systems.kubernetes.inventory import SECTION as KUBERNETES
from remediations.systems.kubernetes.inventory import ClusterEntry, WorkloadEntry
from remediations.systems.scorer.inventory import workload_of
from remediations.systems.scorer.workload import ScoredWorkload
from remediations.values.inventory import Inventory

_PAGE = "docs/scoring.md#on-kubernetes"


class DeclaredWorkload(NamedTuple):
    """A workload that scores, and the hosts whose nodes ask it."""

    entry: WorkloadEntry
    service: ScoredWorkload
    hosts: tuple[str, ...]


def declared_workloads(inventory: Inventory) -> tuple[DeclaredWorkload, ...]:
    """Those that hosts name, by name; none where no host names one.

    Raises:
        UsageError: one is no workload of the section `kubernetes`, or two hosts say differently
            where its pods are asked.
    """
    found: dict[str, tuple[ScoredWorkload, list[str]]] = {}
    for host in inventory.hosts:
        service = workload_of(host)
        if service is None:
            continue
        before, hosts = found.setdefault(service.name, (service, []))
        hosts.append(host.name)
        if before != service:
            raise _wrong(
                inventory,
                f"{hosts[0]} asks {service.name} at {before.port}{before.path}, {host.name} at "
                f"{service.port}{service.path}",
                "one port and one path for each workload: its pods are one service",
                "correct one of them in the inventory",
            )
    known = {} if not found else _workloads(inventory)
    for name, (_, hosts) in found.items():
        if name not in known:
            raise _wrong(
                inventory,
                f"scoring: {{workload: {name}}} of {', '.join(hosts)}",
                f"a name of `{KUBERNETES}: workloads`: {', '.join(known) or 'there are none'}",
                f"add the workload to `{KUBERNETES}`, or correct the name",
            )
    return tuple(
        DeclaredWorkload(known[name], service, tuple(hosts))
        for name, (service, hosts) in sorted(found.items())
    )


def _workloads(inventory: Inventory) -> dict[str, WorkloadEntry]:
    part = inventory.part(ClusterEntry.KIND)
    cluster = () if part is None else part.read(ClusterEntry).workloads
    return {one.name: one for one in cluster}


def _wrong(inventory: Inventory, got: str, expected: str, next_step: str) -> UsageError:
    return UsageError(
        f"{inventory.path or 'the inventory'}: the section `scoring` cannot be used",
        guard="inventory",
        got=got,
        expected=expected,
        next_step=f"{next_step} ({_PAGE})",
    )
