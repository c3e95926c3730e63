"""The replay: labelled throughout, for anybody, and never of a recording that does not hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.approve.approve import verify_approvals
from remediations.engine.approve.verifier import load_verifier
from remediations.engine.observe.observation import load_observation
from remediations.machine.config import MachineConfig
from remediations.values.wire import canonical
from tests.lab import demo, needs
from tests.lab.lab import Lab
from tests.lab.shell import LabError
from tests.replay.__main__ import main
from tests.replay.recording import RESCUE, SIGNERS, SUMS, read_recording, sums

ROOT = Path(__file__).resolve().parents[2]
NO_RIGHTS = ("--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
SCREENS = 9
MOST_BYTES = 400_000


def without_rights() -> list[str]:
    """Words before a program that leave it no right: for root, those of the checkout's owner where
    they can start this Python, else root without one capability, as in a closed container."""
    if os.geteuid() != 0:
        return []
    for uid in (ROOT.stat().st_uid, 0):
        words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", *NO_RIGHTS]
        python = [*words, sys.executable, "-c", "import tests.replay.player"]
        if subprocess.run(python, cwd=ROOT, capture_output=True).returncode == 0:
            return words
    raise AssertionError("nobody but root with all rights can start this Python")


@pytest.fixture(scope="module")
def demonstrated() -> Iterator[subprocess.CompletedProcess[str]]:
    """The demo, by somebody who cannot boot hosts."""
    with tempfile.TemporaryDirectory() as place:
        owner = ROOT.stat()
        if os.geteuid() == 0:
            os.chown(place, owner.st_uid, owner.st_gid)
        yield subprocess.run(
            [*without_rights(), sys.executable, "-m", "tests.lab.demo"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": place, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A recording that may be spoilt."""
    return Path(shutil.copytree(RESCUE, tmp_path / "rescue"))


def summed(recording: Path) -> None:
    """Make whatever was changed pass for recorded."""
    (recording / SUMS).write_text(sums(recording))


def run_of(recording: Path) -> Path:
    return next((recording / "runs").iterdir())


def test_it_plays_where_hosts_cannot_be_booted(
    demonstrated: subprocess.CompletedProcess[str],
) -> None:
    """The plan made now has the digest of the recorded one: a change of one byte is noticed here,
    and `make record` makes a new recording."""
    said = demonstrated.stdout
    assert demonstrated.returncode == 0, said
    assert said.startswith("Hosts cannot be booted here; missing: ")
    for part in ("QUORUM-LOST: halted", "gate open", "VERIFIED: run", ": verified", "HEALTHY"):
        assert part in said
    assert read_recording(RESCUE).run.name in said


def test_every_screen_is_labelled(demonstrated: subprocess.CompletedProcess[str]) -> None:
    """Between two labels of one screen and the next stands an empty line, and nothing else."""
    label = read_recording(RESCUE).label
    assert label.startswith("REPLAY of a rescue recorded 2")
    before, *parts = demonstrated.stdout.split(label + "\n")
    assert len(parts) == 2 * SCREENS
    assert before.count("\n") == 3
    assert all(screen.strip() for screen in parts[0::2])
    assert set(parts[1::2]) == {"\n", ""}


def test_the_recorded_approval_is_valid(tmp_path: Path) -> None:
    """The signature on the recorded plan is a real one, by somebody on the recorded list."""
    recording = read_recording(RESCUE)
    signers = verify_approvals(
        [recording.approval],
        recording.plan,
        load_verifier(Path(shutil.copy(RESCUE / SIGNERS, tmp_path)), MachineConfig()),
        recording.approval.given_at + timedelta(seconds=1),
    )
    assert [signer.principal for signer in signers] == [recording.approval.principal]


def test_the_recording_is_small_and_of_nobody() -> None:
    """It is published: no private key, no inventory with the paths of a machine."""
    files = [path for path in RESCUE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert not [path for path in files if "PRIVATE KEY" in path.read_text()]
    assert not list(RESCUE.rglob("inventory.json"))


def test_a_stale_recording_is_reported(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where another plan comes of the recorded observation, nothing further is played."""
    path = run_of(copy) / "observation.json"
    seen = load_observation(path)
    path.write_bytes(canonical(replace(seen, ended=seen.ended + timedelta(seconds=1))))
    summed(copy)
    assert main([str(copy)]) == 1
    out, err = capfd.readouterr()
    assert "the recording is stale" in err
    assert "a plan with other observation_digest, observed_at, expires_at" in err
    assert "make record" in err
    assert "apply last" not in out


def test_a_command_that_ends_otherwise_is_stale(
    copy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A recording whose end is as halted as its beginning is not passed off as a rescue."""
    shutil.copy(copy / "before.json", copy / "after.json")
    summed(copy)
    assert main([str(copy)]) == 1
    assert "`remediate diagnose` ended with 3, not 0" in capfd.readouterr().err


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"val2", b"val9", 1))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


FILES = (
    "inventory.yaml",
    "before.json",
    "after.json",
    "RUN/plan.json",
    "RUN/journal.jsonl",
    "RUN/checks.json",
    "RUN/observation.json",
)


def named(recording: Path, name: str) -> Path:
    return run_of(recording) / name[4:] if name.startswith("RUN/") else recording / name


@pytest.mark.parametrize("spoil", [cut, edited, emptied, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_what_was_not_recorded_is_not_played(
    copy: Path,
    name: str,
    spoil: Callable[[Path], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Whatever is cut, edited, emptied or missing is named, with the next step; no screen shows."""
    path = named(copy, name)
    spoil(path)
    assert main([str(copy)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("replay: the recording cannot be played: ")
    assert path.name in err
    assert "make record" in err


@pytest.mark.parametrize("spoil", [cut, emptied, Path.unlink])
@pytest.mark.parametrize("name", FILES)
def test_what_the_product_refuses_is_not_played(
    copy: Path,
    name: str,
    spoil: Callable[[Path], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A sum that fits does not make a file that can be read."""
    spoil(named(copy, name))
    summed(copy)
    assert main([str(copy)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("replay: the recording cannot be played: ")


def test_no_recording_at_all(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A directory without a run says so, and shows no screen."""
    summed(tmp_path)
    assert main([str(tmp_path)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "holds 0 runs with a plan, not one" in err


def test_a_demo_that_fails_is_not_covered_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is missing, a lab that does not come up is a failure, not a replay."""

    def refuses(_name: str) -> Lab:
        raise LabError("a host did not boot")

    monkeypatch.setattr(demo, "missing", list)
    monkeypatch.setattr(demo, "STATE", tmp_path)
    monkeypatch.setattr(Lab, "up", refuses)
    monkeypatch.setattr(demo, "play", lambda _arguments: pytest.fail("it was covered up"))
    assert demo.main([]) == 1
    assert "a host did not boot" in capfd.readouterr().out


def test_a_recording_is_never_made_of_a_replay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`make record` where hosts cannot be booted fails, and leaves the old recording."""
    monkeypatch.setattr(demo, "missing", lambda: ["root"])
    monkeypatch.setattr("tests.lab.needs.missing", lambda: ["root"])
    monkeypatch.setattr(demo, "STATE", tmp_path / "state")
    assert demo.main(["--record", str(tmp_path / "rescue")]) == 1
    assert list(tmp_path.iterdir()) == []


def test_another_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere no list of Debian packages would help."""
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert needs.missing() == ["Linux (this is Darwin)"]
