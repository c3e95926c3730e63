"""One application at a time: two processes, and one that dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from remediations.engine.runs import lock
from remediations.engine.runs.lock import lock_holder, lock_path, resource_locks
from remediations.errors import Locked, MachineError

CHAIN = "worlds-1"
HOLD = """
import sys
from pathlib import Path
from remediations.engine.runs.lock import resource_locks
with resource_locks(Path(sys.argv[1]), ("worlds-1",), "run-a"):
    print("held", flush=True)
    sys.stdin.read()
"""


def other_process(state: Path) -> subprocess.Popen[str]:
    """A process that holds the chain until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.05)


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """10, with the run to look at; another chain is free; afterwards the chain is free again."""
    with other_process(tmp_path):
        assert lock_holder(tmp_path, CHAIN) == "run-a"
        with (
            pytest.raises(Locked, match="another run is being applied to worlds-1") as caught,
            resource_locks(tmp_path, (CHAIN,), "run-b"),
        ):
            raise AssertionError("both hold it")
        assert (caught.value.got, caught.value.next_step) == ("run-a", "remediate status run-a")
        with resource_locks(tmp_path, ("worlds-2",), "run-b"):
            assert lock_holder(tmp_path, "worlds-2") == "run-b"
    with resource_locks(tmp_path, (CHAIN,), "run-b"):
        assert lock_holder(tmp_path, CHAIN) == "run-b"
    assert lock_holder(tmp_path, CHAIN) == ""


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """Its name is still in the file; nobody believes it."""
    with other_process(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
    assert lock_path(tmp_path, CHAIN).read_text() == "run-a"
    assert lock_holder(tmp_path, CHAIN) == ""
    with resource_locks(tmp_path, (CHAIN,), "run-b"):
        assert lock_holder(tmp_path, CHAIN) == "run-b"


def test_an_error_inside_frees_the_chain(tmp_path: Path) -> None:
    """And leaves no name behind."""
    with pytest.raises(ZeroDivisionError), resource_locks(tmp_path, (CHAIN,), "run-a"):
        raise ZeroDivisionError
    assert lock_path(tmp_path, CHAIN).read_text() == ""


def test_asking_who_holds_it_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`remediate status` in a loop never makes an `apply` believe that the chain is taken."""
    monkeypatch.setattr(lock, "PATIENCE_S", 0.5)
    lock_path(tmp_path, CHAIN).parent.mkdir()
    lock_path(tmp_path, CHAIN).touch()
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            lock_holder(tmp_path, CHAIN)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(100):
            with resource_locks(tmp_path, (CHAIN,), "run-a"):
                pass
    finally:
        over.set()
        asking.join()
    assert lock_holder(tmp_path, CHAIN) == ""


@pytest.mark.parametrize("chain", ["../../etc/passwd", "a/b", "x y", ".."])
def test_no_chain_id_leaves_the_directory(tmp_path: Path, chain: str) -> None:
    """Chain ids come from inventories."""
    assert lock_path(tmp_path, chain).resolve().parent == tmp_path / "locks"


def test_every_chain_has_a_lock_of_its_own(tmp_path: Path) -> None:
    """Also chains whose ids differ in a character that a file name may not have."""
    chains = ["a-b", "a_b", "a.b", "a/b", "a b", "a%2Fb", "A-b", "a--b", "ä-b", "a~b"]
    assert len({lock_path(tmp_path, chain) for chain in chains}) == len(chains)
    with resource_locks(tmp_path, ("a-b",), "run-a"), resource_locks(tmp_path, ("a_b",), "run-b"):
        assert (lock_holder(tmp_path, "a-b"), lock_holder(tmp_path, "a_b")) == ("run-a", "run-b")


def test_a_state_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """12, and nobody holds it."""
    (tmp_path / "locks").write_text("in the way")
    with pytest.raises(MachineError), resource_locks(tmp_path, (CHAIN,), "run-a"):
        raise AssertionError("held")
    assert lock_holder(tmp_path, CHAIN) == ""


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_lock_and_directories_are_private(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, and where an older version had left them open."""
    state = tmp_path / "new" / "state"
    before = os.umask(umask)
    try:
        with resource_locks(state, (CHAIN,), "run-a"):
            pass
        lock_path(state, CHAIN).chmod(0o644)
        lock_path(state, CHAIN).parent.chmod(0o755)
        state.chmod(0o755)
        with resource_locks(state, (CHAIN,), "run-a"):
            pass
    finally:
        os.umask(before)
    for path, mode in (
        (state, 0o700),
        (lock_path(state, CHAIN).parent, 0o700),
        (lock_path(state, CHAIN), 0o600),
    ):
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
@pytest.mark.timeout(20)
def test_a_lock_that_is_not_a_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    """A link would be emptied at its other end, a FIFO waited for."""
    path, victim = lock_path(tmp_path, CHAIN), tmp_path / "victim"
    victim.write_text("precious")
    path.parent.mkdir(mode=0o700)
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(MachineError), resource_locks(tmp_path, (CHAIN,), "run-a"):
        raise AssertionError("held")
    with pytest.raises(MachineError):
        lock_holder(tmp_path, CHAIN)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_locks_that_others_may_make_are_refused(tmp_path: Path, mode: int) -> None:
    """Sticky or not: what is to be made there could be there before."""
    path = lock_path(tmp_path, CHAIN)
    with resource_locks(tmp_path, (CHAIN,), "run-a"):
        path.parent.chmod(mode)
        with pytest.raises(MachineError):
            lock_holder(tmp_path, CHAIN)
    with pytest.raises(MachineError), resource_locks(tmp_path, (CHAIN,), "run-b"):
        raise AssertionError("held")
