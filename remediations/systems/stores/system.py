"""Stores, as the engine is told: what is read. Nothing changes them yet (docs/stores.md).

The client libraries are imported when a store is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.system import LookRequest, RemoteSystem
from remediations.systems.stores.inventory import STORES_SECTION
from remediations.systems.stores.reading import StoresReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown


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


STORES = RemoteSystem(
    name="stores",
    kind=StoresReading,
    inventory_section=STORES_SECTION,
    look=_look,
    unanswered=_unanswered,
)
