"""`remediate diagnose`: what is wrong, and the evidence for it. Read-only."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.conclusions import conclusions_result, named_domains
from remediations.cli.observing import get_observation, require_inventory
from remediations.cli.options import observation_options
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.find.conclude import conclude
from remediations.engine.observe.observation import failed_systems
from remediations.machine.config import load_machine_config


@click.command("diagnose", help="Read all hosts (read-only) and say what is wrong.")
@click.argument("what", required=False, metavar="[DOMAIN|PLAYBOOK]")
@observation_options
@click.option("--verbose", is_flag=True, help="Also show every reading relied upon.")
def command(
    what: str | None, inventory: Path | None, source: Path | None, save: Path | None, verbose: bool
) -> CommandResult:
    """Exit 0: all is well. 3: something is wrong. 11: too little could be read to conclude."""
    domains = named_domains(what, load_machine_config())
    known = require_inventory(inventory) if inventory is not None or source is None else None
    observation = get_observation(known, source, save)
    found = conclude(domains, observation, failed_systems(observation) if what is None else ())
    return conclusions_result(found, terminal_style(), verbose=verbose)
