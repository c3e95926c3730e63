"""`remediate preflight ACTION`: evaluates an action's guards on hosts, and prints the data it
needs.

A deploy calls it when it is run with plain pyinfra (docs/deploys.md). People may call it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.observing import get_observation, require_inventory
from remediations.cli.options import limit_option, observation_options, parse_limit
from remediations.cli.output import CommandResult
from remediations.engine.catalogue import catalogue
from remediations.engine.observe.observation import Scope
from remediations.engine.plan.plan import GuardResult
from remediations.engine.plan.preflight import find_action, judge_action
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config
from remediations.machine.programs import SSH, load_program
from remediations.render.formats import format_observed
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory


@click.command(
    "preflight", help="Evaluate the guards of ACTION on the hosts of --limit (read-only)."
)
@click.argument("action")
@limit_option
@observation_options
def command(
    action: str, limit: str | None, inventory: Path | None, source: Path | None, save: Path | None
) -> CommandResult:
    """Exit 0: every guard passes. 4: one does not. Nothing is changed, and no run is made."""
    domains, wanted = find_action(action, catalogue(load_machine_config()).domains)
    hosts, targets = require_inventory(inventory), tuple(sorted(parse_limit(limit)))
    observation = get_observation(hosts, source, save, scope=Scope.DECIDING)
    found = judge_action(domains, wanted, targets, observation)
    return CommandResult(
        exit_code=ExitCode.REFUSED if found.blocked else ExitCode.OK,
        document={
            "domains": found.domains,
            "action": found.action,
            "inventory": hosts.path,
            "judged": len(found.guards),
            "blocked": found.blocked,
            "data": found.data,
            "connections": _connections(hosts, targets),
        },
        text="\n".join(map(_line, found.blocked))
        or f"{len(found.guards)} guards pass: {action} on {', '.join(targets)} may be done now; "
        f"nothing was changed (observed {format_observed(observation.ended, datetime.now(UTC))})",
    )


def _connections(inventory: Inventory, targets: tuple[str, ...]) -> dict[str, Mapping[str, str]]:
    """How each target was reached: a caller that acts on the result must reach it in the same
    way."""
    program = load_program(load_machine_config().ssh, SSH)
    return {
        entry.name: {
            "ssh_program": str(program.path),
            "ssh_config": inventory.ssh_config or "",
            "ssh_name": entry.ssh,
        }
        for entry in inventory.hosts
        if entry.name in targets
    }


def _line(guard: GuardResult) -> str:
    subject = f" {guard.subject}" if guard.subject else ""
    return one_line(
        f"{guard.id}{subject}: got {guard.got}; expected {guard.expected}; next: {guard.next_step}"
    )
