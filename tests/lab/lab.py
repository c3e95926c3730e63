"""The lab: seven hosts, a chain of four validators, faults on demand.

lab = Lab.up("demo")
lab.break_stop("val1")
assert not lab.grows(seconds=3)
lab.heal()
lab.pristine()
lab.down()
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from tests.lab.access import Access
from tests.lab.chainnet import install_node, pristine_script
from tests.lab.faults_chain import ChainFaults
from tests.lab.faults_disk import DiskFaults
from tests.lab.faults_keys import KeyFaults
from tests.lab.faults_network import NetworkFaults
from tests.lab.faults_process import ProcessFaults
from tests.lab.homes import Network, network
from tests.lab.image import base_image
from tests.lab.machine import ON, Machine
from tests.lab.needs import require
from tests.lab.net import LabNet
from tests.lab.shell import LabError
from tests.lab.spec import HOSTS, NODES
from tests.lab.world import World

CHECKOUT = Path(__file__).parents[2]
LOCKS = Path("/run/lock")
NUMBERS = range(200)
FIRST_BLOCKS = 3
START_LIMIT_S = 45.0
DOWN_LIMIT_S = 20.0


class Lab(ProcessFaults, DiskFaults, NetworkFaults, ChainFaults, KeyFaults):
    """One running lab."""

    def __init__(self, name: str, number: int, chain: Network) -> None:
        super().__init__()
        self.name = name
        self.directory = CHECKOUT / ".lab" / name
        self.net = LabNet(number)
        self.chain = chain
        self.hosts = {
            spec.name: Machine(spec, self.net, self.directory / "hosts" / spec.name)
            for spec in HOSTS
        }
        self.world = World(self.net, self.hosts)
        self.access = Access(self.directory, self.hosts)

    @classmethod
    def up(cls, name: str, *, stay: bool = False) -> Lab:
        """Boot it and start its chain. Without `stay` it goes down with this process, however
        that ends.

        Raises:
            LabError: this machine cannot, or something did not start.
        """
        require()
        chain, base = network(), base_image()
        sweep(CHECKOUT / ".lab" / name)
        number, lock = _number()
        lab = cls(name, number, chain)
        lab._boot(base, lock, stay=stay)
        lab.pristine()
        return lab

    @classmethod
    def attach(cls, name: str) -> Lab:
        """The lab of that name, which another process keeps.

        Raises:
            LabError: it is not up.
        """
        directory = CHECKOUT / ".lab" / name
        if _keeper(directory) is None:
            raise LabError(f"lab {name} is not up; `make lab` brings it up")
        return cls(name, int((directory / "number").read_text()), network())

    def down(self) -> None:
        """Take it away, and wait until nothing of it is left."""
        keeper = _keeper(self.directory)
        if keeper is not None:
            os.kill(keeper, signal.SIGTERM)
        end = time.monotonic() + DOWN_LIMIT_S
        while self.directory.exists() and time.monotonic() < end:
            self._reap()
            time.sleep(0.05)
        self._reap()
        if self.directory.exists():
            sweep(self.directory)

    def pristine(self) -> None:
        """A new chain at height 2 or above, on hosts as they were after booting."""
        self.heal()
        machines = [self.hosts[spec.name] for spec in NODES]
        self.everywhere(machines, "stop")
        for machine in machines:
            install_node(machine, self.chain)
        self.everywhere(machines, "start")
        self.wait_height(FIRST_BLOCKS, START_LIMIT_S)

    def everywhere(self, machines: Iterable[Machine], what: str) -> None:
        """One of the pristine scripts on many hosts at once."""
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            list(pool.map(lambda m: m.sh(pristine_script(m.spec, what)), machines))

    def wait_height(self, height: int, timeout: float, *hosts: str) -> None:
        """Wait until every started node (or those named) has this height.

        Raises:
            LabError: not in time; names the heights.
        """
        names = hosts or tuple(s.name for s in NODES if s.node is not None and s.node.started)
        end = time.monotonic() + timeout
        while True:
            heights = self.world.heights(*names)
            if all(h is not None and h >= height for h in heights.values()):
                return
            if time.monotonic() > end:
                raise LabError(f"no height {height} within {timeout} s: {heights}")
            time.sleep(0.1)

    def grows(self, seconds: float = 4.0, blocks: int = 2) -> bool:
        """Whether the highest node gets so many more blocks within so many seconds."""
        start = self.world.top()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.world.top() >= start + blocks:
                return True
            time.sleep(0.1)
        return False

    def wait_stalled(self, seconds: float = 3.0, timeout: float = 40.0) -> int:
        """Wait until no new block has come for so many seconds; the height then.

        Raises:
            LabError: blocks go on.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            top = self.world.top()
            if not self.grows(seconds, blocks=1):
                return top
        raise LabError("the chain goes on")

    def _boot(self, base: Path, lock: BinaryIO, *, stay: bool) -> None:
        self.directory.mkdir(parents=True)
        (self.directory / "number").write_text(str(self.net.number))
        self.net.up()
        self.access.make_keys()
        for machine in self.hosts.values():
            machine.prepare(base, self.access.operator_public_key)
        self.access.write_files()
        argv = [sys.executable, "-m", "tests.lab.keeper", str(self.net.number)]
        argv += [str(self.directory), *(["--stay"] if stay else [])]
        self._keeper_process = subprocess.Popen(
            argv,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
            stdout=(self.directory / "keeper.log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock.fileno(),),
        )
        (self.directory / "keeper").write_text(str(self._keeper_process.pid))
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(Machine.wait_booted, self.hosts.values()))

    def _reap(self) -> None:
        process = getattr(self, "_keeper_process", None)
        if process is not None:
            process.poll()


def sweep(directory: Path) -> None:
    """Remove what a lab left whose keeper was killed. Refuses while its keeper lives.

    Raises:
        LabError: it is up.
    """
    if not directory.exists():
        return
    if _keeper(directory) is not None:
        raise LabError(f"lab {directory.name} is up already; `make lab-down` takes it down")
    number = directory / "number"
    if number.exists():
        net = LabNet(int(number.read_text()))
        for spec in HOSTS:
            machine = Machine(spec, net, directory / "hosts" / spec.name)
            init = machine.init()
            if init is not None:
                os.kill(init, signal.SIGKILL)
            machine.dispose()
        net.down()
    shutil.rmtree(directory, ignore_errors=True)


def _keeper(directory: Path) -> int | None:
    """The keeper's process id, if it lives."""
    try:
        pid = int((directory / "keeper").read_text())
        alive = b"tests.lab.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if alive else None


def _number() -> tuple[int, BinaryIO]:
    """A number that no living lab has, with the lock that says so."""
    for number in NUMBERS:
        lock = (LOCKS / f"remedy-lab-{number}").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return number, lock
    raise LabError("two hundred labs are up")


__all__ = ["ON", "Lab", "LabError", "sweep"]
