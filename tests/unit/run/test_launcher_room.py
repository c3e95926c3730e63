"""The launcher where no record can be kept: no inode, no room, read-only, nothing to write into."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.run.launcher_host import PLAN, STEP, LauncherHost, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def host(tmp_path: Path) -> LauncherHost:
    return LauncherHost(tmp_path)


@contextmanager
def tmpfs(path: Path, options: str) -> Iterator[None]:
    """A file system of its own at `path`, as large as `options` say."""
    path.mkdir(exist_ok=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=700,{options}", "x", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """The directory as it is, and nobody can write to it."""
    subprocess.run(["mount", "--bind", path, path], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def never_starts(host: LauncherHost) -> None:
    """The launch fails, void is an answer at once, and it stays the answer."""
    began = time.monotonic()
    failed = host.launch(host.effect())
    assert failed.exit_status not in (0, 75)
    assert failed.stderr
    assert host.probe().state == "not-started"
    assert host.void().state == "voided"
    assert host.probe().state == "voided"
    assert time.monotonic() - began < 30


def test_without_an_inode(host: LauncherHost) -> None:
    """Void is final: when there is room again, the step does not start any more."""
    with tmpfs(host.base, "nr_inodes=1"):
        never_starts(host)
        remount(host.base, "nr_inodes=100")
        assert host.launch(host.effect()).exit_status == 75
        assert (host.probe().state, host.void().state) == ("voided", "voided")
    assert host.count == 0


def test_read_only(host: LauncherHost) -> None:
    """The directory, and what it should be made in."""
    with read_only(host.base.parent):
        never_starts(host)
    assert host.launch(host.effect()).exit_status == 75
    assert host.void().state == "voided"


def test_a_file_in_its_place(host: LauncherHost) -> None:
    """It is left as it is."""
    host.base.write_text("in the way")
    never_starts(host)
    assert host.base.read_text() == "in the way"


def test_a_link_to_nowhere_in_its_place(host: LauncherHost) -> None:
    """Nothing is made at its other end."""
    host.base.symlink_to(host.base.parent / "nowhere")
    never_starts(host)
    assert not (host.base.parent / "nowhere").exists()


def test_where_neither_file_system_takes_a_mark(host: LauncherHost) -> None:
    """No claim and no mark: that is not an answer, and is not taken for one."""
    with tmpfs(host.base, "nr_inodes=1"), read_only(host.voids.parent):
        assert host.launch(host.effect()).exit_status not in (0, 75)
        assert host.void().state == ""
        assert host.probe().state == "not-started"


@pytest.mark.parametrize(
    "options", [*(f"nr_inodes={n}" for n in range(1, 11)), *(f"size={4 * n}k" for n in range(1, 8))]
)
def test_little_room(host: LauncherHost, options: str) -> None:
    """Whatever it was enough for: what is said is what happened, and nothing is left beside it."""
    with tmpfs(host.base, options):
        launched = host.launch(host.effect())
        host.until_gone()
        seen = host.probe().state
        if seen == "not-started":
            seen = host.void().state
        assert seen in ("voided", "unknown", "done 0")
        if seen != "unknown":  # the step's own probe of its effect decides
            assert (seen == "done 0") == (host.count == 1)
        assert launched.exit_status == 0 or seen == "voided"
        assert host.launch(host.effect()).exit_status == 75
        assert list((host.base / PLAN).glob("*.*")) == []
        assert host.count <= 1


def test_room_that_comes_back_during_a_void(tmp_path: Path) -> None:
    """A launch under way against a void that can claim nothing: never both, whoever is first."""
    outcomes = set()
    for room_s, void_s in itertools.product((0.0, 0.1, 0.14, 0.18, 0.3), (0.0, 0.08, 0.12, 0.5)):
        host = LauncherHost(tmp_path / f"{room_s}-{void_s}")
        host.starts_late(0.2)
        payload = host.effect()
        with tmpfs(host.base, "nr_inodes=8"), ThreadPoolExecutor(1) as pool:
            assert host.launch(payload).exit_status == 0
            # Exactly what is there: no claim can be made, by void or by the unit.
            remount(host.base, f"nr_inodes={_inodes(host.base)}")
            void = pool.submit(_later, void_s, host)
            time.sleep(room_s)
            remount(host.base, "nr_inodes=100")
            said = void.result()
            host.until_gone()
            final = host.probe().state
            if final == "not-started":
                final = host.void().state
            assert (final == "done 0") == (host.count == 1), (room_s, void_s, final)
            assert final in ("voided", "done 0")
            assert said != "voided" or final == "voided"
            outcomes.add(final)
    assert outcomes == {"voided", "done 0"}


def _later(seconds: float, host: LauncherHost) -> str:
    time.sleep(seconds)
    return host.void().state


def _inodes(path: Path) -> int:
    """How many are in use."""
    status = os.statvfs(path)
    return status.f_files - status.f_ffree


def test_a_unit_that_claims_after_the_mark(host: LauncherHost) -> None:
    """The mark was there first: the claim is given back, and says so."""
    host.starts_late(0.6)
    with tmpfs(host.base, "nr_inodes=8"):
        assert host.launch(host.effect()).exit_status == 0
        remount(host.base, f"nr_inodes={_inodes(host.base)}")
        assert host.void().state == "voided"
        remount(host.base, "nr_inodes=100")
        host.until_gone()
        assert host.probe().state == "voided"
        assert [path.name for path in (host.base / PLAN).iterdir()] == [STEP]
    assert host.count == 0


def test_a_unit_that_can_make_no_claim_leaves_nothing(host: LauncherHost) -> None:
    """Neither is its lack of room taken for another's claim."""
    host.starts_late(0.3)
    with tmpfs(host.base, "nr_inodes=8"):
        assert host.launch(host.effect()).exit_status == 0
        remount(host.base, f"nr_inodes={_inodes(host.base)}")
        until(lambda: not host.unit.exists())
        assert host.probe().state == "not-started"
        assert list((host.base / PLAN).iterdir()) == []
        assert host.void().state == "voided"
    assert host.count == 0
