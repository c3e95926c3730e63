"""The only kind of command that may be compiled: a shell text with a declared outcome."""

from __future__ import annotations

from pyinfra.api.command import StringCommand

from remediations.systems.hosts.command import HostCommand

CONNECTION_MARGIN_S = 15
"""How much longer than the text's own limit plain pyinfra waits."""


class ShellStep(StringCommand):
    """A whole `/bin/sh` program, run as root, that ends within `command.timeout_s` seconds."""

    def __init__(self, command: HostCommand) -> None:
        super().__init__(command.text, _timeout=command.timeout_s + CONNECTION_MARGIN_S)
        self.command = command
