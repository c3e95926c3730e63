"""What OpenSSH would do for a host, told by OpenSSH itself (`ssh -G`).

So Host, Match, Include, tokens and canonicalisation mean exactly what they mean to `ssh`. What our
own stack cannot honour, and what would make `ssh` refuse, is refused here by name, never ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remediations.reach.connection import HostUnreachable

SSH_G_TIMEOUT_S = 10.0
UNSUPPORTED = {
    "revokedhostkeys": "keys listed there would be accepted",
    "knownhostscommand": "host keys that it names would be unknown",
    "pkcs11provider": "its keys cannot be used",
}
"""Options whose loss would weaken or break a login, with what would go wrong."""
NONE_VALUES = frozenset({"", "none"})


@dataclass(frozen=True, kw_only=True)
class SshSettings:
    """The effective settings of one host. Paths are expanded; empty tuples mean none."""

    alias: str
    hostname: str
    port: int
    user: str
    host_key_alias: str
    known_hosts: tuple[Path, ...]
    identities: tuple[Path, ...]
    certificates: tuple[Path, ...]
    identities_only: bool
    agent: str | None
    jumps: tuple[str, ...]
    proxy_command: str


async def settings_of(alias: str, config: str | None) -> SshSettings:
    """The settings of `alias` (a name for ssh_config, or user@host:port of a jump).

    Raises:
        HostUnreachable: ssh_config cannot be read, or asks for what we cannot honour.
    """
    argv = ["ssh", "-G", *(["-F", config] if config else []), *_target(alias)]
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), SSH_G_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        raise _refused(alias, "ssh -G", str(error) or "no answer", "its settings", argv) from error
    if process.returncode:
        said = err.decode(errors="replace").strip().splitlines()
        raise _refused(alias, "ssh_config", said[-1] if said else "an error", "its settings", argv)
    return parse_settings(alias, out.decode(errors="replace"), argv)


def parse_settings(alias: str, text: str, argv: list[str]) -> SshSettings:
    """The output of `ssh -G` as settings.

    Raises:
        HostUnreachable: an option is set that we cannot honour.
    """
    options: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        options.setdefault(key.lower(), []).append(value.strip())
    for option, harm in UNSUPPORTED.items():
        value = options.get(option, [""])[0]
        if value.lower() not in NONE_VALUES:
            raise _refused(
                alias,
                option,
                value,
                f"{option} unset: here {harm}",
                argv,
                f"reach {alias} by another name whose ssh_config does not set {option}",
            )
    one = {key: values[0] for key, values in options.items()}
    jump = one.get("proxyjump", "")
    agent = one.get("identityagent", "")
    return SshSettings(
        alias=alias,
        hostname=one.get("hostname", alias),
        port=int(one.get("port", "22")),
        user=one.get("user", ""),
        host_key_alias=one.get("hostkeyalias", ""),
        known_hosts=_paths(one, "userknownhostsfile") + _paths(one, "globalknownhostsfile"),
        identities=_existing(options.get("identityfile", [])),
        certificates=_existing(options.get("certificatefile", [])),
        identities_only=one.get("identitiesonly", "no") == "yes",
        agent=None if agent.lower() in ("none", "ssh_auth_sock", "") else agent,
        jumps=tuple(jump.split(",")) if jump.lower() not in NONE_VALUES else (),
        proxy_command=""
        if one.get("proxycommand", "").lower() in NONE_VALUES
        else one["proxycommand"],
    )


def _target(alias: str) -> list[str]:
    """A jump may be written user@host:port; `ssh` wants the port apart."""
    name, _, port = alias.rpartition(":")
    return ["-p", port, name] if name and port.isdigit() else [alias]


def _paths(one: Mapping[str, str], key: str) -> tuple[Path, ...]:
    return _existing(one.get(key, "").split())


def _existing(names: list[str]) -> tuple[Path, ...]:
    """Files that are there: `ssh` passes over the others without a word."""
    found = (Path(name).expanduser() for name in names if name.lower() not in NONE_VALUES)
    return tuple(path for path in found if path.is_file())


def _refused(
    alias: str, guard: str, got: str, expected: str, argv: list[str], next_step: str = ""
) -> HostUnreachable:
    return HostUnreachable(
        f"{alias}: cannot connect",
        guard=guard,
        got=got,
        expected=expected,
        next_step=next_step or " ".join(argv),
    )
