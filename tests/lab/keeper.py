"""Keeps one lab alive, and clears all of it away when its owner is gone.

`python -m tests.lab.keeper NUMBER DIRECTORY` boots every host whose `wanted` file says "on", again
after a reboot from inside or a power cut that is over. It ends, and takes the lab down, on SIGTERM
or when its standard input closes: a test process that is killed closes it too. `make lab` gives it
/dev/null and `--stay`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.lab.claims import kill_all, remove
from tests.lab.machine import OFF, ON, Machine
from tests.lab.net import LabNet
from tests.lab.spec import HOSTS

TURN_S = 0.1
POWER_OFF_LIMIT_S = 5.0


class Keeper:
    """The hosts of one lab and the processes they run in."""

    def __init__(self, number: int, directory: Path) -> None:
        self._number = number
        self._directory = directory
        net = LabNet(number)
        self._machines = [Machine(spec, net, directory / "hosts" / spec.name) for spec in HOSTS]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = False

    def end(self, *_: object) -> None:
        """Asked to end (a signal handler)."""
        self._ending = True

    def keep(self, *, stay: bool) -> None:
        """Until asked to end: what is wanted on is on."""
        while not self._ending:
            for machine in self._machines:
                self._turn(machine)
            if stay:
                time.sleep(TURN_S)
            elif select.select([sys.stdin], [], [], TURN_S)[0] and not os.read(0, 1):
                self._ending = True
        self._take_down()

    def _turn(self, machine: Machine) -> None:
        process = self._running.get(machine.name)
        if process is not None and process.poll() is not None:
            (machine.directory / "pid").unlink(missing_ok=True)
            del self._running[machine.name]
            process = None
        wanted = machine.directory / "wanted"
        if process is None and wanted.exists() and wanted.read_text() == ON:
            started = machine.boot()
            self._running[machine.name] = started
            (machine.directory / "pid").write_text(str(started.pid))

    def _take_down(self) -> None:
        for machine in self._machines:
            if machine.directory.exists():
                machine.want(OFF)
        kill_all(self._directory)
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(POWER_OFF_LIMIT_S)
            if process.poll() is None:
                process.kill()
                process.wait()
        kill_all(self._directory)  # one that was just being booted
        remove(self._number, self._directory)


def main() -> None:
    """The program."""
    number, directory, *flags = sys.argv[1:]
    keeper = Keeper(int(number), Path(directory))
    signal.signal(signal.SIGTERM, keeper.end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keeper.keep(stay="--stay" in flags)


if __name__ == "__main__":
    main()
