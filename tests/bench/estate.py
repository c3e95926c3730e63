"""A directory with everything that all contestants need to read the same hosts."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.hosts.program import COMMAND
from tests.bench.cost import Contestant
from tests.bench.reading import Recording, record
from tests.bench.sshd import SERVE, Way, free_port, serving
from tests.inventories import node_entry
from tests.readings import program
from tests.unit.reach.sshd import make_key, public

REMEDIATE = Path(sys.executable).with_name("remediate")
CHECKOUT = Path(__file__).resolve().parents[2]
CHAIN_ID = "virtengine-lab-1"
DONE = frozenset({0, 3, 4, 11})
"""The product came to a conclusion: well, changes pending, refused, too little to conclude."""


@dataclass(frozen=True)
class Estate:
    """The files of `names` hosts at `path`; what the server serves is at `served`."""

    path: Path
    served: Path
    names: int
    user: str
    port: int
    recording: Recording

    @property
    def addresses(self) -> list[str]:
        """One of loopback for each name."""
        return [f"127.77.{number // 250}.{number % 250 + 1}" for number in range(self.names)]

    @property
    def environment(self) -> dict[str, str]:
        """No agent and no configuration of the person who measures."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            "REMEDIATE_HOME": str(self.path / "state"),
            "REMEDIATE_INVENTORY": str(self.path / "inventory.yaml"),
        }

    def write(self) -> None:
        """All files but keys and readings."""
        key, host_key = self.served / "id", self.served / "host_key"
        (self.path / "known_hosts").write_text(
            "".join(f"[{a}]:{self.port} {public(host_key)}\n" for a in self.addresses)
        )
        (self.path / "ssh_config").write_text(
            "".join(
                f"Host val{number}\n  HostName {address}\n"
                for number, address in enumerate(self.addresses, 1)
            )
            + f"Host *\n  User {self.user}\n  Port {self.port}\n  IdentityFile {key}\n"
            f"  IdentitiesOnly yes\n  StrictHostKeyChecking yes\n"
            f"  UserKnownHostsFile {self.path / 'known_hosts'}\n  GlobalKnownHostsFile none\n"
        )
        (self.path / "inventory.yaml").write_text(
            f"version: 1\nchain:\n  id: {CHAIN_ID}\nssh:\n  config: ssh_config\nhosts:\n"
            + "".join(f"  val{n}: {{role: validator}}\n" for n in range(1, self.names + 1))
        )
        words = (self.user, str(self.port), str(key), *self.addresses)
        (self.path / "addresses").write_text(" ".join(words))
        (self.path / "command").write_text(COMMAND)
        entry = node_entry(name="", role=Role.VALIDATOR, ssh="")
        (self.path / "program").write_bytes(program(entry, Scope.FULL))

    def make_keys(self) -> None:
        """The keys of the hosts (one for all) and of who logs in."""
        (self.served / "readings").mkdir(parents=True)
        make_key(self.served / "host_key")
        key = make_key(self.served / "id")
        shutil.copy(key.with_name("id.pub"), self.served / "authorized_keys")

    def renew(self) -> None:
        """The readings with clocks that are right now, and no runs that lie about."""
        shutil.rmtree(self.path / "state", ignore_errors=True)
        for index, address in enumerate(self.addresses):
            reading = self.served / "readings" / address
            reading.write_bytes(self.recording.of(index, self.names))

    def remediate(self, *arguments: str) -> Contestant:
        """The product's command, as an operator runs it."""
        return Contestant(
            argv=(str(REMEDIATE), *arguments),
            env=self.environment,
            codes=DONE,
            before=self.renew,
        )

    def python(self, module: str, *arguments: str) -> Contestant:
        """A module with the same Python."""
        return Contestant(
            argv=(sys.executable, "-m", module, *arguments),
            env=self.environment,
            before=self.renew,
        )


@contextlib.contextmanager
def estate(names: int, way: Way, answer: str = SERVE) -> Iterator[Estate]:
    """An estate that is served while the block runs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        path = Path(directory)
        made = Estate(path, path / "served", names, way.user, free_port(), record(names))
        made.make_keys()
        made.write()
        made.renew()
        with serving(way, made.served, made.port, answer):
            yield made


def exit_code(contestant: Contestant) -> int:
    """How a contestant ends."""
    contestant.before()
    done = subprocess.run(contestant.argv, env=dict(contestant.env), capture_output=True)
    return done.returncode
