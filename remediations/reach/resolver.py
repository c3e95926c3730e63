"""Where a name leads, according to OpenSSH itself (`ssh -G`), with a checked program and file.

There is no other way to a host: all code that connects, or says where a name leads, uses an
`SshResolver`, and gets it from `resolver_for`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from remediations.files.trusted import TrustedFile
from remediations.machine.config import MachineConfig
from remediations.machine.programs import SSH, Program, load_program
from remediations.reach.background import kill_group, wait_for_exit
from remediations.reach.settings import SshSettings, parse_settings, settings_refusal
from remediations.reach.ssh_config import read_ssh_config
from remediations.values.elapsed import elapsed_ms
from remediations.values.inventory import Inventory

log = logging.getLogger(__name__)
SSH_G_TIMEOUT_S = 10.0
ANSWER_LIMIT = 1_000_000
"""Bytes of each stream; `ssh -G` prints a hundredth of that."""
STANDARD_INPUT = "/dev/stdin"


@dataclass(frozen=True, kw_only=True)
class SshResolver:
    """Resolves names. `config` is the file that an inventory names, as it was read and checked;
    None means OpenSSH's own files."""

    ssh: Program
    config: TrustedFile | None

    async def settings(self, alias: str, *, jump: bool = False) -> SshSettings:
        """The settings of `alias`, a name for ssh_config; for a `jump` also user@host:port.

        Raises:
            HostUnreachable: ssh_config has an option that we cannot honour, or `ssh` fails.
        """
        where = _jump_target(alias) if jump else (alias,)
        argv = (*(("-F", str(self.config.path)) if self.config else ()), *where)
        began = time.monotonic()
        try:
            async with asyncio.timeout(SSH_G_TIMEOUT_S):
                status, out, err = await self._ask(where)
        except (OSError, ValueError) as error:
            log.info("%s: ssh -G does not answer after %d ms", alias, elapsed_ms(began))
            got = str(error) or f"no answer within {SSH_G_TIMEOUT_S:.0f} s"
            raise settings_refusal(alias, argv, "ssh -G", got, "its settings") from error
        log.debug("%s: ssh -G ended with %s after %d ms", alias, status, elapsed_ms(began))
        if status:
            got = self._complaint(err)
            raise settings_refusal(alias, argv, "ssh_config", got, "settings without an error")
        return parse_settings(alias, out.decode(errors="replace"), argv)

    async def _ask(self, where: tuple[str, ...]) -> tuple[int | None, bytes, bytes]:
        # Files, not pipes: a program of `Match exec` may go on and keep a pipe open.
        with self._read_once() as text, _memory() as out, _memory() as err:
            process = subprocess.Popen(
                (
                    *(str(self.ssh.path), "-G", *(("-F", STANDARD_INPUT) if self.config else ())),
                    *(*where[:-1], "--", where[-1]),
                ),
                stdin=text or subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                await wait_for_exit(process)
            finally:
                if process.returncode is None:
                    kill_group(process)
                    await wait_for_exit(
                        process
                    )  # not `wait`, which would block all if a dead disk blocks it
            return process.returncode, _head(out), _head(err)

    @contextmanager
    def _read_once(self) -> Iterator[IO[bytes] | None]:
        """The bytes that were checked, for `ssh` to read: the file may have changed since."""
        if self.config is None:
            yield None
            return
        with _memory() as text:
            text.write(self.config.data)
            text.flush()
            yield text

    def _complaint(self, said: bytes) -> str:
        """The line of `ssh` that names file and line, rather than the last one ("terminating")."""
        text = said.decode(errors="replace").strip()
        if self.config is not None:
            text = text.replace(STANDARD_INPUT, str(self.config.path))
        lines = text.splitlines()
        return next((line for line in lines if "line " in line), lines[-1] if lines else "an error")


def resolver_for(config: MachineConfig, inventory: Inventory) -> SshResolver:
    """The resolver for the names of `inventory`: the ssh of this machine with the ssh_config of the
    inventory. Starts nothing.

    Raises:
        MachineError: ssh is missing, or others could have replaced it.
        UsageError: ssh_config cannot be read, or others could have written it.
    """
    return SshResolver(
        ssh=load_program(config.ssh, SSH), config=read_ssh_config(inventory.ssh_config)
    )


def _memory() -> IO[bytes]:
    """A file in memory: the disk of the bastion may be full, especially in an incident."""
    return os.fdopen(os.memfd_create("ssh_config"), "w+b")


def _head(file: IO[bytes]) -> bytes:
    return os.pread(file.fileno(), ANSWER_LIMIT, 0)


def _jump_target(jump: str) -> tuple[str, ...]:
    """The arguments for [user@]host[:port], where `ssh` takes the port as an option."""
    name, _, port = jump.rpartition(":")
    if name and port.isdigit() and (name.endswith("]") or ":" not in name):
        return "-p", port, name.replace("[", "").replace("]", "")
    return (jump.replace("[", "").replace("]", ""),)
