"""What `doctor` says of a chain and its hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from remediations.engine.doctor.examination import Doctor, Examination
from remediations.engine.doctor.line import INVENTORY, DoctorLine, ok_line, warn_line
from remediations.engine.observe.observation import Observation
from remediations.playbooks.chain.diagnose.clocks import read_clocks
from remediations.playbooks.chain.diagnose.machines import machines_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, read_power
from remediations.playbooks.chain.diagnose.witness import contradictions
from remediations.playbooks.chain.doctor.chain_lines import chain_lines, our_clock
from remediations.playbooks.chain.doctor.host_lines import HostSight, host_lines
from remediations.reach.connection import Reach
from remediations.systems.comet.inventory import (
    CHAIN_SECTION,
    SECTION,
    Role,
    chain_of,
    node_or_none,
)
from remediations.systems.comet.reading import CometNodes, comet_reading
from remediations.systems.comet.subcommands import Subcommands, accepted_subcommands
from remediations.values.inventory import Inventory

Programs = Mapping[str, Subcommands]
"""What each host's program says of its subcommands."""


async def programs(reach: Reach, observation: Observation) -> Programs:
    """Asks each node that was read; the others are not in it."""
    if observation.part(CometNodes.KIND) is None:
        return {}
    return await accepted_subcommands(reach, comet_reading(observation))


def before(inventory: Inventory) -> tuple[DoctorLine, ...]:
    """What the inventory itself says of the chain: who is what."""
    if not CHAIN_SECTION.is_in(inventory):
        return ()
    nodes = [node for node in map(node_or_none, inventory.hosts) if node is not None]
    roles = Counter(node.role for node in nodes)
    said = ", ".join(f"{roles[role]} {role}" for role in Role if roles[role])
    lines = [ok_line(INVENTORY, SECTION, f"{chain_of(inventory).chain_id}: {said}")]
    if not roles[Role.VALIDATOR]:
        mend = "give the hosts that hold validator keys `role: validator`"
        lines.append(warn_line(INVENTORY, "roles", "no validator", mend))
    return tuple(lines)


def world_lines(
    inventory: Inventory, sight: Examination, asked: Programs
) -> tuple[DoctorLine, ...]:
    """The chain, then each of its hosts in the order of the inventory. Pure."""
    if sight.observation.part(CometNodes.KIND) is None:
        return ()
    reading = comet_reading(sight.observation)
    views = [NodeView(one) for one in reading.hosts]
    power = believed_power(views, reading.chain_id)
    clocks = read_clocks(reading)
    seen = HostSight(
        reading=reading,
        clocks=clocks,
        refusals=sight.refusals,
        doors=sight.doors,
        programs=asked,
    )
    hosts = [
        line
        for one in reading.hosts
        for line in host_lines(seen, inventory.host(one.host), power, config=inventory.ssh_config)
    ]
    return (*chain_lines(views, power, machines_of(reading)), *our_clock(clocks), *hosts)


def believed_power(views: Sequence[NodeView], chain_id: str) -> Power:
    """Who holds which power, told by the nodes of this chain that do not contradict themselves."""
    doubted = contradictions(views, chain_id)
    return read_power(views, [v for v in views if v.answers and v.host not in doubted])


DOCTOR = Doctor(before=before, ask=programs, lines=world_lines)
