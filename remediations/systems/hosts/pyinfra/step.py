"""The only kind of command that may be compiled: a shell text with a declared outcome."""

from __future__ import annotations

from typing import Literal

from pyinfra.api.command import StringCommand

from remediations.systems.hosts.probe import Probe

Fidelity = Literal["exact", "conditional", "read-only"]
"""How sure the preview is; the values of `remediations.engine.plan.plan.Fidelity`."""

REFUSED_ON_HOST = 64
"""The exit code of a text that found the world changed and did nothing."""

CONNECTION_MARGIN_S = 15
"""What plain pyinfra waits longer than the text's own limit."""


class ShellStep(StringCommand):
    """A whole `/bin/sh` program, run as root, that ends within `timeout_s` seconds.

    Exit 0: the effect is there (made now, or already so). 64: refused, nothing was done. Anything
    else: it failed, perhaps after it acted. `probe` is the built-in question that tells whether the
    effect is there; `undo` says how it is undone, or why it cannot be.
    """

    def __init__(
        self,
        text: str,
        *,
        operation: str,
        timeout_s: int,
        fidelity: Fidelity,
        probe: Probe,
        undo: str,
    ) -> None:
        super().__init__(text, _timeout=timeout_s + CONNECTION_MARGIN_S)
        self.text = text
        self.operation = operation
        self.timeout_s = timeout_s
        self.fidelity: Fidelity = fidelity
        self.probe = probe
        self.undo = undo
