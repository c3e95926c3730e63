"""What carries steps out on one kind of target: the pure half that makes the bytes, and the half
that acts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from remediations.engine.plan.build import StepCompiler

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver
    from remediations.reach.ssh import SshReach


@dataclass(frozen=True, kw_only=True)
class DriverKind:
    """`compiler` is open while plans are made; `driver` acts through the connections of a run."""

    name: str
    compiler: Callable[[], AbstractContextManager[StepCompiler]]
    driver: Callable[[SshReach], Driver]
