"""Gets the observation that a command needs: read now, or from a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path

import click

from remediations import __version__
from remediations.cli.anchors import live_inventory, no_inventory_error
from remediations.cli.output import next_command
from remediations.engine.installed_systems import installed_systems
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.heard import HeardReach, HostsHeard
from remediations.engine.observe.observation import (
    Observation,
    Scope,
    check_save,
    load_observation,
    save_observation,
)
from remediations.engine.observe.observe import observe
from remediations.errors import Unreadable, UsageError
from remediations.machine.config import load_machine_config
from remediations.reach.background import run_in_thread
from remediations.render.formats import count_of, format_moment
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory

TOOL = f"remediate {__version__}"
SHOWN = 3
"""The number of hosts whose reasons are listed in one error; they are often the same."""

LookNow = Callable[[HostsHeard], Awaitable[Observation]]
"""Reads all hosts once, and notes who has answered."""


def require_inventory(path: Path | None) -> Inventory:
    """The given inventory, or else that of the machine configuration.

    Raises:
        UsageError: there is none to choose, or it cannot be used; says how to give one."""
    config = load_machine_config()
    found = live_inventory(config, path)
    if found is None:
        raise no_inventory_error(config)
    return found


def observe_now(inventory: Inventory, scope: Scope, imports: Sequence[str] = ()) -> Observation:
    """Read all hosts of the inventory at the same time, over SSH. `imports` are modules of ours
    that will be needed then, and are imported meanwhile.

    Raises:
        MachineError, UsageError: ssh or ssh_config cannot be trusted, or cannot be used.
    """
    # Imported here: `--from` waits for nothing.
    from remediations.cli.reading_line import reading_line

    heard, made = hosts_of(inventory), list[Observation]()

    async def read() -> None:
        async with open_looks(inventory, scope) as look:
            importing = asyncio.create_task(run_in_thread(import_quietly, imports))
            made.append(await look(heard))
            await importing

    # Not as the result of the coroutine: Python 3.11 makes the `repr` of what `asyncio.run` returns
    # twice (for an error that it catches itself), which takes 40 ms for 50 hosts.
    with reading_line(lambda: heard.text):
        asyncio.run(read())
    return made[0]


def import_quietly(modules: Sequence[str]) -> None:
    """Import modules. One that fails is imported again by who needs it, and reported then."""
    for module in modules:
        with suppress(Exception):
            import_module(module)


def hosts_of(inventory: Inventory) -> HostsHeard:
    """The hosts of an inventory, before any has answered."""
    return HostsHeard([entry.name for entry in inventory.hosts])


@asynccontextmanager
async def open_looks(inventory: Inventory, scope: Scope) -> AsyncIterator[LookNow]:
    """Looks at the hosts, over connections that stay open until the block ends.

    Raises:
        MachineError, UsageError: ssh or ssh_config cannot be trusted, or cannot be used.
    """
    # Imported here: SSH takes a quarter of a second to load, and `--from` contacts no host.
    from remediations.reach.resolver import resolver_for
    from remediations.reach.ssh import SshReach

    async with SshReach(inventory, resolver_for(load_machine_config(), inventory)) as reach:

        async def look(heard: HostsHeard) -> Observation:
            return await observe(HeardReach(reach, heard), inventory, scope=scope, tool=TOOL)

        yield look


def get_observation(
    inventory: Inventory | None,
    source: Path | None,
    save_to: Path | None,
    *,
    scope: Scope = Scope.FULL,
    imports: Sequence[str] = (),
) -> Observation:
    """The observation of `--from`, or else a new one with `scope`, which `--save` writes to a file.
    `imports` are modules that are imported while hosts are read.

    Raises:
        UsageError: the file is not an observation, or is one of another inventory.
        Unreadable: no host could be read.
    """
    if save_to is not None:
        check_save(save_to)  # before the hosts are read
    if source is not None:
        observation = load_observation(source)
        if inventory is not None and observation.inventory_digest != inventory_digest(inventory):
            raise UsageError(
                f"{source} was not read with this inventory",
                guard="inventory digest",
                got=observation.inventory_digest[:16],
                expected=inventory_digest(inventory)[:16],
                next_step="give the inventory it was read with, or read the hosts again",
            )
    else:
        observation = observe_now(
            require_inventory(None) if inventory is None else inventory, scope, imports
        )
    if save_to is not None:
        keep_observation(observation, save_to)
    if source is None:
        check_someone_answered(observation, inventory)
    return observation


def keep_observation(observation: Observation, path: Path) -> None:
    """Write it for `--save`, and say on standard error what was written and where.

    Raises:
        UsageError: the file holds something else, which is not overwritten.
        MachineError: the file cannot be written.
    """
    instead = ", replacing the one that was there" if path.is_file() and path.stat().st_size else ""
    save_observation(observation, path)
    hosts = count_of(len(observation.logins), "host")
    moment = format_moment(observation.ended)
    click.echo(one_line(f"saved: {path}, {hosts} observed {moment}{instead}"), err=True)


def check_someone_answered(observation: Observation, inventory: Inventory | None) -> None:
    """Refuse an observation if no host could be read: the fault is most likely on this side.

    Raises:
        Unreadable: with the reasons, and what to do.
    """
    reasons = installed_systems(load_machine_config()).unanswered(observation)
    if not reasons:
        return
    more = len(reasons) - SHOWN
    doctor = next_command("doctor", inventory=inventory.path if inventory is not None else "FILE")
    raise Unreadable(
        "no host of the inventory could be read",
        guard="login",
        got="; ".join(reasons[:SHOWN]) + (f"; and {more} more" if more > 0 else ""),
        expected="a login on at least one host",
        next_step=f"`{doctor}` says for each host how to fix it",
    )
