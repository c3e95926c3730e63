"""Kubernetes, as the engine is told: what is read, and what changes it. The client library and all
that acts are imported when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from remediations.engine.system import DriverKind, LookRequest, RemoteSystem
from remediations.systems.kubernetes.inventory import CLUSTER_SECTION
from remediations.systems.kubernetes.values import KubernetesReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver, FenceKeeper
    from remediations.engine.plan.build import StepCompiler
    from remediations.reach.ssh import SshReach


def _compiler() -> AbstractContextManager[StepCompiler]:
    from remediations.systems.kubernetes.steps import open_compiler

    return open_compiler()


def _driver(reach: SshReach) -> Driver:
    from remediations.systems.kubernetes.driver import KubernetesDriver

    return KubernetesDriver(reach)


def _fences(reach: SshReach) -> FenceKeeper:
    from remediations.systems.kubernetes.connection import ClusterConnection
    from remediations.systems.kubernetes.fence import ConfigMapFences

    connection = ClusterConnection(reach)
    return ConfigMapFences(connection.api, lambda: connection.entry)


async def _look(look: LookRequest) -> Sequence[Kinded]:
    from remediations.systems.kubernetes.look import look_at_cluster

    return await look_at_cluster(look)


def _unanswered(reading: KubernetesReading) -> tuple[str, ...]:
    return (reading.cluster.reason,) if isinstance(reading.cluster, Unknown) else ()


DRIVER = DriverKind(name="kubernetes", compiler=_compiler, driver=_driver, fences=_fences)
KUBERNETES = RemoteSystem(
    name="kubernetes",
    kind=KubernetesReading,
    drivers=(DRIVER,),
    inventory_section=CLUSTER_SECTION,
    look=_look,
    unanswered=_unanswered,
)
