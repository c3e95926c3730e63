"""A room with lamps and an operator in front of it, for docs/writing-a-domain.md."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.docs.pages import ROOT, blocks

PAGE = "docs/writing-a-domain.md"
WITHOUT_INDEX = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
PROGRAM = "from remediations.cli.main import main; main()"
PATIENCE_S = 30.0
INVENTORY = """\
version: 1
chain: {id: nobody-1}
ssh: {config: ssh_config}
allowed_signers: allowed_signers
hosts:
  jump: {role: bastion}
"""
NOBODY = "Host *\n  HostName 127.0.0.1\n  Port 1\n"
"""A host that refuses: the lamps do not need it."""


def install(directory: Path) -> Path:
    """The package of the page, installed by pip into a directory of its own."""
    source, target = directory / "source", directory / "site"
    for block in blocks(PAGE):
        first, _, rest = block.text.partition("\n")
        if first.startswith("# ") and "." in first:
            path = source / first.removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rest)
    where = ("--target", str(target), str(source))
    pip = [sys.executable, "-m", "pip", "install", *WITHOUT_INDEX, *where]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Any:  # noqa: ANN401 - a JSON tree
        """Of `--json`."""
        return json.loads(self.out)["result"]

    @property
    def error(self) -> dict[str, str]:
        """Of `--json`."""
        error: dict[str, str] = json.loads(self.out)["error"]
        return error


class Desk:
    """A room, an inventory that has no daemon, a key, and a state directory."""

    def __init__(self, path: Path, site: Path) -> None:
        self.path, self.site = path, site
        self.room = path / "room"
        self.room.mkdir()
        self.lamp("porch", "lit 0")
        self.lamp("hall", "dark 1")
        self.fuse("in")
        (path / "inventory.yaml").write_text(INVENTORY)
        (path / "ssh_config").write_text(NOBODY)
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path / "key")]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL)
        public = (path / "key.pub").read_text().strip()
        signers = path / "allowed_signers"
        signers.write_text(f'alice@example.org namespaces="remediate-plan" {public}\n')
        for file in (signers, path / "ssh_config", path / "inventory.yaml"):
            file.chmod(0o600)

    def lamp(self, name: str, says: str) -> None:
        """What a lamp says from now on."""
        (self.room / f"{name}.lamp").write_text(f"{says}\n")

    def fuse(self, says: str) -> None:
        """What the fuse says from now on."""
        (self.room / "fuse").write_text(f"{says}\n")

    def says(self, name: str) -> str:
        """What a lamp says now."""
        return (self.room / f"{name}.lamp").read_text().strip()

    def environment(self, *, installed: bool = True, room: bool = True) -> dict[str, str]:
        """Of a command, with the package or without it, with a room or without one."""
        path = f"{self.site}:{ROOT}" if installed else str(ROOT)
        other = {
            "PYTHONPATH": path,
            "REMEDIATE_HOME": str(self.path / "state"),
            "REMEDIATE_INVENTORY": str(self.path / "inventory.yaml"),
            "LAMP_ROOM": str(self.room) if room else "",
        }
        return {**os.environ, **other}

    @property
    def run(self) -> Path:
        """The directory of the last run."""
        return max((self.path / "state" / "runs").iterdir())

    def types(self, line: str, *more: str, installed: bool = True, room: bool = True) -> Done:
        """`remediate LINE`; a word of `more` may have blanks."""
        done = subprocess.run(
            self.command([*line.split(), *more]),
            env=self.environment(installed=installed, room=room),
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def command(self, words: Sequence[str]) -> list[str]:
        """The process of a command."""
        own = ["key" if word == "KEY" else word for word in words]
        return [sys.executable, "-c", PROGRAM, *own]

    def approved(self) -> None:
        """A plan that waits for `apply last`."""
        planned = self.types("plan dark")
        assert planned.code == 3, planned.err
        signed = self.types("approve last --key KEY --yes")
        assert signed.code == 0, signed.err

    def killed_while_it_applies(self) -> None:
        """`apply last`, killed while what it launched runs."""
        self.killed_while("apply", "last")

    def killed_while(self, *words: str) -> None:
        """A command, killed while what it launched runs."""
        applying = subprocess.Popen(
            self.command(words),
            env=self.environment(),
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: self.launched(applying.pid))
        finally:
            applying.kill()
            applying.wait()

    def launched(self, controller: int) -> bool:
        """Whether a child of the controller runs a step: its claim is locked, and it is there."""
        children = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
        commands = [_command_line(int(child)) for child in children]
        return any(str(claim).encode() in c for claim in self.claims for c in commands)

    @property
    def claims(self) -> list[Path]:
        """Of all steps that were ever begun."""
        return sorted(self.room.glob(".*.?-?"))

    @property
    def at_rest(self) -> bool:
        """Whether nothing that was launched still runs."""
        for claim in self.claims:
            with claim.open() as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return False
        return True


def _command_line(process: int) -> bytes:
    """Of a process; nothing of one that has ended meanwhile."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def until(true: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
