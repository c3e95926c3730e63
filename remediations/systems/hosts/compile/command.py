"""What compilation yields: one command for one host, with its declared outcome."""

from __future__ import annotations

from typing import Literal

from remediations.systems.hosts.probe import Probe
from remediations.values.record import Record


class CompiledCommand(Record, frozen=True, kw_only=True):
    """The exact text for `/bin/sh` as root on one host; the fields of `plan.Command` without it.

    `timeout_s` is the program's own limit in seconds. `probe` tells whether the effect is
    there. `undo` says how it is undone, or why it cannot be.
    """

    operation: str
    text: str
    timeout_s: int
    fidelity: Literal["exact", "conditional", "read-only"]
    probe: Probe
    undo: str
