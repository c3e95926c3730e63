"""Stores, as the engine is told: what is read, and what seals them anew (docs/stores.md).

The client libraries are imported when a store is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from remediations.engine.system import DriverKind, LookRequest, RemoteSystem
from remediations.systems.stores.inventory import STORES_SECTION
from remediations.systems.stores.reading import StoresReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver
    from remediations.engine.plan.build import StepCompiler
    from remediations.reach.ssh import SshReach


def _compiler() -> AbstractContextManager[StepCompiler]:
    from remediations.systems.stores.job_steps import open_compiler

    return open_compiler()


def _driver(reach: SshReach) -> Driver:
    from remediations.systems.stores.job_driver import JobDriver

    return JobDriver(reach)


async def _look(look: LookRequest) -> Sequence[Kinded]:
    from remediations.systems.stores.look import look_at_stores

    return await look_at_stores(look)


def _unanswered(reading: StoresReading) -> tuple[str, ...]:
    """The reasons, where none of the stores could be gone through."""
    reasons = tuple(
        f"{one.store}: {one.survey.reason}"
        for one in reading.stores
        if isinstance(one.survey, Unknown)
    )
    return reasons if len(reasons) == len(reading.stores) else ()


DRIVER = DriverKind(name="reencrypt", compiler=_compiler, driver=_driver, fences=None)
"""Without fences: compare-and-swap excludes others, object by object."""
STORES = RemoteSystem(
    name="stores",
    kind=StoresReading,
    drivers=(DRIVER,),
    inventory_section=STORES_SECTION,
    look=_look,
    unanswered=_unanswered,
)
