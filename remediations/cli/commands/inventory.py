"""`remediate inventory discover HOST…`: proposes an inventory. Reads only."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from remediations.cli.answer import Answer
from remediations.cli.next_command import next_command
from remediations.cli.options import json_option
from remediations.cli.world import TOOL
from remediations.engine.observe.inventory import SSH_NAME
from remediations.errors import ExitCode, MachineError, Unreadable, UsageError
from remediations.machine.config import load_machine_config
from remediations.playbooks.chain.discover.discover import entries_for, inventory_for, read_hosts
from remediations.playbooks.chain.discover.proposal import Proposal, propose
from remediations.playbooks.chain.discover.proposal_yaml import proposal_yaml
from remediations.reach.resolver import resolver_for
from remediations.render.printable import one_line
from remediations.systems.comet.reading import CometReading
from remediations.values.inventory import HostEntry
from remediations.values.reading import Unknown


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
@json_option
def discover(hosts: tuple[str, ...], ssh_config: Path | None, output: Path | None) -> Answer:
    """Exit 0: there is a proposal to review. 11: no host could be read."""
    _check(hosts, output)
    config = str(ssh_config.absolute()) if ssh_config is not None else None
    entries = entries_for(tuple(dict.fromkeys(hosts)))
    asked = inventory_for(entries, config)
    resolver = resolver_for(load_machine_config(), asked)
    observation, inventory = asyncio.run(read_hosts(asked, resolver, tool=TOOL))
    _something_read(observation)
    return answer(observation, inventory.hosts, config, output)


def answer(
    observation: CometReading,
    entries: tuple[HostEntry, ...],
    config: str | None,
    output: Path | None,
) -> Answer:
    """The proposal, written to `output` or shown."""
    proposal = propose(observation, entries)
    next_step = next_command("doctor", inventory=output or "inventory.yaml")
    keep = "" if output else "keep it (--output inventory.yaml), "
    text = proposal_yaml(
        proposal,
        ssh_config=config,
        at=observation.ended,
        next_step=f"{keep}review it, then {next_step}",
    )
    if output is not None:
        _write(output, text)
    document = {
        "proposal": proposal,
        "yaml": text,
        "file": None if output is None else str(output),
    }
    said = text if output is None else _summary(proposal, output, next_step)
    return Answer(exit_code=ExitCode.OK, document=document, text=said)


def _check(hosts: tuple[str, ...], output: Path | None) -> None:
    """Everything that can be wrong before anybody is contacted."""
    for host in hosts:
        if not SSH_NAME.fullmatch(host):
            raise UsageError(
                f"{host!r} is no name for ssh",
                guard="host name",
                got=host,
                expected="a name of ssh_config, a host name, or USER@HOST",
                next_step="remediate inventory discover HOST [HOST…]",
            )
    if output is not None and os.path.lexists(output):
        raise _exists(output)


def _something_read(observation: CometReading) -> None:
    reasons = [r.session.reason for r in observation.hosts if isinstance(r.session, Unknown)]
    if len(reasons) == len(observation.hosts):
        raise Unreadable(
            "no host could be read, so there is nothing to propose",
            guard="first contact",
            got=reasons[0],
            expected="a login on at least one host",
            next_step="make `ssh -o StrictHostKeyChecking=yes HOST true` work, then try again",
        )


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise _exists(output) from error
    except OSError as error:
        raise MachineError(
            f"the proposal cannot be written to {output}",
            guard="inventory file",
            got=error.strerror or str(error),
            expected="a path that can be written",
            next_step="choose another path for --output",
        ) from error


def _exists(output: Path) -> UsageError:
    return UsageError(
        f"{output} exists already, and an inventory is never overwritten",
        guard="inventory file",
        got=str(output),
        expected="a path where nothing is",
        next_step="choose another path for --output, and compare the two with diff",
    )


def _summary(proposal: Proposal, output: Path, next_step: str) -> str:
    guessed = sum(host.role is not None for host in proposal.hosts)
    lines = [f"DANGER {host.name}: {host.danger}" for host in proposal.hosts if host.danger]
    lines += [
        f"{output}: chain {proposal.chain_id or 'not known'}, {guessed} of {len(proposal.hosts)} "
        f"hosts, {len(proposal.uncovered)} validator(s) without a host, "
        f"{len(proposal.strangers)} unknown peer(s)",
        *(f"{host.name}: {host.notes[0]}" for host in proposal.hosts if not host.role),
        f"next: review what is marked `guessed` in {output}, then {next_step}",
    ]
    return "\n".join(map(one_line, lines))
