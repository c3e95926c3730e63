"""The system `hosts`: all hosts of an inventory, read by one program with all that host systems
read there (engine/system.py)."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.system import LookRequest, RemoteSystem
from remediations.systems.hosts.reading import HostsReading
from remediations.systems.hosts.workshop import DRIVER
from remediations.values.part import Kinded
from remediations.values.reading import Unknown


async def _look(look: LookRequest) -> Sequence[Kinded]:
    # Not at the top: an inventory is read with all systems, also where nobody is contacted.
    from remediations.systems.hosts.look import look_at_hosts

    return await look_at_hosts(look)


def unanswered(hosts: HostsReading) -> tuple[str, ...]:
    """Why, where nobody could be logged in to."""
    reasons = [host.session.reason for host in hosts.hosts if isinstance(host.session, Unknown)]
    return tuple(reasons) if len(reasons) == len(hosts.hosts) else ()


HOSTS = RemoteSystem(
    name="hosts",
    kind=HostsReading,
    drivers=(DRIVER,),
    look=_look,
    unanswered=unanswered,
)
