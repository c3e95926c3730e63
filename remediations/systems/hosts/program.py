"""The one command that reads a host: a shell line, and the bash program for its standard input.

The program is the frame of this room with the fragments of all host systems, and a variable for
each setting. The frame stands last and starts it all.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from remediations.engine.observe.observation import Scope
from remediations.engine.system import HostSystem
from remediations.systems.hosts.guest import GUEST, SERVICE_USER
from remediations.systems.hosts.sections import (
    check_functions_unique,
    merged_settings,
    section_limits,
)
from remediations.values.inventory import HostEntry

BUDGET_MS = 8000
"""What the program on the host may take in all, in milliseconds."""

BEFORE, AFTER = ("foreign.sh", "sections.sh"), ("probe.sh",)
"""The frame: functions for the fragments, and what starts them."""

_BASH = f"timeout -k 1 {BUDGET_MS // 1000 + 1} bash -s"

COMMAND = f"sudo -n {_BASH} || case $? in 1|127) {_BASH};; esac"
"""Run as root, or where sudo refuses (status 1; 127: there is none) as the operator.

The program ends with status 0 whatever it read, so 1 and 127 mean that it was not even begun and
standard input is untouched.
"""


def host_program(entry: HostEntry, scope: Scope, systems: Sequence[HostSystem]) -> bytes:
    """The program for `entry`. Settings stand in front of it, never among its arguments.

    Raises:
        Refused: two systems have a section, a function or a setting of one name.
    """
    ordered = sorted(systems, key=lambda system: system.name)
    frame = {
        "remediate_scope": scope.value,
        "remediate_budget_ms": str(BUDGET_MS),
        "remediate_guest": GUEST,
        "remediate_limits": " ".join(
            f"[{n}]={size}" for n, size in section_limits(ordered).items()
        ),
        "remediate_systems": " ".join(system.name for system in ordered),
    }
    fragments = [system.fragment for system in ordered]
    texts = [SERVICE_USER, *map(shell_text, BEFORE), *fragments, *map(shell_text, AFTER)]
    check_functions_unique(texts, ordered)
    return confined("".join(texts), merged_settings(frame, entry, ordered))


def confined(text: str, settings: Mapping[str, str]) -> bytes:
    """What `COMMAND` takes to run `text`, a bash program that finds `settings` as variables.

    `confine.sh` sees to it that all that is started there ends with it. Its last line starts it, so
    half of what is returned does nothing.
    """
    variables = {**settings, "remediate_program": text}
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())
    return (head + shell_text("confine.sh")).encode()


@cache
def shell_text(name: str) -> str:
    """The text of one file of this room."""
    return files("remediations.systems.hosts").joinpath(name).read_text()
