"""`remediate doctor`: what is in order and what is missing, with the command that fixes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.observing import TOOL, keep_observation
from remediations.cli.options import inventory_option, json_option, save_option
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.catalogue import catalogue
from remediations.engine.doctor.examination import examine
from remediations.engine.doctor.inventory_lines import (
    inventory_lines,
    no_inventory_line,
    unusable_inventory_line,
)
from remediations.engine.doctor.line import DoctorLine
from remediations.engine.doctor.login_lines import other_lines
from remediations.engine.doctor.machine import machine_lines, read_configuration
from remediations.engine.doctor.render_text import doctor_text, missing_lines
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import check_save
from remediations.engine.runs.store import state_directory
from remediations.errors import ExitCode, MachineError, UsageError
from remediations.machine.config import MachineConfig
from remediations.reach.resolver import resolver_for
from remediations.render.formats import format_moment
from remediations.render.printable import one_line


@click.command("doctor", help="Say what this machine, the inventory and the hosts have and lack.")
@inventory_option
@save_option
@click.option("--verbose", is_flag=True, help="Also show everything that is in order.")
@json_option
def command(inventory: Path | None, save: Path | None, verbose: bool) -> CommandResult:
    """Exit 0: nothing is missing. 3: something is. Read-only, and works if half the hosts are
    down."""
    if save is not None:
        check_save(save)  # before anything is looked at
    config, configured = read_configuration()
    ssh_add = (config or MachineConfig()).ssh_keygen.with_name("ssh-add")
    machine = machine_lines(state_directory(), ssh_add)
    lines = [*machine, *configured, *_beyond(inventory, save, config)]
    missing, style = missing_lines(lines), terminal_style()
    diagnose = f"remediate diagnose --inventory {inventory}"
    text = doctor_text(
        lines, width=style.width, colour=style.colour, verbose=verbose, domains=_names(config)
    )
    return CommandResult(
        exit_code=ExitCode.CHANGES_PENDING if missing else ExitCode.OK,
        document={"lines": lines, "lacking": len(missing)},
        text=f"{text}\nobserved {format_moment(datetime.now(UTC))}\n"
        f"next: {one_line(missing[0].mend if missing else diagnose)}",
    )


def _beyond(
    path: Path | None, save_to: Path | None, config: MachineConfig | None
) -> tuple[DoctorLine, ...]:
    """The lines that need an inventory. If the inventory, ssh or ssh_config cannot be used, that is
    a line, not an error. Hosts are contacted only with what `apply` would use."""
    if path is None:
        return (no_inventory_line(),)
    try:
        inventory = load_inventory(path)
    except UsageError as error:
        return (unusable_inventory_line(error),)
    domains = catalogue(config or MachineConfig()).domains
    doctors = {domain.name: domain.doctor() for domain in domains if domain.doctor is not None}
    said = [line for doctor in doctors.values() for line in doctor.before(inventory)]
    lines = inventory_lines(inventory, config.allowed_signers if config else None, said)
    try:
        resolver = resolver_for(config, inventory) if config else None
    except (MachineError, UsageError):  # it has a line already
        resolver = None
    if resolver is None:
        return lines
    asks = {name: doctor.ask for name, doctor in doctors.items()}
    sight = asyncio.run(examine(inventory, resolver, asks, tool=TOOL))
    if save_to is not None:
        keep_observation(sight.observation, save_to)
    told = [
        line
        for name, doctor in doctors.items()
        for line in doctor.lines(inventory, sight, sight.asked[name])
    ]
    named = {line.subject for line in told}
    others = [entry for entry in inventory.hosts if entry.name not in named]
    return (*lines, *told, *other_lines(others, sight, inventory.ssh_config))


def _names(config: MachineConfig | None) -> tuple[str, ...]:
    return tuple(domain.name for domain in catalogue(config or MachineConfig()).domains)
