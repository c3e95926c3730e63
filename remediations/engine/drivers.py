"""What carries steps out on one kind of target: the pure half that makes the bytes, and the half
that acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from remediations.engine.apply.driver import Driver
from remediations.engine.plan.build import Workshop, Workshops
from remediations.reach.ssh import SshReach


@dataclass(frozen=True, kw_only=True)
class DriverKind:
    """`workshop` is open while plans are made; `driver` acts through the connections of a run."""

    name: str
    workshop: Callable[[], AbstractContextManager[Workshop]]
    driver: Callable[[SshReach], Driver]


@contextmanager
def workshops() -> Iterator[Workshops]:
    """The workshops of all drivers that are installed, open while the block runs."""
    with ExitStack() as open_:
        yield {kind.name: open_.enter_context(kind.workshop()) for kind in installed_drivers()}


def installed_drivers() -> tuple[DriverKind, ...]:
    """All of them."""
    from remediations.systems.hosts.workshop import DRIVER

    return (DRIVER,)
