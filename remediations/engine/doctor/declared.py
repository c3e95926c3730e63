"""What a domain adds to `remediate doctor`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from remediations.engine.doctor.line import Line
from remediations.engine.doctor.sight import Sight
from remediations.engine.observe.observation import Observation
from remediations.reach.connection import Reach
from remediations.values.inventory import Inventory


def nothing_before(_inventory: Inventory) -> Sequence[Line]:
    """Nothing is said before the hosts are read."""
    return ()


async def nothing(_reach: Reach, _observation: Observation) -> None:
    """Nothing more is asked than what was observed."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """`before` says what an inventory has and lacks of the domain, before anybody is contacted.
    `ask` asks what an observation does not hold, and changes nothing. `lines` is given what came of
    it, and says what is there and what lacks: of the whole under the domain's name, of each of its
    hosts under the host's own. It says nothing where nothing of the domain was read. `before` and
    `lines` are pure.
    """

    lines: Callable[[Inventory, Sight, Any], Sequence[Line]]
    before: Callable[[Inventory], Sequence[Line]] = nothing_before
    ask: Callable[[Reach, Observation], Awaitable[Any]] = nothing
