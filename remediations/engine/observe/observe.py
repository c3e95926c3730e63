"""Reads all installed systems at the same time, and where the names of the hosts lead."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from remediations.engine.installed_systems import installed_systems
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.observation import (
    OBSERVATION_FORMAT,
    FailedSystem,
    FailedSystems,
    Observation,
    Scope,
)
from remediations.engine.system import HostSystem, LookRequest, RemoteSystem, System
from remediations.errors import RemediationError
from remediations.machine.config import load_machine_config
from remediations.reach.background import short_switch_interval
from remediations.reach.connection import Reach
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory
from remediations.values.part import Part

log = logging.getLogger(__name__)
_SAID = 160
"""The limit for the message of an exception, in characters."""


async def observe(
    reach: Reach,
    inventory: Inventory,
    *,
    scope: Scope,
    tool: str,
    systems: Sequence[System] | None = None,
) -> Observation:
    """Read all installed systems, or only `systems`, except those that the inventory has no section
    for. Changes nothing anywhere.

    A host that cannot be read is in the result with unknown readings and the reason. `tool` is our
    own name and version.

    Raises:
        UsageError: the machine configuration cannot be used.
        Refused: two installed systems cannot be read together.
    """
    if systems is None:
        systems = installed_systems(load_machine_config()).systems
    systems = [one for one in systems if one.is_in(inventory)]
    began = datetime.now(UTC)
    asked = LookRequest(
        reach=reach,
        inventory=inventory,
        scope=scope,
        host_systems=tuple(one for one in systems if isinstance(one, HostSystem)),
    )
    with short_switch_interval():
        read, logins = await asyncio.gather(
            asyncio.gather(
                *(_read(one, asked) for one in systems if isinstance(one, RemoteSystem))
            ),
            asyncio.gather(*(reach.login(entry.name) for entry in inventory.hosts)),
        )
    parts = [part for found in read if not isinstance(found, FailedSystem) for part in found]
    failed = tuple(found for found in read if isinstance(found, FailedSystem))
    if failed:
        parts.append(Part.of(FailedSystems(systems=failed)))
    return Observation(
        format=OBSERVATION_FORMAT,
        tool=tool,
        scope=scope,
        began=began,
        ended=datetime.now(UTC),
        inventory_digest=inventory_digest(inventory),
        logins=tuple(logins),
        parts=tuple(sorted(parts, key=lambda part: part.kind)),
    )


async def _read(system: RemoteSystem, asked: LookRequest) -> Sequence[Part] | FailedSystem:
    """What a system read, or how it failed, which affects only its own part.

    Raises:
        RemediationError: the system itself reports that nothing can be read like this.
    """
    try:
        return [Part.of(value) for value in await system.look(asked)]
    except RemediationError:
        raise
    except Exception as error:
        log.warning("the system %s failed", system.name, exc_info=True)
        said = one_line(f"{type(error).__name__}: {error}")[:_SAID]
        return FailedSystem(name=system.name, kind=system.kind.KIND, reason=said)
