"""An application goes on without its reader and without its terminal, and says how it ended."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.records import Checked, RunEnded, RunState, StepEnded
from remediations.engine.runs.status import events_by_step
from remediations.engine.runs.store import RunDirectory
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.scripted import approved, seen, words
from tests.unit.cli.wrong import LIMIT_S

LOUD = 400_000
"""More bytes than any pipe or terminal takes while nobody reads."""


@pytest.fixture
def run(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    return approved(desk, tmp_path / "state")


def verified(run: RunDirectory) -> None:
    """It was carried out to its end: two commands, a whole journal, the checks, the report."""
    entries = read_journal(run.journal)
    assert list(events_by_step(entries, StepEnded)) == ["1-0", "2-0"]
    assert [type(entry.event) for entry in entries[-2:]] == [RunEnded, Checked]
    result = remediate("status", run.name, "--json").document["result"]
    assert isinstance(result, dict)
    assert result["state"] == RunState.VERIFIED
    assert (run.path / "report.html").exists()


def shell(text: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell, "$@" being the command."""
    return subprocess.run(
        ["bash", "-c", text, "-", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
    )


@pytest.mark.parametrize(
    "where",
    [
        "2>&1 | head -1",
        "2>&1 | true",
        "| head -c 1",
        "2>&1 >/dev/null | true",
        ">/dev/full",
        "2>/dev/full",
        ">/dev/full 2>&1",
        ">&-",
        "2>&-",
        ">&- 2>&- <&-",
        "2>&1 | tee /dev/full >/dev/null",
        "--json | true",
        "--json >/dev/full",
    ],
)
def test_a_reader_that_goes_away(run: RunDirectory, tmp_path: Path, where: str) -> None:
    """Closed, full or gone, from the start or in between: 0, because the run is verified."""
    loud = LOUD if "head" in where else 1
    done = shell(f'"$@" {where}; exit "${{PIPESTATUS[0]}}"', words(run, tmp_path, loud=loud))
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    verified(run)


@pytest.mark.parametrize("both", [True, False])
def test_a_reader_that_never_reads(run: RunDirectory, tmp_path: Path, both: bool) -> None:
    """The pipe stays open and is full: the run ends, and then the command, without it."""
    reading, writing = os.pipe()
    done = subprocess.run(
        words(run, tmp_path, loud=LOUD),
        stdin=subprocess.DEVNULL,
        stdout=writing if both else subprocess.DEVNULL,
        stderr=writing,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0
    verified(run)
    os.close(writing)
    assert os.read(reading, 4096)
    os.close(reading)


def test_a_slow_reader_gets_everything(run: RunDirectory, tmp_path: Path) -> None:
    """Whoever goes on reading gets the whole answer, in order, and nothing is cut off."""
    text = '"$@" 2>&1 | { sleep 4; cat; }; exit "${PIPESTATUS[0]}"'
    done = shell(text, words(run, tmp_path, loud=LOUD))
    assert done.returncode == 0
    said = done.stdout.decode()
    assert said.index("stage 1 of 2") < said.index("stage 2 of 2") < said.index("VERIFIED")
    assert said.rstrip().endswith("report.html")
    assert said.count("yes") == 30_000


class Terminal:
    """A terminal, and the command as the leader of the session in it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.screen, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def hang_up(self) -> None:
        """The laptop is closed: SIGHUP from the kernel, and every write is an error from now on."""
        os.close(self.screen)

    def types(self, keys: bytes) -> None:
        os.write(self.screen, keys)

    def shows(self) -> bytes:
        """All of it, once the command has ended."""
        text = b""
        try:
            while part := os.read(self.screen, 65536):
                text += part
        except OSError:
            pass
        return text


def test_a_terminal_that_hangs_up(run: RunDirectory, tmp_path: Path) -> None:
    """Between the stages: the kernel's SIGHUP, and a display that nobody can see any more."""
    terminal = Terminal(words(run, tmp_path))
    seen(tmp_path / "gate1", terminal.process)
    terminal.hang_up()
    assert terminal.process.wait(LIMIT_S) == 0
    verified(run)


@pytest.mark.parametrize("mark", ["reading", "val4", "gate1", "val3", "checking"])
def test_hangups_at_any_time(run: RunDirectory, tmp_path: Path, mark: str) -> None:
    """Also the second and the third one."""
    process = subprocess.Popen(
        words(run, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen(tmp_path / mark, process)
    for _ in range(3):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    assert process.wait(LIMIT_S) == 0
    verified(run)


def test_a_stopped_terminal(run: RunDirectory, tmp_path: Path) -> None:
    """Ctrl-S, and nobody presses Ctrl-Q: the run goes on, the command ends."""
    terminal = Terminal(words(run, tmp_path, loud=LOUD))
    terminal.types(b"\x13")
    assert terminal.process.wait(LIMIT_S) == 0
    verified(run)
    terminal.hang_up()


def test_a_background_that_may_not_write(run: RunDirectory, tmp_path: Path) -> None:
    """`stty tostop`, where a terminal stops whoever writes in the background."""
    text = 'stty tostop; set -m; "$@" & wait $!'
    terminal = Terminal(["bash", "-c", text, "-", *words(run, tmp_path)])
    assert terminal.process.wait(LIMIT_S) == 0
    verified(run)
    terminal.hang_up()


def test_ctrl_z(run: RunDirectory, tmp_path: Path) -> None:
    """No run stands still between its stages because of a key."""
    terminal = Terminal(words(run, tmp_path))
    seen(tmp_path / "val4", terminal.process)
    terminal.types(b"\x1a")
    assert b"VERIFIED" in terminal.shows()
    assert terminal.process.wait(LIMIT_S) == 0
    verified(run)


def ended_by(run: RunDirectory, state: RunState) -> None:
    assert isinstance(read_journal(run.journal)[-1].event, RunEnded)
    result = remediate("status", run.name, "--json").document["result"]
    assert isinstance(result, dict)
    assert result["state"] == state


@pytest.mark.parametrize(("mark", "times"), [("val4", 1), ("gate1", 3), ("val3", 3)])
def test_a_termination_stops_in_order(
    run: RunDirectory, tmp_path: Path, mark: str, times: int
) -> None:
    """As the first Ctrl-C, however often it comes: 9, and the journal has its end."""
    process = subprocess.Popen(
        words(run, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    seen(tmp_path / mark, process)
    for _ in range(times):
        process.terminate()
        time.sleep(0.02)
    _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 9
    assert b"stopped by a person" in errors
    ended_by(run, RunState.ABORTED)


def test_a_termination_before_anything_was_done(run: RunDirectory, tmp_path: Path) -> None:
    """130, as Ctrl-C: there is no journal, and the run can still be applied."""
    process = subprocess.Popen(
        words(run, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    seen(tmp_path / "reading", process)
    process.terminate()
    assert process.wait(LIMIT_S) == 130
    assert not run.journal.exists()


def test_a_termination_while_the_checks_run(run: RunDirectory, tmp_path: Path) -> None:
    """9: everything was done, its proof can be had again."""
    process = subprocess.Popen(
        words(run, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    seen(tmp_path / "checking", process)
    process.terminate()
    _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 9, errors
    ended_by(run, RunState.UNVERIFIED)


def test_what_was_ignored_stays_ignored(run: RunDirectory, tmp_path: Path) -> None:
    """`nohup`, or a script's background: its Ctrl-C is meant for others."""
    done = shell(
        f"trap '' INT TERM; \"$@\" & while [ ! -e {tmp_path}/gate1 ]; do sleep 0.05; done; "
        "kill -INT $!; kill -TERM $!; wait $!",
        words(run, tmp_path),
    )
    assert done.returncode == 0, done.stderr
    verified(run)
