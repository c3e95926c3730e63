"""The one command that reads a host: a shell line, and the bash program for its standard input.

The program consists of a variable for each setting, the frame of this package, and the fragments of
the host systems that are on the host. The end of the frame comes last, and starts everything.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from remediations.engine.observe.observation import Scope
from remediations.engine.system import HostSystem
from remediations.systems.hosts.guest import GUEST, SERVICE_USER
from remediations.systems.hosts.sections import (
    check_functions_unique,
    merged_settings,
    section_limits,
)
from remediations.values.inventory import HostEntry, Inventory

BUDGET_MS = 20_000
"""Milliseconds that the program on the host may take in all. It takes three where nothing hangs; a
host that is busy is one to be mended, and what decides has to be read there, too."""

BEFORE, AFTER = ("foreign.sh", "sections.sh"), ("probe.sh",)
"""The frame: functions for the fragments; and what starts them."""

_BASH = f"timeout -k 1 {BUDGET_MS // 1000 + 1} bash -s"

COMMAND = f"sudo -n {_BASH} || case $? in 1|127) {_BASH};; esac"
"""Run as root, or as the operator if sudo refuses (status 1) or does not exist (status 127).

The program ends with status 0 whatever it read. So 1 and 127 mean that it was not started, and that
standard input is untouched.
"""


def root_command(text: str, limit_s: int) -> str:
    """The shell line that runs `text`, a program for `/bin/sh`, as root for at most so many
    seconds."""
    return f"sudo -n timeout -k 5 {limit_s} /bin/sh -c {shlex.quote(text)} remediate"


def host_program(
    entry: HostEntry,
    scope: Scope,
    systems: Sequence[HostSystem],
    inventory: Inventory | None = None,
) -> bytes:
    """The program for `entry` of `inventory`, with the systems that are on it. Settings are
    assigned before it, and are never among its arguments.

    Raises:
        Refused: two systems have a section, a function or a setting of the same name.
    """
    on_it = [system for system in systems if system.is_on(entry)]
    ordered = sorted(on_it, key=lambda system: system.name)
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
    return confined("".join(texts), merged_settings(frame, entry, ordered, inventory))


def confined(text: str, settings: Mapping[str, str]) -> bytes:
    """The standard input with which `COMMAND` runs `text`, a bash program, with `settings` as
    variables.

    `confine.sh` makes sure that everything that is started ends with the program. Its last line
    starts it, so half of this input would do nothing.
    """
    head = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    return f"{head}remediate_program={_quoted(text)}\n{shell_text('confine.sh')}".encode()


@lru_cache(maxsize=16)
def _quoted(text: str) -> str:
    """A whole program as one word of a shell; hosts with the same systems run the same one."""
    return shlex.quote(text)


@cache
def shell_text(name: str) -> str:
    """The text of one shell file of this package."""
    return files("remediations.systems.hosts").joinpath(name).read_text()
