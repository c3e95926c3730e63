"""An operator's desk: an inventory, saved observations, a key, and a state directory."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from remediations.cli.exits import run_command
from remediations.cli.main import cli
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import save_observation
from remediations.systems.comet.reading import CometReading, sealed

INVENTORY = """\
version: 1
chain:
  id: worlds-1
allowed_signers: allowed_signers
hosts:
  val1: {role: validator}
  val2: {role: validator}
  val3: {role: validator}
  val4: {role: validator}
  full1: {role: full}
  standby1: {role: standby}
"""
PRINCIPAL = "alice@example.org"


@dataclass(frozen=True)
class Done:
    """How a command ended: its code and everything that it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, object]:
        """The one JSON document on stdout."""
        assert self.out.count("\n") == 1, self.out
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert found["exit_code"] == str(self.code)
        return found


class Output(io.TextIOWrapper):
    """A standard stream that keeps what is written."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    @property
    def text(self) -> str:
        """All of it so far."""
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def remediate(*arguments: str | Path) -> Done:
    """Run a command in this process, the way the console script does."""
    words = [str(argument) for argument in arguments]
    out, err = Output(), Output()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(
            lambda: cli.main(args=list(words), prog_name="remediate", standalone_mode=False), words
        )
    return Done(int(code), out.text, err.text)


class Desk:
    """Files of an operator below one directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory
        self.home = directory / "state"
        self.inventory = directory / "inventory.yaml"
        self.inventory.write_text(INVENTORY)
        self.config = directory / "config.toml"
        self.config.write_text("# the machine configuration: it says nothing\n")
        self.config.chmod(0o644)
        self.key = directory / "id"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.key)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        public = self.key.with_suffix(".pub").read_text().strip()
        signers = directory / "allowed_signers"
        signers.write_text(f'{PRINCIPAL} namespaces="remediate-plan" {public}\n')
        signers.chmod(0o600)

    def saved(self, world: CometReading, name: str, *, fresh: bool = True) -> Path:
        """`world` as a file, as read from this inventory a moment ago (or when it was made up)."""
        file = self.path / f"{name}.json"
        digest = inventory_digest(load_inventory(self.inventory))
        ended = datetime.now(UTC).replace(microsecond=0) if fresh else world.ended
        save_observation(sealed(replace(world, inventory_digest=digest, ended=ended)), file)
        return file
