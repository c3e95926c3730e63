"""What OpenSSH would do for a host, from the output of `ssh -G`.

So Host, Match, Include, defaults and canonicalisation mean exactly what they mean to `ssh`. Options
that our SSH library cannot honour, and settings with which `ssh` would fail, are refused by name
and never ignored. `ssh -G` does not expand the tokens in IdentityFile, CertificateFile and
ProxyCommand (TOKENS in ssh_config(5)), so that is done here.
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
"""Options that cannot be ignored without weakening or breaking a login, and what would go wrong."""
NONE_VALUES = frozenset({"", "none"})
OFF_VALUES = NONE_VALUES | {"no", "internal", "$ssh_sk_provider"}
"""The last two are the defaults of SecurityKeyProvider."""


@dataclass(frozen=True, kw_only=True)
class SshSettings:
    """The effective settings of one host. Paths are expanded; empty tuples mean none.

    `argv` are the arguments with which `ssh` reaches it. `known_hosts` are existing files;
    identities and certificates may be missing, since the agent may hold the key. `agent` is its
    socket.
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
    """Parse the output of `ssh -G`.

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
        expected = "a list with at least one algorithm that asyncssh knows"
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
    """The socket of the agent: IdentityAgent, or else the environment's; None for "none"."""
    if value.lower() == "none":
        return None
    if value in ("", "SSH_AUTH_SOCK"):
        return os.environ.get("SSH_AUTH_SOCK")
    return os.environ.get(value[1:].strip("{}")) if value.startswith("$") else value


def _files(names: list[str], values: Mapping[str, str]) -> tuple[Path, ...]:
    wanted = [name for name in names if name.lower() not in NONE_VALUES]
    return tuple(expand_path(name, values) for name in wanted)


def _existing(value: str) -> tuple[Path, ...]:
    """The files of a list that exist: `ssh` silently ignores the others.

    `ssh -G` does not quote names with spaces, so the longest name that exists is taken.
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
    """True also if access is denied: reading it fails later, because it might revoke a key."""
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
        expected = "login by key, the only supported method"
        raise settings_refusal(alias, argv, "authentication", "ssh_config forbids keys", expected)


def settings_refusal(
    alias: str, argv: tuple[str, ...], guard: str, got: str, expected: str, advice: str = ""
) -> HostUnreachable:
    """The refusal of a name because of its settings. `argv` are the arguments of `ssh` for it."""
    return HostUnreachable(
        f"{alias}: cannot connect",
        guard=guard,
        got=got,
        expected=expected,
        next_step=advice or f"correct it until this works: `{shlex.join(('ssh', '-G', *argv))}`",
    )


class UnknownTokenError(ValueError):
    """A token or variable that has no value. OpenSSH fails on it as well."""


def token_values(alias: str, hostname: str, port: str, user: str, key_alias: str) -> dict[str, str]:
    """The value of each token. `alias` is the name on the command line, without the user."""
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
        UnknownTokenError: a token is not in `values`.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UnknownTokenError(f"{match[0]} in {text}")
        return values[match[1]]

    return re.sub(r"%(.?)", value, text)


def expand_path(text: str, values: Mapping[str, str]) -> Path:
    """The path `text` with its tokens, `${VARIABLE}` and `~` replaced.

    Raises:
        UnknownTokenError: a token or variable has no value.
    """

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UnknownTokenError(f"{match[0]} in {text}")
        return os.environ[match[1]]

    whole = re.sub(r"\$\{(\w+)\}", variable, expand(text, values))
    # OpenSSH takes the home directory from the user database: $HOME may differ after sudo.
    return Path(re.sub(r"^~(?=/|$)", values["d"], whole)).expanduser()
