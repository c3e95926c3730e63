"""`remediate inventory discover HOST…`: proposes an inventory. Reads only."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from remediations.cli.observing import TOOL
from remediations.cli.options import json_option
from remediations.cli.output import CommandResult, next_command
from remediations.engine.catalogue import catalogue
from remediations.engine.discovery import Discovered, Discovery
from remediations.engine.observe.inventory import SSH_NAME
from remediations.errors import ExitCode, Unreadable, UsageError
from remediations.files.writing import named_file_error
from remediations.machine.config import MachineConfig, load_machine_config
from remediations.reach.resolver import resolver_for
from remediations.render.printable import one_line


@click.group("inventory", help="Propose an inventory.", no_args_is_help=False)
@json_option
def command() -> None:
    """Its subcommands do the work."""


@command.command("discover", help="Read HOSTs (names for ssh) and propose an inventory. Read-only.")
@click.argument("hosts", metavar="HOST [HOST…]", nargs=-1, required=True)
@click.option(
    "--ssh-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Instead of OpenSSH's own files.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write it to this file, which must not exist yet. Else to standard output.",
)
@click.option("--domain", help="Whose hosts they are, where several domains can tell.")
@json_option
def discover(
    hosts: tuple[str, ...], ssh_config: Path | None, output: Path | None, domain: str | None
) -> CommandResult:
    """Exit 0: there is a proposal to review. 11: no host could be read."""
    _check(hosts, output)
    machine = load_machine_config()
    discovery = discovery_of(domain, machine)
    config = str(ssh_config.absolute()) if ssh_config is not None else None
    asked = discovery.asked(tuple(dict.fromkeys(hosts)), config)
    found = asyncio.run(discovery.read(asked, resolver_for(machine, asked), TOOL))
    return answer(found, config, output)


def discovery_of(name: str | None, config: MachineConfig) -> Discovery:
    """What proposes inventories for the domain that is named, or for the only one that can.

    Raises:
        UsageError: there is no such domain, or several can and none is named.
    """
    able = {d.name: d.discovery for d in catalogue(config).domains if d.discovery is not None}
    chosen = [load for known, load in able.items() if name in (None, known)]
    if len(chosen) != 1:
        raise UsageError(
            "whose hosts these are is not known"
            if name is None
            else f"no domain {name!r} proposes inventories",
            guard="--domain",
            got=name or "none",
            expected=", ".join(able) or "an installed domain that proposes inventories",
            next_step="give one of them as --domain NAME; `remediate list` shows what is installed",
        )
    return chosen[0]()


def answer(found: Discovered, config: str | None, output: Path | None) -> CommandResult:
    """The proposal, written to `output` or shown.

    Raises:
        Unreadable: no host could be read.
    """
    if found.unreadable:
        raise Unreadable(
            "no host could be read, so there is nothing to propose",
            guard="first contact",
            got=found.unreadable,
            expected="a login on at least one host",
            next_step="make `ssh -o StrictHostKeyChecking=yes HOST true` work, then try again",
        )
    next_step = next_command("doctor", inventory=output or "inventory.yaml")
    keep = "" if output else "keep it (--output inventory.yaml), "
    text = found.yaml(config, f"{keep}review it, then {next_step}")
    if output is not None:
        _write(output, text)
    document = {
        "proposal": found.proposal,
        "yaml": text,
        "file": None if output is None else str(output),
    }
    said = text if output is None else _summary(found, output, next_step)
    return CommandResult(exit_code=ExitCode.OK, document=document, text=said)


def _check(hosts: tuple[str, ...], output: Path | None) -> None:
    """Everything that can be wrong before anybody is contacted."""
    for host in hosts:
        if not SSH_NAME.fullmatch(host):
            raise UsageError(
                f"{host!r} is not a name for ssh",
                guard="host name",
                got=host,
                expected="a name of ssh_config, a host name, or USER@HOST",
                next_step="remediate inventory discover HOST [HOST…]",
            )
    if output is not None and os.path.lexists(output):
        raise _exists(output)


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _exists(output) from error
    except OSError as error:
        raise named_file_error(
            "the proposal", output, error, guard="inventory file", option="--output"
        ) from error


def _exists(output: Path) -> UsageError:
    return UsageError(
        f"{output} exists already, and an inventory is never overwritten",
        guard="inventory file",
        got=str(output),
        expected="a path where nothing is",
        next_step="choose another path for --output, and compare the two with diff",
    )


def _summary(found: Discovered, output: Path, next_step: str) -> str:
    last = f"next: review what is marked `guessed` in {output}, then {next_step}"
    return "\n".join(map(one_line, (*found.summary(output), last)))
