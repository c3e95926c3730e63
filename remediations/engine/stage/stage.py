"""Brings one file to many targets, where it is known by the hash of its content.

Nothing that runs is changed, so this needs no approval: it is the plan that names the hash. Targets
do not wait for each other, and one that fails does not stop the others.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.stage.keeper import FileKeeper, FileSource, NotKept, TargetFile
from remediations.errors import Refused, Unreadable, UsageError
from remediations.reach.resolver import SshResolver
from remediations.reach.ssh import SshReach
from remediations.render.formats import name_some
from remediations.values.inventory import Inventory

log = logging.getLogger(__name__)
AT_ONCE = 16
"""Targets that are sent to at the same time, each with one chunk in memory."""


class StageOutcome(StrEnum):
    """What became of the file on one target."""

    STAGED = "staged"
    ALREADY_THERE = "already there"
    SILENT = "not reached"
    FAILED = "failed"

    @property
    def there(self) -> bool:
        """Whether the target has the file now."""
        return self in (StageOutcome.STAGED, StageOutcome.ALREADY_THERE)


@dataclass(frozen=True, kw_only=True)
class StagedOn:
    """One target. `why` is "" where it has the file."""

    target: str
    outcome: StageOutcome
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class KeptFile:
    """A file that a host keeps: a copy of databases, for one."""

    host: str
    sha256: str


async def stage_file(
    file: FileSource,
    inventory: Inventory,
    only: frozenset[str],
    resolver: SshResolver,
    systems: InstalledSystems,
    heard: Callable[[StagedOn], None],
) -> tuple[StagedOn, ...]:
    """Bring the file to the hosts of an inventory, or to `only` those, in the inventory's order.
    `heard` is told of each as soon as it is known.

    Raises:
        UsageError: one of `only` is not in the inventory, or no system that is installed can keep
            files.
    """
    targets = _targets(inventory, only)
    async with SshReach(inventory, resolver) as reach:
        keeper = _keeper(systems, reach)
        return await stage_on(file, dict.fromkeys(targets, keeper), heard)


async def stage_kept(
    kept: KeptFile,
    inventory: Inventory,
    only: frozenset[str],
    resolver: SshResolver,
    systems: InstalledSystems,
    heard: Callable[[StagedOn], None],
) -> tuple[int, tuple[StagedOn, ...]]:
    """Bring a file that one host keeps to others, and return its size, too. It passes through this
    machine, part by part, and nothing of it stays here.

    Raises:
        UsageError: one of `only`, or the host, is not in the inventory, or no system that is
            installed can keep files.
        Refused: the host does not keep that file.
        Unreadable: the host did not answer.
    """
    _targets(inventory, frozenset({kept.host}))
    targets = [target for target in _targets(inventory, only) if target != kept.host]
    if not targets:
        raise UsageError(
            f"there is nobody to bring the file of {kept.host} to",
            guard="--limit",
            got=kept.host,
            expected="other hosts than the one that keeps it",
            next_step="correct --limit, or leave it out",
        )
    token = secrets.token_hex(8)
    async with SshReach(inventory, resolver) as reach:
        keeper = _keeper(systems, reach)
        try:
            size = await keeper.size(kept.host, kept.sha256, token)
        except NotKept as error:
            kind = Unreadable if error.silent else Refused
            raise kind(
                f"{kept.host} does not give the file",
                guard="--donor",
                got=error.what,
                expected=f"a file with SHA-256 {kept.sha256}",
                next_step=f"`remediate diagnose` shows whether {kept.host} can be read; the hash is"
                " in the report of the run that made the file",
            ) from error
        file = TargetFile(
            keeper=keeper, target=kept.host, sha256=kept.sha256, size=size, token=token
        )
        return size, await stage_on(file, dict.fromkeys(targets, keeper), heard)


def _keeper(systems: InstalledSystems, reach: SshReach) -> FileKeeper:
    keeper = next((kind.files(reach) for kind in systems.drivers if kind.files), None)
    if keeper is None:
        raise UsageError(
            "no installed system can keep files",
            guard="drivers",
            got=", ".join(kind.name for kind in systems.drivers) or "no driver",
            expected="a driver that keeps files",
            next_step="remediate list",
        )
    return keeper


def _targets(inventory: Inventory, only: frozenset[str]) -> tuple[str, ...]:
    names = tuple(entry.name for entry in inventory.hosts)
    strange = sorted(only.difference(names))
    if strange:
        raise UsageError(
            f"{name_some(strange)} is not in the inventory",
            guard="inventory",
            got=", ".join(strange),
            expected=name_some(list(names)),
            next_step="correct the name, or add the host to the inventory",
        )
    return tuple(name for name in names if name in only or not only)


async def stage_on(
    file: FileSource, keepers: Mapping[str, FileKeeper], heard: Callable[[StagedOn], None]
) -> tuple[StagedOn, ...]:
    """Bring the file to all targets, each through its keeper."""
    token, free = secrets.token_hex(8), asyncio.Semaphore(AT_ONCE)

    async def bring(target: str, keeper: FileKeeper) -> StagedOn:
        async with free:
            try:
                found = StagedOn(target=target, outcome=await _send(file, target, keeper, token))
            except NotKept as error:
                outcome = StageOutcome.SILENT if error.silent else StageOutcome.FAILED
                found = StagedOn(target=target, outcome=outcome, why=error.what)
        log.info("%s: %s", target, found.outcome)
        heard(found)
        return found

    return tuple(await asyncio.gather(*(bring(*each) for each in keepers.items())))


async def _send(file: FileSource, target: str, keeper: FileKeeper, token: str) -> StageOutcome:
    if await keeper.begin(target, file.sha256, file.size, token):
        return StageOutcome.ALREADY_THERE
    offset = 0
    while chunk := await file.chunk(offset):
        await keeper.append(target, file.sha256, offset, token, chunk)
        offset += len(chunk)
    await keeper.finish(target, file.sha256, file.size, token)
    return StageOutcome.STAGED
