"""Worlds as `doctor` examines them."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.engine.doctor.examination import Examination
from remediations.engine.doctor.line import DoctorLine, LineState
from remediations.playbooks.chain.doctor.chain_lines import CHAIN
from remediations.playbooks.chain.doctor.world import world_lines
from remediations.reach.connection import HostUnreachable
from remediations.reach.routes import HostKeyStatus
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.subcommands import (
    SUBCOMMANDS,
    Subcommands,
)
from remediations.values.inventory import Inventory
from tests import worlds
from tests.inventories import chain_inventory, node_entry
from tests.worlds import healthy

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIqJLp1hvHFzPgfOvjwRMu1sMFzOUE8Drz5BHmCeynC"


def inventory_of(world: CometReading) -> Inventory:
    return chain_inventory(
        path="inventory.yaml",
        chain_id=world.chain_id,
        halted_after_s=60,
        ssh_config="ssh_config",
        allowed_signers=None,
        hosts=tuple(node_entry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts),
    )


def sight_of(
    world: CometReading,
    refusals: dict[str, HostUnreachable] | None = None,
    doors: dict[str, HostKeyStatus] | None = None,
) -> Examination:
    return Examination(
        observation=sealed(world), refusals=refusals or {}, doors=doors or {}, asked={CHAIN: {}}
    )


def lines_of(world: CometReading, **seen: object) -> tuple[DoctorLine, ...]:
    programs = {reading.host: Subcommands(SUBCOMMANDS) for reading in world.hosts}
    return world_lines(inventory_of(world), sight_of(world, **seen), programs)  # type: ignore[arg-type]  # tests name them


def bad(lines: tuple[DoctorLine, ...]) -> dict[tuple[str, str], DoctorLine]:
    return {(line.subject, line.topic): line for line in lines if line.state is not LineState.OK}


def changed(host: str, **fields: object) -> CometReading:
    def how(reading: HostReading) -> HostReading:
        return replace(reading, **fields)

    return worlds.change(healthy(), host, how)
