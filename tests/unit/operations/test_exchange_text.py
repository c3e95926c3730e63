"""The program that puts another program in the place of a held node's, run for real under
/bin/sh."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from remediations.systems.comet.exchange import exchange_below_text, exchange_text
from remediations.systems.comet.install import FILES, PlannedInstall, PlannedProgram
from remediations.systems.comet.rollback_programs import hold_text
from tests.unit.operations.test_install_below import BelowHost
from tests.unit.operations.test_install_text import NEW, OLD, InstallHost, sha256

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are root's alone")


class ExchangeHost(InstallHost):
    """A host with a held node, and another program that was brought to it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "etc").mkdir()

    def does(self, text: str) -> subprocess.CompletedProcess[str]:
        """A text, with the directories of the test."""
        text = text.replace("/etc/systemd/system", f"{self.root}/etc")
        return self.run(text.replace(FILES, str(self.files)))

    def hold(self) -> None:
        """As a rollback does before."""
        assert self.does(hold_text(self.node(user="nobody"))).returncode == 0

    def exchange(self, new: bytes = NEW, old: bytes = OLD) -> subprocess.CompletedProcess[str]:
        """One program for the other."""
        program = PlannedProgram(path=str(self.path), sha256=sha256(new), replaces=sha256(old))
        node = self.node(user="nobody", invocation=self.INVOCATION)
        return self.does(exchange_text(PlannedInstall(node=node, program=program)))


@pytest.fixture
def host() -> Iterator[ExchangeHost]:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield ExchangeHost(root)
    shutil.rmtree(root)


def test_the_program_is_exchanged_and_nothing_is_started(host: ExchangeHost) -> None:
    """With owner and mode of the former one, which is kept; again it is left alone; and back."""
    host.hold()
    acts = host.acts
    done = host.exchange()
    assert (done.returncode, done.stdout) == (0, f"in place: {host.path}, v2.0\n"), done.stderr
    assert host.path.read_bytes() == NEW
    assert host.path.stat().st_mode & 0o7777 == 0o750
    assert (host.files / sha256(OLD)).read_bytes() == OLD
    assert [path.name for path in host.path.parent.iterdir()] == ["ve"]
    assert host.exchange().stdout.startswith("already so")
    back = host.exchange(new=OLD, old=NEW)
    assert (back.returncode, host.path.read_bytes()) == (0, OLD), back.stderr
    assert host.acts == acts, "nothing was started or stopped"


def test_a_node_that_is_not_held_is_refused(host: ExchangeHost) -> None:
    """Somebody let it go, or started it: it may execute the block with either program."""
    done = host.exchange()
    assert (done.returncode, "not held" in done.stderr) == (64, True), done.stderr
    host.hold()
    host.show(ActiveState="active")
    done = host.exchange()
    assert (done.returncode, "ve.service active" in done.stderr) == (64, True), done.stderr
    assert host.path.read_bytes() == OLD


@pytest.mark.parametrize(
    ("there", "brought", "says"),
    [
        (b"\x7fELF another", NEW, "with SHA-256"),
        (OLD, b"", "no file"),
        (OLD, b"damaged", "with SHA-256"),
    ],
    ids=["another program", "not brought", "damaged"],
)
def test_what_is_not_as_planned_is_refused(
    host: ExchangeHost, there: bytes, brought: bytes, says: str
) -> None:
    """Before anything is changed."""
    host.hold()
    host.path.write_bytes(there)
    file = host.files / sha256(NEW)
    file.write_bytes(brought) if brought else file.unlink()
    done = host.exchange()
    assert (done.returncode, says in done.stderr) == (64, True), done.stderr
    assert host.path.read_bytes() == there


def test_a_program_that_does_not_run_here_is_refused(host: ExchangeHost) -> None:
    host.hold()
    host.answers("exit 1")
    done = host.exchange()
    assert (done.returncode, "no version" in done.stderr) == (64, True), done.stderr
    assert host.path.read_bytes() == OLD


class BelowExchangeHost(BelowHost):
    """A host whose held node runs below cosmovisor; no upgrade waits."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "etc").mkdir()

    def does(self, text: str) -> subprocess.CompletedProcess[str]:
        """A text, with the directories of the test."""
        text = text.replace("/etc/systemd/system", f"{self.root}/etc")
        return self.run(text.replace(FILES, str(self.files)))

    def exchange(self, **changes: str | int) -> subprocess.CompletedProcess[str]:
        """In the place of the program in use."""
        place = {"place": str(self.genesis), "upgrade": "", "replaces": sha256(OLD)}
        return self.does(exchange_below_text(self.planned(NEW, **{**place, **changes})))


@pytest.fixture
def below() -> Iterator[BelowExchangeHost]:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    host = BelowExchangeHost(root)
    assert host.does(hold_text(host.node(user="nobody"))).returncode == 0
    yield host
    shutil.rmtree(root)


def test_below_cosmovisor_the_program_in_use_is_exchanged(below: BelowExchangeHost) -> None:
    """The link stays as it is, nothing is started, and the way back is the same."""
    acts = below.acts
    done = below.exchange()
    assert (done.returncode, done.stdout) == (0, f"placed: {below.genesis}, v2.0\n"), done.stderr
    assert below.genesis.read_bytes() == NEW
    assert (below.below / "current").readlink() == below.below / "genesis"
    assert (below.files / sha256(OLD)).read_bytes() == OLD
    assert below.exchange().stdout.startswith("already so")
    hashes = {"sha256": sha256(OLD), "replaces": sha256(NEW), "current_sha256": sha256(NEW)}
    back = below.exchange(**hashes)
    assert (back.returncode, below.genesis.read_bytes()) == (0, OLD), back.stderr
    assert below.acts == acts


def test_an_upgrade_that_waits_is_no_place_for_an_exchange(below: BelowExchangeHost) -> None:
    """cosmovisor would switch to it at the next start."""
    place = {"place": f"{below.below}/upgrades/v2/bin/ve", "upgrade": "v2", "replaces": ""}
    done = below.exchange(**place)
    assert (done.returncode, "an upgrade that waits" in done.stderr) == (64, True), done.stderr
    assert (below.genesis.read_bytes(), below.placed.exists()) == (OLD, False)
