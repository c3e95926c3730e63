"""The one command that reads a host: a shell line, and the bash program for its standard input."""

from __future__ import annotations

import shlex
from importlib.resources import files

from remediations.model.inventory import HostEntry
from remediations.observe.observation import Scope
from remediations.observe.signatures import PATTERN

BUDGET_MS = 8000
"""What the program on the host may take in all, in milliseconds."""

PARTS = ("discover.sh", "probe.sh")
"""Functions first; the last line of the last part starts them, so half a program does nothing."""

_BASH = f"timeout -k 1 {BUDGET_MS // 1000 + 1} bash -s"

COMMAND = f"sudo -n {_BASH} || case $? in 1|127) {_BASH};; esac"
"""Run as root, or where sudo refuses (status 1; 127: there is none) as the operator.

The program ends with status 0 whatever it read, so 1 and 127 mean that it was not even begun and
standard input is untouched.
"""


def program(entry: HostEntry, scope: Scope) -> bytes:
    """The program for `entry`. Settings stand in front of it, never among its arguments."""
    settings = {
        "remediate_scope": scope.value,
        "remediate_budget_ms": str(BUDGET_MS),
        "remediate_unit": entry.unit or "",
        "remediate_home": entry.home or "",
        "remediate_rpc": entry.rpc or "",
        "remediate_signatures": PATTERN,
    }
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    room = files("remediations.observe")
    return head.encode() + b"".join(room.joinpath(name).read_bytes() for name in PARTS)
