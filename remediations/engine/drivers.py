"""What carries steps out on one kind of target: the pure half that makes the bytes, and the half
that acts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remediations.engine.plan.build import Workshop

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver
    from remediations.reach.ssh import SshReach


@dataclass(frozen=True, kw_only=True)
class DriverKind:
    """`workshop` is open while plans are made; `driver` acts through the connections of a run."""

    name: str
    workshop: Callable[[], AbstractContextManager[Workshop]]
    driver: Callable[[SshReach], Driver]
