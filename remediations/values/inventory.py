"""Who the machines are: the parsed inventory (read by `remediations.engine.observe.inventory`)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

import msgspec

from remediations.values.record import Record

HaltedAfter = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
"""Seconds without a block that count as halted."""


class Role(StrEnum):
    """What a host is there for, as its operator says; the chain may say otherwise."""

    VALIDATOR = "validator"
    FULL = "full"
    STANDBY = "standby"
    BASTION = "bastion"


class HostEntry(Record, frozen=True, kw_only=True):
    """One host. What is None is discovered on the host, never guessed.

    `ssh` is the name given to ssh_config; `unit` pins the systemd unit; `home` the daemon's home;
    `rpc` the URL of the RPC as seen from the host itself.
    """

    name: str
    role: Role
    ssh: str
    unit: str | None = None
    home: str | None = None
    rpc: str | None = None


class Inventory(Record, frozen=True, kw_only=True, dict=True):
    """All hosts of one chain, with the settings of that chain.

    `ssh_config` and `allowed_signers` are absolute paths or None (OpenSSH's own files).
    `halted_after_s` is at most a day. `sha256` is that of the file's bytes, "" where there is none.
    """

    path: str
    sha256: str = ""
    chain_id: str
    halted_after_s: HaltedAfter
    ssh_config: str | None
    allowed_signers: str | None
    hosts: tuple[HostEntry, ...]

    def host(self, name: str) -> HostEntry:
        """The entry called `name`.

        Raises:
            KeyError: there is none.
        """
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, HostEntry]:
        """Every connection asks for its host."""
        return {entry.name: entry for entry in self.hosts}
