"""What a killed launch leaves, and whose the launcher's records are."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from tests.unit.run.launcher_host import PLAN, STEP, LauncherHost, answer, until

OTHER = "b" * 64
ROUNDS = 42
"""Each of two, of three and of seven manners with each other."""


@pytest.fixture
def host(tmp_path: Path) -> LauncherHost:
    return LauncherHost(tmp_path)


def leftovers(host: LauncherHost) -> list[Path]:
    return sorted(host.base.glob("*/*.*"))


def killed(host: LauncherHost) -> Path:
    """A launch that was killed while it waited for its payload; what it left."""
    process = host.start(*host.launch_words(b"x"), payload=None)
    until(lambda: leftovers(host))
    process.kill()
    process.communicate(timeout=20)
    (left,) = leftovers(host)
    return left


def test_the_next_launch_removes_it(host: LauncherHost) -> None:
    """Of any plan: a step of this one is hardly ever launched again."""
    killed(host)
    words = ("launch", OTHER, "2-0", *host.launch_words(host.effect())[3:])
    assert answer(host.start(*words, payload=host.effect())).exit_status == 0
    assert [path.parent.name for path in leftovers(host)] in ([], [OTHER])
    until(lambda: host.count == 1)
    until(lambda: leftovers(host) == [])


def test_void_removes_it(host: LauncherHost) -> None:
    """It is what the same run asks for next."""
    killed(host)
    assert host.void().state == "voided"
    assert leftovers(host) == []


def test_one_of_an_earlier_version_is_removed(host: LauncherHost) -> None:
    """It does not name its launcher."""
    (host.base / PLAN / f"{STEP}.Y2l16bzA").mkdir(parents=True, mode=0o700)
    host.void()
    assert leftovers(host) == []


@pytest.mark.parametrize("name", ["lost+found/x.y", f"{PLAN[:63]}/1-0.1.abcdef", "notes/a.txt"])
def test_nothing_else_is_removed(host: LauncherHost, name: str) -> None:
    """What lies there and is not a launch's own stays."""
    (host.base / name).mkdir(parents=True, mode=0o700)
    host.void()
    assert (host.base / name).exists()


def test_a_launch_under_way_keeps_its_own(host: LauncherHost) -> None:
    """While its launcher lives, and then while its unit has not begun."""
    slow = host.start(*host.launch_words(host.effect()), payload=None)
    until(lambda: leftovers(host))
    words = ("void", OTHER, "1-0", "-")
    assert answer(host.start(*words)).state == "voided"
    assert len(leftovers(host)) == 1
    slow.kill()
    slow.communicate(timeout=20)
    host.void()
    assert leftovers(host) == []

    late = LauncherHost(host.base.parent / "late")
    late.starts_late(0.8)
    assert late.launch(late.effect()).exit_status == 0
    assert answer(late.start(*words)).state == "voided"
    assert len(leftovers(late)) == 1
    late.until_gone()
    assert (late.probe().state, late.count, leftovers(late)) == ("done 0", 1, [])


def test_where_systemd_does_not_answer_nothing_is_removed(host: LauncherHost) -> None:
    """Whether its unit is about to begin cannot be known."""
    killed(host)
    host.systemd_is_broken()
    host.void()
    assert len(leftovers(host)) == 1


def test_launches_killed_at_any_time(tmp_path: Path) -> None:
    """From 10 to 120 ms on, each against a void: never both, and nothing is left in the end.

    On any machine one in seven is killed before it has told systemd, and one in seven after.
    """
    outcomes, left = set(), 0
    for turn in range(ROUNDS):
        host = LauncherHost(tmp_path / str(turn))
        host.starts_late(0.02 * (turn % 3))
        payload = host.effect()
        early, late = turn % 7 == 0, turn % 7 == 1
        launch = host.start(*host.launch_words(payload), payload=None if early else payload)
        if early:
            until(lambda host=host: leftovers(host))
        elif late:
            launch.wait(timeout=20)
        else:
            time.sleep(0.01 + 0.11 * turn / ROUNDS)
        void = host.start("void", PLAN, STEP, "-") if turn % 2 else None
        launch.kill()
        launch.communicate(timeout=20)
        said = answer(void).state if void else ""
        host.until_gone()
        left += len(leftovers(host))
        final = host.void().state
        # A systemd-run that outlived its launcher may start a unit; it finds nothing to run.
        host.until_gone()
        assert final in ("voided", "done 0", "unknown"), (turn, final)
        if final != "unknown":
            assert (final == "done 0") == (host.count == 1), (turn, final)
        assert said != "voided" or host.count == 0
        assert host.launch(payload).exit_status == 75
        assert leftovers(host) == []
        outcomes.add(final)
    assert {"voided", "done 0"} <= outcomes
    assert left, "no launch was killed in time"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777, 0o720])
@pytest.mark.parametrize("above", [False, True])
def test_records_that_others_may_write_are_refused(
    host: LauncherHost, mode: int, above: bool
) -> None:
    """77, nothing read and nothing started; a sticky directory above is as safe as /tmp."""
    host.base.mkdir(mode=0o700)
    at = host.base.parent if above else host.base
    at.chmod(mode)
    safe = above and mode & stat.S_ISVTX
    launched = host.launch(host.effect())
    assert (launched.exit_status == 0) == bool(safe)
    if not safe:
        assert launched.exit_status == host.probe().exit_status == host.void().exit_status == 77
        assert f"others than root may write to {at}" in launched.stderr
        assert list(host.base.iterdir()) == []
    host.until_gone()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("above", [False, True])
def test_records_of_somebody_else_are_refused(host: LauncherHost, above: bool) -> None:
    """The owner can let anybody write."""
    host.base.mkdir(mode=0o700)
    os.chown(host.base.parent if above else host.base, 65534, 65534)
    launched = host.launch(host.effect())
    assert launched.exit_status == 77
    assert "does not belong to root" in launched.stderr


def test_the_records_may_lie_elsewhere(host: LauncherHost) -> None:
    """A link of root's own: what it leads to is judged."""
    elsewhere = host.base.parent / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    host.base.symlink_to(elsewhere)
    assert host.launch(host.effect()).exit_status == 0
    host.until_gone()
    assert host.probe().state == "done 0"
    elsewhere.chmod(0o777)
    assert host.probe().exit_status == 77


def test_programs_are_the_systems_own(host: LauncherHost, tmp_path: Path) -> None:
    """Whatever PATH the login has, and whatever sudo leaves of it."""
    evil = tmp_path / "evil"
    evil.mkdir()
    for name in ("mkdir", "sha256sum", "stat", "sync", "mktemp"):
        (evil / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (evil / name).chmod(0o755)
    host.environment["PATH"] = f"{evil}:{host.environment['PATH']}"
    assert (host.probe().state, host.void().state) == ("not-started", "voided")
    assert not (tmp_path / "ran").exists()
