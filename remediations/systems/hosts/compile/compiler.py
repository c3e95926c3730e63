"""Compiles deploys: twice, in two children with different hash seeds, and compares.

A deploy that depends on anything but its host data (time, random names, the order of a set) yields
two different results and is refused. Both children live as long as the `Compiler` is open. A child
takes 0.3 s to start, and meanwhile hosts can be read; compiling for a hundred hosts takes 0.1 s.
The same request is compiled only once.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Self

from remediations.errors import Refused, UsageError
from remediations.files.shipped import shipped_path
from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.compile.process import CompileChild
from remediations.systems.hosts.compile.wire import CompileReply, CompileRequest
from remediations.values.elapsed import elapsed_ms
from remediations.values.wire import canonical

log = logging.getLogger(__name__)
HASH_SEEDS = (1, 2)

DEPLOY_NAME = re.compile(r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?")
DATA_KEY = re.compile(r"[a-z][a-z0-9_]*")
"""Keys with a leading underscore are pyinfra's global arguments."""


class Compiler:
    """A context manager: `with Compiler() as compiler: compiler.compile_deploy("chain/start", …)`.

    `directory` has the deploys; by default it is that of this package.

    Raises:
        MachineError: a compiling child could not be started (on entering).
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._children: tuple[CompileChild, ...] = ()
        self._compiled: dict[bytes, dict[str, tuple[HostCommand, ...]]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._children = tuple(held.enter_context(closing(CompileChild(s))) for s in HASH_SEEDS)
            held.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for child in self._children:
            child.close()
        self._children = ()

    def compile_deploy(
        self, deploy: str, hosts: Mapping[str, Mapping[str, str | int]]
    ) -> dict[str, tuple[HostCommand, ...]]:
        """The commands that `deploy` yields for each host, in order: at least one.

        Raises:
            UsageError: there is no such deploy, no host, or a data key is malformed.
            Refused: the deploy cannot be compiled; says for which host, and what it did.
            MachineError: a compiling child died or took too long.
        """
        path = deploy_path(deploy, self._directory)
        _check_hosts(deploy, hosts)
        request = CompileRequest(
            path=str(path), hosts={name: dict(data) for name, data in hosts.items()}
        )
        asked = canonical(request)
        if asked not in self._compiled:
            self._compiled[asked] = self._ask(deploy, request)
        return self._compiled[asked]

    def _ask(self, deploy: str, request: CompileRequest) -> dict[str, tuple[HostCommand, ...]]:
        began = time.monotonic()
        for child in self._children:
            child.send(request)
        first, second = (child.receive(deploy) for child in self._children)
        log.debug(
            "%s: compiled twice for %d hosts in %d ms",
            *(deploy, len(request.hosts), elapsed_ms(began)),
        )
        return _agreed(deploy, first, second)


def compile_deploy(
    deploy: str, hosts: Mapping[str, Mapping[str, str | int]]
) -> dict[str, tuple[HostCommand, ...]]:
    """`Compiler.compile_deploy` for one deploy, with a compiler of its own."""
    with Compiler() as compiler:
        return compiler.compile_deploy(deploy, hosts)


def _check_hosts(deploy: str, hosts: Mapping[str, Mapping[str, str | int]]) -> None:
    if not hosts:
        raise UsageError(
            f"deploy {deploy} has no hosts to be compiled for",
            guard="compile",
            got="0 hosts",
            expected="one or more",
            next_step="name hosts that the inventory has",
        )
    for host, data in hosts.items():
        for key in data:
            if not DATA_KEY.fullmatch(key):
                raise UsageError(
                    f"{host}: {key!r} cannot be host data",
                    guard="compile",
                    got=repr(key),
                    expected="a lower-case word without a leading underscore",
                    next_step="rename the key",
                )


def _agreed(
    deploy: str, first: CompileReply, second: CompileReply
) -> dict[str, tuple[HostCommand, ...]]:
    for reply in (first, second):
        if reply.rejection is not None:
            raise _refused(deploy, reply.rejection.host, reply.rejection.did)
    for host, commands in first.commands.items():
        if second.commands.get(host) != commands:
            raise _refused(deploy, host, "yields other commands when it is compiled again")
    return first.commands


def _refused(deploy: str, host: str, did: str) -> Refused:
    where = f" on {host}" if host else ""
    return Refused(
        f"deploy {deploy} cannot be compiled:{where} it {did}",
        guard="compile",
        got=did,
        expected="shell steps that follow from the host data alone, the same each time",
        next_step=f"change deploys/{deploy}.py, or correct what is known of {host or 'its hosts'} "
        "(`remediate diagnose`)",
    )


def deploys_directory() -> Path:
    """The directory of the deploys: a directory for each domain, in it one deploy per file.

    Raises:
        UsageError: this installation lacks it.
    """
    return shipped_path("deploys")


def deploy_path(name: str, directory: Path | None = None) -> Path:
    """The file of the deploy called `name`: `DOMAIN/FILE`, without `.py`.

    Raises:
        UsageError: the name is malformed, or there is no such deploy.
    """
    directory = directory or deploys_directory()
    path = directory / f"{name}.py"
    if not DEPLOY_NAME.fullmatch(name) or not path.is_file():
        known = sorted(
            str(found.relative_to(directory).with_suffix("")) for found in directory.rglob("*.py")
        )
        raise UsageError(
            f"there is no deploy {name!r}",
            guard="deploys",
            got=name,
            expected=", ".join(known) or f"a file in {directory}",
            next_step="use one of these names",
        )
    return path.resolve()
