"""The API of the inventory's cluster, for whoever is given the connections of a run."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

from remediations.reach.background import run_in_thread
from remediations.systems.kubernetes.api import KubernetesApi, get
from remediations.systems.kubernetes.inventory import ClusterEntry, cluster_of
from remediations.systems.kubernetes.tree import at
from remediations.values.inventory import Inventory

SYSTEM_NAMESPACE = "/api/v1/namespaces/kube-system"
"""Every cluster has this one, once: its uid is the identity of the cluster."""


class AnotherCluster(Exception):
    """The credentials lead to another cluster than the one that was planned for."""


@runtime_checkable
class InventoryReach(Protocol):
    """What a driver is given knows whose machines it reaches."""

    @property
    def inventory(self) -> Inventory:
        """The inventory of the run."""


class ClusterConnection:
    """The API of the inventory's cluster, connected when it is first needed."""

    def __init__(self, reach: object) -> None:
        self._reach = reach
        self._api: KubernetesApi | None = None
        self._cluster = ""
        self._one_at_a_time = asyncio.Lock()

    @property
    def entry(self) -> ClusterEntry:
        """What the inventory says.

        Raises:
            UsageError: it has no cluster.
        """
        assert isinstance(self._reach, InventoryReach), "connections know their inventory"
        return cluster_of(self._reach.inventory)

    async def api(self) -> KubernetesApi:
        """The client, without a question.

        Raises:
            ApiError: the credentials cannot be used.
        """
        async with self._one_at_a_time:
            if self._api is None:
                self._api = await run_in_thread(KubernetesApi.connect, self.entry)
            return self._api

    async def api_of(self, cluster: str) -> KubernetesApi:
        """The client, once it is proven that it is of the planned cluster.

        Raises:
            ApiError: it cannot be asked.
            AnotherCluster: it is another one.
        """
        api = await self.api()
        if not self._cluster:
            asked = get(SYSTEM_NAMESPACE, "namespaces/kube-system")
            tree = await run_in_thread(api.ask, asked)
            self._cluster = str(at(tree, "metadata", "uid"))
        if self._cluster != cluster:
            raise AnotherCluster(
                f"the kubeconfig leads to cluster {self._cluster} at {api.server}; the plan is for "
                f"{cluster}"
            )
        return api
