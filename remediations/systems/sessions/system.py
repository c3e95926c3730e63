"""Derived credentials and sessions, as the engine is told: what is read, and what resets them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from remediations.engine.system import DriverKind, LookRequest, RemoteSystem
from remediations.systems.sessions.inventory import SESSIONS_SECTION
from remediations.systems.sessions.reading import SessionsReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown

if TYPE_CHECKING:
    from remediations.engine.apply.driver import Driver
    from remediations.engine.plan.build import StepCompiler
    from remediations.reach.ssh import SshReach


def _compiler() -> AbstractContextManager[StepCompiler]:
    from remediations.systems.sessions.steps import open_compiler

    return open_compiler()


def _driver(reach: SshReach) -> Driver:
    from remediations.systems.sessions.driver import SessionsDriver

    return SessionsDriver(reach)


async def _look(look: LookRequest) -> Sequence[Kinded]:
    from remediations.systems.sessions.look import look_at_sessions

    return await look_at_sessions(look)


def _unanswered(reading: SessionsReading) -> tuple[str, ...]:
    """The reasons, where no probe gave an answer."""
    reasons = tuple(
        f"{one.item.name}: {one.answer.reason}"
        for one in reading.items
        if isinstance(one.answer, Unknown)
    )
    return reasons if len(reasons) == len(reading.items) else ()


DRIVER = DriverKind(name="sessions", compiler=_compiler, driver=_driver, fences=None)
"""Without fences: one machine calls, and its claims are there."""
SESSIONS = RemoteSystem(
    name="sessions",
    kind=SessionsReading,
    drivers=(DRIVER,),
    inventory_section=SESSIONS_SECTION,
    look=_look,
    unanswered=_unanswered,
)
