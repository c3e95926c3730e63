"""`remediate steal RESOURCE`: take a resource away from a run that nobody can go on with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from remediations.cli.anchors import live_inventory, no_inventory_error
from remediations.cli.approved import current_actor
from remediations.cli.options import inventory_option, json_option
from remediations.cli.output import CommandResult
from remediations.engine.apply.apply import said_by
from remediations.engine.apply.fence_steal import StolenFence, steal_resource
from remediations.engine.installed_systems import installed_systems
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import load_machine_config
from remediations.reach.resolver import resolver_for
from remediations.render.printable import one_line

LONGEST_REASON = 160
LONGEST_RESOURCE = 120


@click.command(
    "steal",
    help="Take RESOURCE (as in `show RUN`) from the run that holds it. That run can do no more.",
)
@click.argument("resource")
@click.option("--reason", required=True, help="Why nobody can go on with that run. Kept on hosts.")
@inventory_option
@json_option
def command(resource: str, reason: str, inventory: Path | None) -> CommandResult:
    """Exit 0: nobody holds it now. 2: nobody held it. 7: too few hosts stored it. 11: too few
    answered."""
    _check("the resource", resource, LONGEST_RESOURCE)
    _check("the reason", reason, LONGEST_REASON)
    config = load_machine_config()
    hosts = live_inventory(config, inventory)
    if hosts is None:
        raise no_inventory_error(config)
    stolen = asyncio.run(
        steal_resource(
            resource,
            hosts,
            resolver_for(config, hosts),
            installed_systems(config),
            f"by {said_by(current_actor())} because: {reason}",
        )
    )
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "resource": resource,
            "reason": reason,
            "number": stolen.number,
            "hosts": stolen.hosts,
            "missing": stolen.missing,
            "was": {
                "number": stolen.was.number,
                "plan": stolen.was.plan,
                "text": stolen.was.text,
            },
        },
        text=_text(stolen),
    )


def _check(what: str, text: str, longest: int) -> None:
    """Refuse what the hosts could not keep, or people could not read.

    Raises:
        UsageError: it is empty, too long, or not printable.
    """
    if text.strip() and len(text) <= longest and one_line(text) == text:
        return
    raise UsageError(
        f"{what} cannot be used",
        guard="fence",
        got=one_line(text)[:longest] or "nothing",
        expected=f"1 to {longest} printable characters",
        next_step='remediate steal RESOURCE --reason "why nobody can go on with that run"',
    )


def _text(stolen: StolenFence) -> str:
    lines = [
        f"{stolen.resource} was held: {one_line(str(stolen.was))}",
        f"stolen   number {stolen.number} on {', '.join(stolen.hosts)}",
    ]
    if stolen.missing:
        lines.append(
            f"WARNING  the former run can still act on {', '.join(stolen.missing)}: no answer"
        )
    lines.append(
        "next: `remediate diagnose`, and a new plan: the former run may have changed things"
    )
    return "\n".join(lines)
