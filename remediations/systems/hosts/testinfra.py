"""A testinfra backend over our own connections: testinfra's paramiko backend checks no host
keys."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from remediations.reach.blocking import BlockingReach

COMMAND_TIMEOUT_S = 20.0


class RemediateBackend(BaseBackend):
    """Runs testinfra's commands on one inventory host."""

    NAME = "remediate"

    def __init__(self, reach: BlockingReach, host: str) -> None:
        super().__init__(host)
        self._reach = reach
        self._name = host

    def get_encoding(self) -> str:
        """UTF-8: testinfra would ask the host for it, by an additional command."""
        return "utf-8"

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:  # noqa: ANN401 - testinfra's signature
        """Runs one command, with testinfra's quoting and handling of `sudo`.

        Raises:
            AssertionError: the answer is incomplete: it proves nothing, and fails the check.
        """
        text = self.get_command(command, *args)
        done = self._reach.run(self._name, text, timeout_s=COMMAND_TIMEOUT_S)
        if done.truncated:
            raise AssertionError(f"{self._name}: the answer is larger than what is read of one")
        if done.timed_out:
            raise AssertionError(f"{self._name}: no answer within {COMMAND_TIMEOUT_S:.0f} s")
        status = 255 if done.exit_status is None else done.exit_status
        return self.result(status, self.encode(text), done.stdout, done.stderr)


def testinfra_host(reach: BlockingReach, name: str) -> Host:
    """The testinfra host object for the inventory host `name`."""
    backend = RemediateBackend(reach, name)
    host = Host(backend)
    backend.set_host(host)
    return host
