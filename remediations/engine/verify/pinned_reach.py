"""Connections of checks: to the hosts of a plan, by exactly what it pins."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from remediations.engine.plan.compare import changed_logins
from remediations.engine.verify.given import Given
from remediations.reach.blocking import BlockingReach


@contextmanager
def pinned_reach(given: Given, hosts: Collection[str]) -> Iterator[BlockingReach]:
    """Connections to these hosts, by the names, routes and host keys that the plan pins.

    Raises:
        AssertionError: a name leads elsewhere now.
    """
    known = {entry.name for entry in given.inventory.hosts}
    reach = BlockingReach(given.inventory, given.resolver)
    try:
        elsewhere = changed_logins(
            [login for login in given.plan.logins if login.host in hosts],
            [reach.login(host) for host in sorted(known.intersection(hosts))],
        )
        if elsewhere:
            told = (f"{d.name}: planned {d.planned}, now {d.now}" for d in elsewhere)
            raise AssertionError("; ".join(told))
        yield reach
    finally:
        reach.close()
