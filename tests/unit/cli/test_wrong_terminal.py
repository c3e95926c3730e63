"""Terminals that are narrow, wide, dumb, colourless, gone, or none at all."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.cli.live import LiveDisplay
from remediations.engine.apply.look import Sight
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.systems.comet.reading import sealed
from tests.unit.cli.desk import Desk, Output
from tests.unit.cli.wrong import LIMIT_S, SCRIPT, Argument, contents
from tests.unit.plan.cases import plan_of, quorum_lost

AGE = re.compile(r"\d+ s\s+ago")
"""Of what was observed: a second may pass between two screens."""
SGR = re.compile(r"\x1b\[[0-9;]*m")
ESCAPE = "\x1b"


class Screen:
    """A terminal of some columns, and everything that was written to it."""

    def __init__(self, columns: int) -> None:
        self.ours, self.theirs = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)

    def text(self) -> str:
        """All of it, once nobody has it open any more."""
        os.close(self.theirs)
        parts = []
        try:
            while part := os.read(self.ours, 65536):
                parts.append(part)
        except OSError:  # how Linux says that a terminal was closed
            pass
        os.close(self.ours)
        return b"".join(parts).decode().replace("\r\n", "\n")


def on_screen(columns: int, state: Path, *arguments: Argument, **environment: str) -> str:
    """A command in a terminal: what is to be seen. It ends by itself."""
    screen = Screen(columns)
    unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TERM")
    clean = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [str(SCRIPT), *map(str, arguments)],
        stdin=screen.theirs,
        stdout=screen.theirs,
        stderr=screen.theirs,
        env={**clean, "REMEDIATE_HOME": str(state), "TERM": "xterm-256color", **environment},
    )
    text = screen.text()
    process.wait(LIMIT_S)
    assert "Traceback" not in text
    return text


@pytest.fixture
def run(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A planned run in a state directory of its own."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    inventory = load_inventory(desk.inventory)
    now = datetime.now(UTC).replace(microsecond=0)
    world = replace(quorum_lost(), inventory_digest=inventory_digest(inventory), ended=now)
    return create_run(plan_of(world), sealed(world), inventory, now)


def shown(desk: Desk, run: RunDirectory) -> dict[str, tuple[Argument, ...]]:
    """Commands whose answer is laid out in columns."""
    return {
        "diagnose": ("diagnose", "--from", desk.saved(quorum_lost(), "terminal")),
        "show": ("show", run.name),
        "doctor": ("doctor", "-i", desk.path / "none.yaml"),
    }


@pytest.mark.parametrize(
    ("columns", "used", "command"),
    [
        (40, 40, "diagnose"),
        (40, 40, "show"),
        (40, 40, "doctor"),
        (300, 120, "diagnose"),
        (300, 120, "show"),
    ],
)
def test_width(
    desk: Desk, run: RunDirectory, tmp_path: Path, columns: int, used: int, command: str
) -> None:
    """No line is wider than the terminal, nor than can be read; only what is to be copied is."""
    text = on_screen(columns, tmp_path / "state", *shown(desk, run)[command])
    assert ESCAPE in text
    lines = SGR.sub("", text).splitlines()
    wide = [line for line in lines if len(line) > used]
    assert [line for line in wide if not line.startswith("next: ")] == []
    assert len(lines) > 10


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "yes"}]
)
def test_without_colour(
    desk: Desk, run: RunDirectory, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Not one escape sequence, and not one word less."""
    words = shown(desk, run)["diagnose"]
    plain = on_screen(80, tmp_path / "state", *words, **environment)
    assert ESCAPE not in plain
    coloured = SGR.sub("", on_screen(80, tmp_path / "state", *words))
    assert AGE.sub("", plain).split() == AGE.sub("", coloured).split()


def test_an_empty_no_color_is_none(desk: Desk, run: RunDirectory, tmp_path: Path) -> None:
    """As no-color.org has it: present and not empty."""
    text = on_screen(80, tmp_path / "state", *shown(desk, run)["diagnose"], NO_COLOR="")
    assert ESCAPE in text


@pytest.mark.parametrize("columns", [1, 40])
def test_an_error_in_a_narrow_terminal(tmp_path: Path, columns: int) -> None:
    """Errors are not laid out: what is to be copied is never torn by us."""
    text = on_screen(columns, tmp_path / "state", "show", "no-such-run-of-a-very-long-name-indeed")
    assert "error: no run is called 'no-such-run-of-a-very-long-name-indeed'\n" in text
    assert ESCAPE not in text


@pytest.mark.parametrize("term", ["dumb", "xterm-256color"])
def test_a_live_display_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, term: str) -> None:
    """It moves no cursor where there is none to move, and each change is a line there."""

    class Terminal(Output):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    plan = plan_of(quorum_lost())
    display = LiveDisplay(plan, quiet=False)
    with display.shown():
        display.stage_began(plan.stages[0])
        display.sampled(Sight(headline="height 113, no quorum", points=()))
    assert (ESCAPE in screen.text) is (term != "dumb")
    assert "no quorum" in " ".join(screen.text.split())
    assert max(len(line) for line in screen.text.replace("\r", "\n").splitlines()) < 200


def piped(state: Path, words: Sequence[Argument], reader: str) -> tuple[int, str]:
    """The exit code and the error output of a command whose output `reader` takes."""
    text = f'"$@" | {reader}; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", text, "-", str(SCRIPT), *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "REMEDIATE_HOME": str(state)},
        timeout=LIMIT_S,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["diagnose", "show", "diagnose --json"])
def test_a_closed_pipe(desk: Desk, run: RunDirectory, tmp_path: Path, command: str) -> None:
    """`| head -0`: 141, not a word, and nothing changed. Short answers may have gone out before."""
    name, _, more = command.partition(" ")
    words = shown(desk, run)[name]
    before = contents(tmp_path / "state")
    code, said = piped(tmp_path / "state", (*words, *more.split()), "head -0")
    assert (code, said) == (141, "")
    assert contents(tmp_path / "state") == before


def test_an_error_that_nobody_reads(tmp_path: Path) -> None:
    """Whichever stream the pipe was that closed: a documented code, and no traceback."""
    for more in ((), ("--json",)):
        code, said = piped(tmp_path, ("show", "nosuch", *more), "true")
        assert code in (2, 141)
        assert "Traceback" not in said
    text = f'"{SCRIPT}" show nosuch 2>&1 >/dev/null | true; exit "${{PIPESTATUS[0]}}"'
    assert subprocess.run(["bash", "-c", text], timeout=LIMIT_S).returncode in (2, 141)


@pytest.mark.parametrize(
    ("where", "words", "code"),
    [
        (">/dev/full", "status", 12),
        (">/dev/full", "status --json", 12),
        ("2>/dev/full", "show nosuch", 2),
        (">/dev/full 2>&1", "show nosuch", 2),
    ],
)
def test_a_full_disk(tmp_path: Path, where: str, words: str, code: int) -> None:
    """A documented code and no traceback: the error's own, where it is what could not go out."""
    done = without(where, tmp_path, *words.split())
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("cannot be written" in done.stderr) is (code == 12)


def without(closed: str, state: Path, *words: Argument) -> subprocess.CompletedProcess[str]:
    """A command that is started with some of its standard streams closed."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {closed}', "-", str(SCRIPT), *map(str, words)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "REMEDIATE_HOME": str(state)},
        timeout=LIMIT_S,
    )


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_nobody_can_have_agreed(desk: Desk, run: RunDirectory, tmp_path: Path, closed: str) -> None:
    """Where there is no standard input at all, nobody read what would be signed."""
    done = without(closed, tmp_path / "state", "approve", run.name, "--key", desk.key)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert run.approvals == ()


@pytest.mark.parametrize(("closed", "words"), [(">&-", ""), (">&-", "--json"), ("2>&-", "")])
def test_an_answer_that_goes_nowhere(
    desk: Desk, run: RunDirectory, tmp_path: Path, closed: str, words: str
) -> None:
    """Without the stream for it an answer is lost; its code is as ever."""
    done = without(closed, tmp_path / "state", "status", *words.split())
    assert (done.returncode, done.stderr) == (0, "")
