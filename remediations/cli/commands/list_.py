"""`remediate list`: the installed playbooks and systems, and those that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.engine.catalogue import Installed, UnusedEntry, catalogue
from remediations.engine.domain import Branch
from remediations.engine.entry_points import OWN
from remediations.engine.installed_systems import installed_systems
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config
from remediations.render.printable import one_line


@click.command(
    "list", help="List the playbooks with their branches, and the systems that are read."
)
@json_option
def command() -> CommandResult:
    """Exit 0, even if a package is broken: that is one line."""
    config = load_machine_config()
    found, reading = catalogue(config), installed_systems(config)
    systems = [system.name for system in reading.systems]
    troubles = tuple(dict.fromkeys((*found.troubles, *reading.troubles)))
    parts = [line for installed in found.playbooks for line in _lines(installed)]
    parts += ["", f"reads: {', '.join(systems) or 'nothing'}"]
    if troubles:
        parts += ["", "not used:", *(_line(trouble) for trouble in troubles)]
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "playbooks": [_document(installed) for installed in found.playbooks],
            "systems": systems,
            "troubles": [_told(trouble) for trouble in troubles],
        },
        text="\n".join(map(one_line, parts)) + "\n\nnext: remediate diagnose --inventory FILE",
    )


def _document(installed: Installed) -> dict[str, object]:
    playbook = installed.playbook
    return {
        "domain": installed.domain.name,
        "id": playbook.id,
        "title": playbook.title,
        "alerts": list(playbook.alerts),
        "branches": list(map(_branch, playbook.branches)),
        "distribution": installed.distribution,
        "version": installed.version,
    }


def _branch(branch: Branch[Any]) -> dict[str, object]:
    return {
        "name": branch.name,
        "title": branch.title,
        "condition": branch.condition,
        "inputs": [
            {"name": one.name, "metavar": one.metavar, "help": one.help} for one in branch.inputs
        ],
    }


def _told(trouble: UnusedEntry) -> dict[str, object]:
    return {
        "name": trouble.name,
        "distribution": trouble.distribution,
        "version": trouble.version,
        "flaw": trouble.flaw,
        "reason": trouble.reason,
    }


def _lines(installed: Installed) -> Iterator[str]:
    playbook = installed.playbook
    yield f"{playbook.id:<10} {playbook.title} (alerts: {', '.join(playbook.alerts)})"
    if installed.distribution != OWN:
        yield f"  provided by {installed.distribution} {installed.version}"
    for branch in playbook.branches:
        yield f"  {branch.name:<24} {branch.title}"
        yield f"  {'':<24} when {branch.condition}"
        for one in branch.inputs:
            yield f"  {'':<24} --{one.name} {one.metavar}: {one.help}"


def _line(trouble: UnusedEntry) -> str:
    return (
        f"{trouble.name:<10} {trouble.flaw}: {trouble.distribution} {trouble.version}: "
        f"{trouble.reason}"
    )
