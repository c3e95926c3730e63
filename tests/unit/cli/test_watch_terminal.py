"""`diagnose --watch` in a terminal: what is drawn, and how the terminal is left."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.cli.conclusions import Diagnosis
from remediations.cli.output import TerminalStyle
from remediations.cli.watch_screen import ENTER, HOME, LEAVE, WatchScreen, fitted
from remediations.engine.catalogue import catalogue
from remediations.engine.find.conclude import conclude
from remediations.engine.observe.heard import HostsHeard
from remediations.machine.config import MachineConfig
from remediations.systems.comet.reading import sealed
from tests import worlds
from tests.unit.cli.desk import Desk
from tests.unit.cli.watched import HANG, unreadable
from tests.unit.cli.wrong import LIMIT_S
from tests.unit.plan.cases import quorum_lost

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C = b"\x03"
ROWS = 18


class Terminal:
    """A command in a terminal of its own, which controls it."""

    def __init__(self, desk: Desk, looks: Sequence[Path | str], rows: int, *more: str) -> None:
        self.closed = desk.path / f"closed-{time.monotonic_ns()}"
        environment = {
            **{name: value for name, value in os.environ.items() if name != "NO_COLOR"},
            "TERM": "xterm-256color",
            "LOOKS": ":".join(map(str, looks)),
            "CLOSED": str(self.closed),
        }
        words = [sys.executable, "-m", "tests.unit.cli.watched", "diagnose", "--watch=1", *more]
        self.process, self.screen = pty.fork()
        if self.process == 0:
            with contextlib.suppress(BaseException):
                os.execve(sys.executable, words, environment)
            os._exit(127)
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
        self.text = ""

    def read_until(self, words: str) -> str:
        """Wait until this was written; all that was."""
        end = time.monotonic() + LIMIT_S
        while words not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self.screen], [], [], 0.2)[0]:
                self.text += os.read(self.screen, 65536).decode()
        return self.text

    def end(self) -> tuple[int, str]:
        """The exit code, and everything that was written."""
        with contextlib.suppress(OSError):  # how Linux says that a terminal was closed
            while more := os.read(self.screen, 65536):
                self.text += more.decode()
        code = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        self.process = 0
        assert "Traceback" not in self.text
        return code, self.text

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.screen)


@contextlib.contextmanager
def terminal(desk: Desk, *looks: Path | str, rows: int = 40) -> Iterator[Terminal]:
    opened = Terminal(desk, looks, rows)
    try:
        yield opened
    finally:
        opened.close()


def left(text: str) -> str:
    """What stands in the terminal after the command, without colours."""
    before, mark, after = text.rpartition(LEAVE)
    assert mark
    assert before.count(ENTER) == 1
    return ESCAPES.sub("", after).replace("\r\n", "\n")


def test_it_is_drawn_anew_until_all_is_well(desk: Desk) -> None:
    """The alternate screen shows both looks; the diagnosis that ended it stays, with exit 0."""
    lost, well = desk.saved(quorum_lost(), "lost"), desk.saved(worlds.healthy(), "well")
    with terminal(desk, lost, well) as watching:
        code, text = watching.end()
        assert code == 0
        drawn = ESCAPES.sub("", text.partition(LEAVE)[0])
        assert "QUORUM-LOST: halted" in drawn
        assert "next look in 1 s" in drawn
        assert left(text).startswith("HEALTHY: not halted\n")
        assert watching.closed.exists()


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_an_interrupt_leaves_the_last_diagnosis(desk: Desk, how: str) -> None:
    """130, the terminal as before, connections closed; not an error, since a person wanted it."""
    lost = desk.saved(quorum_lost(), "lost")
    with terminal(desk, lost, HANG) as watching:
        watching.read_until("looking now: 1 of 6 hosts")
        if how == "Ctrl-C":
            os.write(watching.screen, CTRL_C)
        else:
            os.kill(watching.process, signal.SIGTERM)
        code, text = watching.end()
        assert code == 130
        shown = left(text)
        assert "QUORUM-LOST: halted\n" in shown
        assert "the watch was ended after 1 look, the last at " in shown
        assert "error" not in shown
        assert watching.closed.exists()


def test_an_interrupt_before_the_first_look_ends(desk: Desk) -> None:
    """There is nothing to leave: the usual error."""
    with terminal(desk, HANG) as watching:
        watching.read_until("looking now: 1 of 6 hosts answered")
        os.write(watching.screen, CTRL_C)
        code, text = watching.end()
        assert code == 130
        assert left(text).lstrip("^C\n").startswith("error: interrupted")
        assert watching.closed.exists()


def test_in_a_pipe_an_interrupt_is_the_usual_error(desk: Desk, tmp_path: Path) -> None:
    """What was printed stays; 130, and nothing is left open."""
    lost = desk.saved(quorum_lost(), "lost")
    looks = {"LOOKS": f"{lost}:{HANG}", "CLOSED": str(tmp_path / "closed")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.cli.watched", "diagnose", "--watch=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **looks},
    )
    assert process.stdout is not None
    assert "QUORUM-LOST" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130
    assert err.lstrip("\n").startswith("error: interrupted\n")
    assert (tmp_path / "closed").exists()


def test_a_reader_that_goes_away_ends_it(desk: Desk, tmp_path: Path) -> None:
    """`| head -1`: 141 at the next line, without a word."""
    lost, well = desk.saved(quorum_lost(), "lost"), desk.saved(worlds.healthy(), "well")
    looks = {"LOOKS": f"{lost}:{well}", "CLOSED": str(tmp_path / "closed")}
    words = f"{sys.executable} -m tests.unit.cli.watched diagnose --watch=1"
    done = subprocess.run(
        ["bash", "-c", f'{words} | true; echo "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        env={**os.environ, **looks},
        timeout=LIMIT_S,
    )
    assert (done.stdout, done.stderr) == ("141\n", "")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> WatchScreen:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", str(ROWS))
    return WatchScreen(lambda: TerminalStyle(width=80, colour=False), verbose=False)


def drawn(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The rows of the last drawing."""
    rows = ESCAPES.sub("", capsys.readouterr().out.rpartition(HOME)[2]).split("\r\n")
    assert len(rows) <= ROWS
    assert max(map(len, rows)) <= 80
    return rows


def test_the_next_step_is_always_on_the_screen(
    screen: WatchScreen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen that is small shows what is not well; one that is smaller loses its middle. Both are
    said."""
    found = conclude(catalogue(MachineConfig()).domains, sealed(quorum_lost()))
    screen.concluded(Diagnosis(found=found, at=datetime.now(UTC)))
    screen.pausing(10)
    rows = drawn(capsys)
    assert rows[0].endswith("ago; next look in 10 s; Ctrl-C ends")
    assert rows[1:4] == ["the screen is small: what is well is left out", "", "QUORUM-LOST: halted"]
    assert [row.split()[0] for row in rows if "stopped" in row][-1] == "val1"
    assert "waiting" not in "\n".join(rows)
    assert rows[-1] == "remediate plan INC-001"
    monkeypatch.setenv("LINES", "10")
    screen.tick()
    rows = drawn(capsys)
    assert len(rows) == 10
    assert "more lines: remediate diagnose)" in "\n".join(rows)
    assert rows[-1] == "remediate plan INC-001"


def test_an_error_is_shown_above_the_last_diagnosis(
    screen: WatchScreen, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do; the next look that works takes it away."""
    found = conclude(catalogue(MachineConfig()).domains, sealed(worlds.healthy()))
    screen.concluded(Diagnosis(found=found, at=datetime.now(UTC)))
    screen.failed(unreadable())
    screen.pausing(10)
    text = "\n".join(drawn(capsys))
    assert "this look failed: no host of the inventory could be read (login: val1" in text
    assert "next: remediate doctor" in " ".join(text.split())
    assert "HEALTHY: not halted" in text
    screen.looking(HostsHeard(["val1", "val2"]))
    screen.concluded(Diagnosis(found=found, at=datetime.now(UTC)))
    screen.pausing(10)
    assert "this look failed" not in "\n".join(drawn(capsys))


@pytest.mark.parametrize("rows", range(1, 40))
def test_a_screen_of_any_size_is_not_overrun(rows: int) -> None:
    """No more rows than there are; the last line is there from three on."""
    lines = [str(number) for number in range(30)]
    shown = fitted(lines, rows)
    assert len(shown) == min(rows, 30)
    assert rows < 3 or shown[-1] == "29"
    assert rows < 30 or shown == lines
