"""What `doctor` says of a chain and its hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remediations.engine.doctor.examination import Doctor, Examination
from remediations.engine.doctor.line import DoctorLine
from remediations.engine.observe.observation import Observation
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, read_power
from remediations.playbooks.chain.diagnose.witness import doubts
from remediations.playbooks.chain.doctor.chain_lines import chain_lines
from remediations.playbooks.chain.doctor.host_lines import HostSight, host_lines
from remediations.reach.connection import Reach
from remediations.systems.comet.reading import comet_reading
from remediations.systems.comet.subcommands import accepted
from remediations.values.inventory import Inventory

Programs = Mapping[str, tuple[str, ...]]
"""The subcommands that each host's program accepts."""


async def programs(reach: Reach, observation: Observation) -> Programs:
    """Asks each host that was read; the others are not in it."""
    return await accepted(reach, comet_reading(observation))


def world_lines(
    inventory: Inventory, sight: Examination, asked: Programs
) -> tuple[DoctorLine, ...]:
    """The chain, then each host in the order of the inventory. Pure."""
    reading = comet_reading(sight.observation)
    views = [NodeView(one) for one in reading.hosts]
    power = believed_power(views, inventory.chain_id)
    seen = HostSight(reading=reading, refusals=sight.refusals, doors=sight.doors, programs=asked)
    hosts = [
        line
        for entry in inventory.hosts
        for line in host_lines(seen, entry, power, config=inventory.ssh_config)
    ]
    return (*chain_lines(views, power), *hosts)


def believed_power(views: Sequence[NodeView], chain_id: str) -> Power:
    """Who holds which power, told by the nodes of this chain that do not contradict themselves."""
    doubted = doubts(views, chain_id)
    return read_power(views, [v for v in views if v.answers and v.host not in doubted])


DOCTOR = Doctor(ask=programs, lines=world_lines)
