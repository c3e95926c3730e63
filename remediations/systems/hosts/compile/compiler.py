"""Compiles deploys: twice, in two children with different hash seeds, and compares.

A deploy that depends on anything but its host data (time, random names, the order of a set) gives
two answers and is refused. Both children live as long as the `Compiler` is open: one needs 0.3 s to
start, meanwhile hosts can be read; compiling a hundred hosts takes 0.1 s. The same question is
answered once.
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
from remediations.systems.hosts.command import HostCommand
from remediations.systems.hosts.compile.deploys import deploy_path
from remediations.systems.hosts.compile.process import CompileChild
from remediations.systems.hosts.compile.wire import CompileReply, CompileRequest
from remediations.values.elapsed import elapsed_ms
from remediations.values.wire import canonical

log = logging.getLogger(__name__)
HASH_SEEDS = (1, 2)

DATA_KEY = re.compile(r"[a-z][a-z0-9_]*")
"""A key with a leading underscore would be one of pyinfra's global arguments."""


class Compiler:
    """A context manager: `with Compiler() as compiler: compiler.compile_deploy("start_node", …)`.

    `directory` holds the deploys; by default those of this package.

    Raises:
        MachineError: on entering: a compiling child could not be started.
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
        """The commands that `deploy` yields for each host, in order, and never an empty answer.

        Raises:
            UsageError: there is no such deploy, or no hosts, or a data key is none.
            Refused: the deploy cannot be compiled; says on which host and what it did.
            MachineError: a compiling child died, or took too long.
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
    """`Compiler.compile_deploy` for one deploy, with children of its own."""
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
