"""What OpenSSH would do for a host, from what `ssh -G` prints.

So Host, Match, Include, defaults and canonicalisation mean exactly what they mean to `ssh`. What
our own stack cannot honour, and what would make `ssh` refuse, is refused here by name, never
ignored.
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from remediations.reach.connection import HostUnreachable
from remediations.reach.transport import Algorithms, Transport, allowed_algorithms, transport_of

UNSUPPORTED = {
    "revokedhostkeys": "keys listed there would be accepted",
    "knownhostscommand": "host keys that it names would be unknown",
    "pkcs11provider": "its keys cannot be used (load them into the agent: `ssh-add -s`)",
    "proxyusefdpass": "its descriptor cannot be taken over",
    "securitykeyprovider": "its keys cannot be used (load them into the agent: `ssh-add`)",
    "bindinterface": "the connection would leave by another interface",
}
"""Options whose loss would weaken or break a login, with what would go wrong."""
NONE_VALUES = frozenset({"", "none"})
OFF_VALUES = NONE_VALUES | {"no", "internal", "$ssh_sk_provider"}
"""The last two are what SecurityKeyProvider is where nobody set it."""


@dataclass(frozen=True, kw_only=True)
class SshSettings:
    """The effective settings of one host. Paths are expanded; empty tuples mean none.

    `argv` are the arguments that lead `ssh` there. `known_hosts` are files that exist; identities
    and certificates need not: the key may lie in the agent. `agent` is its socket.
    """

    alias: str
    argv: tuple[str, ...]
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
    algorithms: Algorithms
    transport: Transport


def parse_settings(alias: str, text: str, argv: tuple[str, ...]) -> SshSettings:
    """The output of `ssh -G` as settings.

    Raises:
        HostUnreachable: an option is set that we cannot honour.
    """
    options: dict[str, list[str]] = {}
    for line in text.split("\n"):
        key, _, value = line.partition(" ")
        options.setdefault(key.lower(), []).append(value.strip())
    one = {key: values[0] for key, values in options.items()}
    _refuse_unsupported(alias, argv, one)
    hostname, port, user = one.get("hostname", alias), one.get("port", "22"), one.get("user", "")
    key_alias = one.get("hostkeyalias", "")
    values = token_values(argv[-1].rpartition("@")[2], hostname, port, user, key_alias)
    try:
        identities = _files(options.get("identityfile", []), values)
        certificates = _files(options.get("certificatefile", []), values)
        proxy = expand(_unless_none(one, "proxycommand"), values)
        left = allowed_algorithms(one)
    except UnknownTokenError as error:
        expected = f"tokens and variables with a value; known are %{' %'.join(values)}"
        raise settings_refusal(alias, argv, "ssh_config", str(error), expected) from error
    except ValueError as error:
        expected = "a list with an algorithm that asyncssh knows, too"
        raise settings_refusal(alias, argv, "ssh_config", str(error), expected) from error
    jumps = _unless_none(one, "proxyjump")
    return SshSettings(
        alias=alias,
        argv=argv,
        hostname=hostname,
        port=int(port),
        user=user,
        host_key_alias=key_alias,
        known_hosts=_existing(one.get("userknownhostsfile", ""))
        + _existing(one.get("globalknownhostsfile", "")),
        identities=identities,
        certificates=certificates,
        identities_only=one.get("identitiesonly", "no") == "yes",
        agent=_agent(one.get("identityagent", "")),
        jumps=tuple(jumps.split(",")) if jumps else (),
        proxy_command=proxy,
        algorithms=left,
        transport=transport_of(one),
    )


def _unless_none(one: Mapping[str, str], key: str) -> str:
    value = one.get(key, "")
    return "" if value.lower() in NONE_VALUES else value


def _agent(value: str) -> str | None:
    """The socket: IdentityAgent, or else the environment's; "none" is no agent at all."""
    if value.lower() == "none":
        return None
    if value in ("", "SSH_AUTH_SOCK"):
        return os.environ.get("SSH_AUTH_SOCK")
    return os.environ.get(value[1:].strip("{}")) if value.startswith("$") else value


def _files(names: list[str], values: Mapping[str, str]) -> tuple[Path, ...]:
    wanted = [name for name in names if name.lower() not in NONE_VALUES]
    return tuple(expand_path(name, values) for name in wanted)


def _existing(value: str) -> tuple[Path, ...]:
    """The files of a list that are there: `ssh` passes over the others without a word.

    `ssh -G` prints names with spaces unquoted: the longest name that exists is meant.
    """
    words, found = [] if value in NONE_VALUES else value.split(" "), []
    while words:
        for length in range(len(words), 0, -1):
            path = Path(" ".join(words[:length]))
            if _there(path):
                found.append(path)
                break
        else:
            length = 1
        del words[:length]
    return tuple(found)


def _there(path: Path) -> bool:
    """Also where one may not look: reading it is refused later, for it might revoke a key."""
    try:
        return path.is_file()
    except PermissionError:
        return True
    except OSError:  # a name that no file can have
        return False


def _refuse_unsupported(alias: str, argv: tuple[str, ...], one: Mapping[str, str]) -> None:
    for option, harm in UNSUPPORTED.items():
        value = one.get(option, "")
        if value.lower() not in OFF_VALUES:
            advice = f"reach {alias} by another name whose ssh_config does not set {option}"
            raise settings_refusal(
                alias, argv, option, value, f"{option} unset: here {harm}", advice
            )
    methods = one.get("preferredauthentications", "publickey")
    if one.get("pubkeyauthentication") in ("no", "false") or "publickey" not in methods.split(","):
        expected = "login by key, the only way known here"
        raise settings_refusal(alias, argv, "authentication", "ssh_config forbids keys", expected)


def settings_refusal(
    alias: str, argv: tuple[str, ...], guard: str, got: str, expected: str, advice: str = ""
) -> HostUnreachable:
    """The refusal of a name, for what ssh_config makes of it. `argv` leads `ssh` there."""
    return HostUnreachable(
        f"{alias}: cannot connect",
        guard=guard,
        got=got,
        expected=expected,
        next_step=advice or f"correct it until this works: `{shlex.join(('ssh', '-G', *argv))}`",
    )


class UnknownTokenError(ValueError):
    """A token or variable that has no value here. OpenSSH ends on it, too."""


def token_values(alias: str, hostname: str, port: str, user: str, key_alias: str) -> dict[str, str]:
    """What each token stands for. `alias` is the name on the command line, without the user."""
    me = pwd.getpwuid(os.getuid())
    machine = socket.gethostname()
    return {
        "%": "%",
        "d": me.pw_dir,
        "h": hostname,
        "i": str(me.pw_uid),
        "k": key_alias or alias,
        "L": machine.partition(".")[0],
        "l": machine,
        "n": alias,
        "p": port,
        "r": user,
        "u": me.pw_name,
    }


def expand(text: str, values: Mapping[str, str]) -> str:
    """`text` with its percent tokens replaced.

    Raises:
        UnknownTokenError: there is a token that `values` lacks.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UnknownTokenError(f"{match[0]} in {text}")
        return values[match[1]]

    return re.sub(r"%(.?)", value, text)


def expand_path(text: str, values: Mapping[str, str]) -> Path:
    """A file: tokens, `${VARIABLE}` and `~`.

    Raises:
        UnknownTokenError: a token or variable has no value.
    """

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UnknownTokenError(f"{match[0]} in {text}")
        return os.environ[match[1]]

    whole = re.sub(r"\$\{(\w+)\}", variable, expand(text, values))
    # OpenSSH takes the home directory from the user database: $HOME may be another after sudo.
    return Path(re.sub(r"^~(?=/|$)", values["d"], whole)).expanduser()
