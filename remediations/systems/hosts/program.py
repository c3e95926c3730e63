"""The one command that reads a host: a shell line, and the bash program for its standard input."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.resources import files

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.journal_lines import PATTERN
from remediations.systems.comet.secrets import CREDENTIALS, USERINFO
from remediations.systems.hosts.guest import GUEST, SERVICE_USER
from remediations.systems.hosts.sections import LIMITS
from remediations.values.inventory import HostEntry

BUDGET_MS = 8000
"""What the program on the host may take in all, in milliseconds."""

PARTS = ("foreign.sh", "discover.sh", "sections.sh", "probe.sh")
"""Functions first; the last line of the last part starts them."""

_BASH = f"timeout -k 1 {BUDGET_MS // 1000 + 1} bash -s"

COMMAND = f"sudo -n {_BASH} || case $? in 1|127) {_BASH};; esac"
"""Run as root, or where sudo refuses (status 1; 127: there is none) as the operator.

The program ends with status 0 whatever it read, so 1 and 127 mean that it was not even begun and
standard input is untouched.
"""


def program(entry: HostEntry, scope: Scope) -> bytes:
    """The program for `entry`. Settings stand in front of it, never among its arguments."""
    return under_roof(
        SERVICE_USER + "".join(part(name) for name in PARTS),
        {
            "remediate_scope": scope.value,
            "remediate_budget_ms": str(BUDGET_MS),
            "remediate_unit": entry.unit or "",
            "remediate_home": entry.home or "",
            "remediate_rpc": entry.rpc or "",
            "remediate_limits": " ".join(f"[{name}]={size}" for name, size in LIMITS.items()),
            "remediate_signatures": PATTERN,
            "remediate_guest": GUEST,
            "remediate_userinfo": USERINFO,
            "remediate_credentials": CREDENTIALS,
        },
    )


def under_roof(text: str, settings: Mapping[str, str]) -> bytes:
    """What `COMMAND` takes to run `text`, a bash program that finds `settings` as variables.

    `roof.sh` sees to it that all that is started there ends with it. Its last line starts it, so
    half of what is returned does nothing.
    """
    variables = {**settings, "remediate_program": text}
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    return (head + part("roof.sh")).encode()


def part(name: str) -> str:
    """The text of one file of this room."""
    return files("remediations.systems.hosts").joinpath(name).read_text()
