"""What a domain adds to `remediate doctor`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from remediations.engine.doctor.line import DoctorLine
from remediations.engine.doctor.sight import Examination
from remediations.engine.observe.observation import Observation
from remediations.reach.connection import Reach
from remediations.values.inventory import Inventory


async def ask_nothing(_reach: Reach, _observation: Observation) -> None:
    """Nothing more is asked than what was observed."""


@dataclass(frozen=True, kw_only=True)
class Doctor:
    """`ask` asks what an observation does not hold, and changes nothing. `lines` is given what came
    of it, and says what is there and what lacks: of the whole under the domain's name, of each host
    under its own. It is pure.
    """

    lines: Callable[[Inventory, Examination, Any], Sequence[DoctorLine]]
    ask: Callable[[Reach, Observation], Awaitable[Any]] = ask_nothing
