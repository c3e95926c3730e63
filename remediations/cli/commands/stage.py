"""`remediate stage FILE`: brings a program to the hosts, for a plan that names it by its hash."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from remediations.cli.observing import require_inventory
from remediations.cli.options import inventory_option, json_option, parse_limit
from remediations.cli.output import CommandResult, next_command
from remediations.cli.reading_line import reading_line
from remediations.engine.installed_systems import installed_systems
from remediations.engine.stage.local_file import LocalFile, open_file
from remediations.engine.stage.stage import StagedOn, StageOutcome, stage_file
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config
from remediations.reach.resolver import resolver_for
from remediations.render.formats import count_of
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory


@click.command(
    "stage",
    help="Bring FILE, a program for Linux, to the hosts, where a plan can name it by its SHA-256. "
    "Nothing that runs is changed.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--limit", metavar="HOST[,HOST]", help="Bring it to these hosts only.")
@inventory_option
@json_option
def command(file: Path, limit: str | None, inventory: Path | None) -> CommandResult:
    """Exit 0: every host has it. 7: some do not. 4: none has it. 11: none answered."""
    only, hosts = parse_limit(limit), require_inventory(inventory)
    with open_file(file) as local:
        results = _bring(local, hosts, only)
    return CommandResult(
        exit_code=_exit_code(results),
        document={
            "file": str(file),
            "digest": local.sha256,
            "bytes": local.size,
            "hosts": [
                {"host": one.target, "outcome": one.outcome, "why": one.why} for one in results
            ],
        },
        text=_text(local, results),
    )


def _bring(local: LocalFile, hosts: Inventory, only: frozenset[str]) -> tuple[StagedOn, ...]:
    config, found = load_machine_config(), list[StagedOn]()
    resolver = resolver_for(config, hosts)
    systems = installed_systems(config)

    def progress() -> str:
        return f"{count_of(sum(one.outcome.there for one in found), 'host')} done"

    with reading_line(progress, "sending"):
        return asyncio.run(stage_file(local, hosts, only, resolver, systems, found.append))


def _exit_code(results: Sequence[StagedOn]) -> ExitCode:
    if all(one.outcome.there for one in results):
        return ExitCode.OK
    if any(one.outcome.there for one in results):
        return ExitCode.PARTLY_APPLIED
    silent = all(one.outcome is StageOutcome.SILENT for one in results)
    return ExitCode.UNREADABLE if silent else ExitCode.REFUSED


def _text(local: LocalFile, results: Sequence[StagedOn]) -> str:
    width = max(len(one.target) for one in results)
    lines = [f"{local.path}: {local.size} bytes, SHA-256 {local.sha256}"]
    lines += [
        f"{one.target:<{width}}  {one.outcome}{': ' if one.why else ''}{one.why}" for one in results
    ]
    count = Counter(one.outcome.there for one in results)
    lines.append(
        f"{count[True]} of {count_of(len(results), 'host')}; nothing that runs was changed"
    )
    if count[False]:
        again = next_command("stage", str(local.path))
        lines.append(f"next: mend what is named above, then `{again}` again: it goes on")
    else:
        lines.append(f"next: remediate plan PLAYBOOK --program {local.sha256}")
    return "\n".join(map(one_line, lines))
