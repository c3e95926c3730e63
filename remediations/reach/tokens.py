"""The tokens of ssh_config that `ssh -G` leaves as they are: in IdentityFile, CertificateFile and
ProxyCommand (TOKENS in ssh_config(5))."""

from __future__ import annotations

import os
import pwd
import re
import socket
from collections.abc import Mapping
from pathlib import Path


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
