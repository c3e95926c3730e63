"""One command for one host, with its declared outcome: what an operation yields."""

from __future__ import annotations

from typing import Literal

from remediations.systems.hosts.probe import Probe
from remediations.values.record import Record

Fidelity = Literal["exact", "conditional", "read-only"]
"""How sure the preview is: the values of `engine.plan.plan.Fidelity`, which plain pyinfra must not
load."""


class HostCommand(Record, frozen=True, kw_only=True):
    """The exact text for `/bin/sh` as root on one host.

    Exit 0: the effect is there (made now, or there already). 64: refused, nothing was done. Any
    other status: it failed, perhaps after it had acted. `timeout_s` is the program's own limit in
    seconds. `probe` is the built-in question whether the effect is there. `undo` says
    how it is undone, or why it cannot be.
    """

    operation: str
    text: str
    timeout_s: int
    fidelity: Fidelity
    probe: Probe
    undo: str
