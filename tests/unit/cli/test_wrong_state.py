"""A state directory that cannot be used: 12 where it is needed, and never half a record."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.systems.comet.reading import sealed
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.wrong import (
    Argument,
    console,
    contents,
    is_document,
    is_error,
    refused,
)
from tests.unit.plan.cases import plan_of, quorum_lost

OVERRIDES = "-dac_override,-dac_read_search,-fowner"
"""What lets root pass by the modes of files."""
LIKE_ANYBODY = (
    ("setpriv", f"--bounding-set={OVERRIDES}", f"--inh-caps={OVERRIDES}")
    if os.geteuid() == 0
    else ()
)


@pytest.fixture
def run(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunDirectory]:
    """A planned run in a state directory of its own, whose modes are set back afterwards."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    inventory = load_inventory(desk.inventory)
    now = datetime.now(UTC).replace(microsecond=0)
    world = replace(quorum_lost(), inventory_digest=inventory_digest(inventory), ended=now)
    yield create_run(plan_of(world), sealed(world), inventory, now)
    subprocess.run(["chmod", "-R", "u+rwX", str(tmp_path / "state")], check=True)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans without the compiling children, where all that matters is where they are kept."""
    monkeypatch.setattr(
        "remediations.cli.commands.plan.make_plan", lambda *_, **__: plan_of(quorum_lost())
    )


def writing(desk: Desk, run: RunDirectory) -> dict[str, tuple[Argument, ...]]:
    """The commands that keep something, by what they keep."""
    source = desk.saved(quorum_lost(), "state")
    return {
        "run": ("plan", "INC-001", "-i", desk.inventory, "--from", source),
        "approval": ("approve", run.name, "--key", desk.key, "--yes"),
        "report": ("report", run.name),
    }


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("kept", ["run", "approval", "report"])
def test_a_full_disk(
    desk: Desk, run: RunDirectory, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    """ENOSPC where the data has to reach the disk: 12, whole files as before, no scraps."""
    arguments = writing(desk, run)[kept]
    before = {p: p.read_bytes() for p in run.path.parent.parent.rglob("*") if p.is_file()}

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    text, whole = remediate(*arguments), remediate(*arguments, "--json")
    monkeypatch.undo()
    is_error(text, 12, "No space left on device", "REMEDIATE_HOME")
    is_document(whole, 12, "No space left on device")
    after = {p: p.read_bytes() for p in run.path.parent.parent.rglob("*") if p.is_file()}
    assert after == before


@pytest.mark.parametrize("kept", ["run", "approval", "report"])
def test_a_read_only_directory(desk: Desk, run: RunDirectory, tmp_path: Path, kept: str) -> None:
    """Nothing can be kept in it, which is said; what is in it can still be read."""
    arguments = writing(desk, run)[kept]
    state = tmp_path / "state"
    subprocess.run(["chmod", "-R", "a-w", str(state)], check=True)
    before = contents(state)
    done = console(*arguments, "--json", state=state, prefix=LIKE_ANYBODY)
    is_document(done, 12, "ermission denied", str(state))
    assert contents(state) == before
    if kept == "run":
        listed = console("status", state=state, prefix=LIKE_ANYBODY)
        assert (listed.code, listed.err) == (0, "")
        assert run.name in listed.out


def test_a_read_only_directory_applies_nothing(
    desk: Desk, run: RunDirectory, tmp_path: Path
) -> None:
    """Approved while it could be written: without a lock there is no application."""
    assert remediate("approve", run.name, "--key", desk.key, "--yes").code == 0
    state = tmp_path / "state"
    subprocess.run(["chmod", "-R", "a-w", str(state)], check=True)
    is_error(console("apply", run.name, state=state, prefix=LIKE_ANYBODY), 12, "locks")


@pytest.mark.parametrize("closed", ["state", "state/runs"])
def test_another_users_directory(
    desk: Desk, run: RunDirectory, tmp_path: Path, closed: str
) -> None:
    """Never "no runs yet": 12 from every command that looks for a run."""
    state, shut = tmp_path / "state", tmp_path / closed
    if os.geteuid() == 0:
        os.chown(shut, 65534, 65534)
    shut.chmod(0o700 if os.geteuid() == 0 else 0)
    for arguments in (("status",), ("show", "last"), ("approve", "last", "--key", desk.key)):
        done = console(*arguments, "--json", state=state, prefix=LIKE_ANYBODY)
        is_document(done, 12, "ermission denied", "REMEDIATE_HOME")


def test_another_users_run(desk: Desk, run: RunDirectory, tmp_path: Path) -> None:
    """In the list it is a line that says so; asked for, it is an error."""
    run.path.chmod(0)
    if os.geteuid() == 0:
        os.chown(run.path, 65534, 65534)
    listed = console("status", "--json", state=tmp_path / "state", prefix=LIKE_ANYBODY)
    rows = listed.document["result"]
    assert isinstance(rows, list)
    assert [(row["run"], row["state"]) for row in rows] == [(run.name, "unreadable")]
    asked = console("status", run.name, state=tmp_path / "state", prefix=LIKE_ANYBODY)
    assert asked.code in (2, 12)
    is_error(asked, asked.code, "another user" if os.geteuid() == 0 else "ermission denied")


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("where", ["/dev/null", "/dev/null/state", "/proc/remediate", "FILE"])
def test_a_place_that_cannot_be_a_directory(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A file, a device, a file system without files: 12 from whatever has to keep a run."""
    (tmp_path / "file").write_text("mine")
    place = str(tmp_path / "file") if where == "FILE" else where
    monkeypatch.setenv("REMEDIATE_HOME", place)
    source = desk.saved(quorum_lost(), "nowhere")
    words = ("plan", "INC-001", "-i", desk.inventory, "--from", source)
    refused(12, place, arguments=words, state=tmp_path)
    assert remediate("status").code == 0


@pytest.mark.parametrize("save", ["/dev/full", "/nonexistent/o.json", "."])
def test_an_observation_that_cannot_be_saved(desk: Desk, tmp_path: Path, save: str) -> None:
    """--save to a full disk, to nowhere, or onto a directory: said, and not called healthy."""
    source = desk.saved(quorum_lost(), "unsaved")
    code = 2 if save == "." else 12
    words = ("diagnose", "--from", source, "--save", save)
    error = refused(code, "--save", arguments=words, state=tmp_path)
    assert error["next"]


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o777])
def test_state_directory_is_ours_alone_whatever_the_umask(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    """0700 from what is missing above the state down to the approvals."""
    state = tmp_path / "deep" / "state"
    monkeypatch.setenv("REMEDIATE_HOME", str(state))
    source = desk.saved(quorum_lost(), f"umask-{umask}")
    source.chmod(0o600)
    old = os.umask(umask)
    try:
        assert remediate("plan", "INC-001", "--from", source).code == 3
        assert remediate("approve", "last", "--key", desk.key, "--yes").code == 0
    finally:
        os.umask(old)
    made = (state.parent, state, *(path for path in state.rglob("*") if path.is_dir()))
    assert {stat.S_IMODE(directory.stat().st_mode) for directory in made} == {0o700}
    assert len(made) == 5  # deep, state, runs, the run, approvals
    files = [path for path in state.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize("level", [".", "runs", "runs/RUN"])
def test_state_that_others_may_write_is_refused(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """Whoever can put a run there decides what `last` means; no command uses it."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    source = desk.saved(quorum_lost(), "shared")
    assert remediate("plan", "INC-001", "--from", source).code == 3
    (run,) = (tmp_path / "state" / "runs").iterdir()
    shared = tmp_path / "state" / level.replace("RUN", run.name)
    shared.chmod(0o770)
    for command in (("show", "last"), ("approve", "last", "--key", desk.key, "--yes")):
        done = remediate(*command)
        assert done.code in (2, 12)
        assert f"chmod go-w {shared}" in done.err
    if level != "runs/RUN":
        assert remediate("plan", "INC-001", "--from", source).code == 12
