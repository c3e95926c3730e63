"""The lab: seven hosts, a chain of four validators, faults on demand.

lab = Lab.up("demo")
lab.break_stop("val1")
assert not lab.grows(seconds=3)
lab.heal()
lab.pristine()
lab.down()
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from tests.lab.access import Access
from tests.lab.chainnet import install_node, start_script, stop_script
from tests.lab.claims import claim_number, keeper_of, sweep, sweep_dead
from tests.lab.dialect import start_limit_s
from tests.lab.faults_chain import ChainFaults
from tests.lab.faults_disk import DiskFaults
from tests.lab.faults_jail import JailFaults
from tests.lab.faults_keys import KeyFaults
from tests.lab.faults_network import NetworkFaults
from tests.lab.faults_process import ProcessFaults
from tests.lab.faults_scoring import ScoringFaults
from tests.lab.faults_signing import SigningFaults
from tests.lab.faults_upgrade import UpgradeFaults
from tests.lab.homes import Network, network, slash_by
from tests.lab.image import base_image
from tests.lab.machine import Machine
from tests.lab.needs import require
from tests.lab.net import LabNet
from tests.lab.scoring import Scoring, scoring
from tests.lab.shell import LabError
from tests.lab.spec import HOSTS, NODES, NodeSpec
from tests.lab.world import World

CHECKOUT = Path(__file__).parents[2]
LABS = CHECKOUT / ".lab"
FIRST_BLOCKS = 2
DOWN_LIMIT_S = 20.0
SCORES = "scores"
"""The file in its directory that says that a lab has scorers."""


class Lab(
    ProcessFaults,
    DiskFaults,
    NetworkFaults,
    ChainFaults,
    UpgradeFaults,
    KeyFaults,
    SigningFaults,
    JailFaults,
    ScoringFaults,
):
    """One running lab."""

    def __init__(
        self, name: str, number: int, chain: Network, scoring: Scoring | None = None
    ) -> None:
        super().__init__()
        self.scoring = scoring
        self.name = name
        self._keeper: subprocess.Popen[bytes] | None = None
        self.directory = LABS / name
        self.net = LabNet(number)
        self.chain = chain
        self.hosts = {
            spec.name: Machine(spec, self.net, self.directory / "hosts" / spec.name)
            for spec in HOSTS
        }
        self.world = World(self.hosts)
        self.access = Access(self.directory, self.hosts)

    @classmethod
    def up(cls, name: str, *, stay: bool = False, scores: bool = False) -> Lab:
        """Boot it and start its chain. Without `stay` it goes down with this process, however
        that ends. `scores`: with podman and a scorer on every node's host.

        Raises:
            LabError: this machine cannot, or something did not start.
        """
        require()
        chain = network()
        scorer = scoring() if scores else None
        base = base_image() if scorer is None else scorer.base.root
        sweep_dead(LABS)
        number, lock = claim_number()
        with lock:
            lab = cls(name, number, chain, scorer)
            lab._take_name()
            try:
                lab._boot(base, lock, stay=stay)
                lab.pristine()
            except BaseException:  # also Ctrl-C: a lab that is half up serves nobody
                lab.down()
                raise
        return lab

    @classmethod
    def attach(cls, name: str) -> Lab:
        """The lab of that name, which another process keeps.

        Raises:
            LabError: it is not up.
        """
        directory = LABS / name
        if keeper_of(directory) is None:
            raise LabError(f"lab {name} is not up; `make lab` brings it up")
        homes, binary = (directory / "chain").read_text().splitlines()
        number = int((directory / "number").read_text())
        scorer = scoring() if (directory / SCORES).exists() else None
        return cls(name, number, Network(Path(homes), Path(binary)), scorer)

    def down(self) -> None:
        """Take it away, and wait until nothing of it is left.

        Raises:
            LabError: something is left.
        """
        keeper = keeper_of(self.directory)
        if keeper is not None:
            os.kill(keeper, signal.SIGTERM)
        if self._keeper is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._keeper.wait(DOWN_LIMIT_S)
        end = time.monotonic() + DOWN_LIMIT_S
        while keeper_of(self.directory) is not None and time.monotonic() < end:
            time.sleep(0.05)
        sweep(self.directory)
        if self.directory.exists():
            raise LabError(f"lab {self.name} did not go down; see {self.directory}/keeper.log")

    def pristine(self, slashing: Mapping[str, str] | None = None) -> None:
        """A new chain at height 2 or above, on hosts with nothing broken and no old journal.
        `slashing`: its rules of slashing, where they are others than usual."""
        self.heal(hosts_only=True)
        self._everywhere(stop_script)
        if self.scoring is not None:
            self._on_nodes(self.scoring.clear)
        environment = self.scoring.environment() if self.scoring is not None else None
        # Not before all have stopped: a node that still ran would hold state of the old chain.
        for spec in NODES:
            install_node(self.hosts[spec.name], self.chain, environment)
            if slashing:
                slash_by(self.hosts[spec.name].path(self.node(spec.name).home), slashing)
        if self.scoring is not None:
            self._on_nodes(self.scoring.install)
        self._everywhere(start_script)
        self.wait_height(FIRST_BLOCKS, start_limit_s())

    def _everywhere(self, script: Callable[[NodeSpec], str]) -> None:
        self._on_nodes(lambda machine: machine.sh(script(self.node(machine.name))))

    def _on_nodes(self, what: Callable[[Machine], object]) -> None:
        with ThreadPoolExecutor(len(NODES)) as pool:
            list(pool.map(what, (self.hosts[spec.name] for spec in NODES)))

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

    def _take_name(self) -> None:
        try:
            self.directory.mkdir(parents=True)
        except FileExistsError as error:
            raise LabError(
                f"lab {self.name} is up already; `make lab-down` takes it down"
            ) from error
        (self.directory / "number").write_text(str(self.net.number))
        (self.directory / "chain").write_text(f"{self.chain.homes}\n{self.chain.binary}\n")
        if self.scoring is not None:
            (self.directory / SCORES).touch()

    def _boot(self, base: Path, lock: BinaryIO, *, stay: bool) -> None:
        # First the one who clears away, then what has to be cleared away.
        self._keeper = self._start_keeper(lock, stay=stay)
        self.net.up()
        self.access.make_keys()
        for machine in self.hosts.values():
            machine.prepare(base, self.access.operator_public_key)
        self.access.write_files()
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(Machine.wait_booted, self.hosts.values()))

    def _start_keeper(self, lock: BinaryIO, *, stay: bool) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "tests.lab.keeper", str(self.net.number)]
        argv += [str(self.directory), *(["--stay"] if stay else [])]
        with (self.directory / "keeper.log").open("ab") as log:
            keeper = subprocess.Popen(
                argv,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
        (self.directory / "keeper").write_text(str(keeper.pid))
        return keeper
