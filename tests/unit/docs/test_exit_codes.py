"""Every exit code of docs/exit-codes.md is reached by the program itself, in a process of its own,
and what it prints with --json fits the schema of answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from remediations.errors import ExitCode
from tests.unit.docs.lamps import Desk, Done, install, until
from tests.unit.docs.test_schema import validator

BUG = """
import remediations.cli.commands.list_ as list_
list_.command.callback = lambda: {}["no such key"]
from remediations.cli.main import main; main()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("acme"))


@pytest.fixture
def desk(tmp_path: Path, site: Path) -> Desk:
    return Desk(tmp_path, site)


def started(desk: Desk, line: str) -> subprocess.Popen[str]:
    """A command whose end is not awaited."""
    return subprocess.Popen(
        desk.command(line.split()),
        env=desk.environment(),
        cwd=desk.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


def all_well(desk: Desk) -> Done:
    desk.lamp("hall", "lit 1")
    return desk.types("diagnose --json")


def blown_fuse(desk: Desk) -> Done:
    desk.fuse("out")
    return desk.types("plan dark --json")


def nobody_signed(desk: Desk) -> Done:
    assert desk.types("plan dark").code == 3
    return desk.types("apply last --json")


def fuse_blew_since(desk: Desk) -> Done:
    desk.approved()
    desk.fuse("out")
    return desk.types("apply last --json")


def stopped_before(desk: Desk) -> Done:
    desk.approved()
    assert desk.types("stop last").code == 0
    return desk.types("apply last --json")


def applying(desk: Desk) -> subprocess.Popen[str]:
    """While the step of the hall runs."""
    desk.lamp("hall", "dark 2")
    desk.approved()
    process = started(desk, "apply last --json")
    until(lambda: desk.launched(process.pid))
    return process


def another_lamp_goes_dark(desk: Desk) -> Done:
    process = applying(desk)
    desk.lamp("porch", "dark 0")
    return ended(process)


def interrupted_run(desk: Desk) -> Done:
    process = applying(desk)
    process.send_signal(signal.SIGINT)
    return ended(process)


def applied_twice(desk: Desk) -> Done:
    desk.approved()
    assert desk.types("apply last").code == 0
    return desk.types("apply last --json")


def no_state_directory(desk: Desk) -> Done:
    done = subprocess.run(
        desk.command(["plan", "dark", "--json"]),
        env={**desk.environment(), "REMEDIATE_HOME": "/dev/null/state"},
        cwd=desk.path,
        capture_output=True,
        text=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def bug(desk: Desk) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", BUG, "list", "--json"],
        env={**desk.environment(), "TMPDIR": str(desk.path)},
        capture_output=True,
        text=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def interrupted_look(desk: Desk) -> Done:
    process = started(desk, "diagnose --watch --json")
    assert process.stdout is not None
    validator("answer").validate(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGINT)
    return ended(process)


def reader_went_away(desk: Desk) -> Done:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        desk.command(["diagnose", "--json"]),
        env=desk.environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    return Done(done.returncode, "", done.stderr)


REACHED: Mapping[ExitCode, Callable[[Desk], Done]] = {
    ExitCode.OK: all_well,
    ExitCode.USAGE: lambda desk: desk.types("show nothing --json"),
    ExitCode.CHANGES_PENDING: lambda desk: desk.types("diagnose --json"),
    ExitCode.REFUSED: blown_fuse,
    ExitCode.APPROVAL: nobody_signed,
    ExitCode.WORLD_CHANGED: fuse_blew_since,
    ExitCode.PARTLY_APPLIED: stopped_before,
    ExitCode.NOT_VERIFIED: another_lamp_goes_dark,
    ExitCode.ABORTED: interrupted_run,
    ExitCode.LOCKED: applied_twice,
    ExitCode.UNREADABLE: lambda desk: desk.types("diagnose --json", room=False),
    ExitCode.MACHINE: no_state_directory,
    ExitCode.BUG: bug,
    ExitCode.INTERRUPTED: interrupted_look,
    ExitCode.BROKEN_PIPE: reader_went_away,
}


def test_none_is_left_out() -> None:
    """Every code of the page has somebody who reaches it."""
    assert {*REACHED} == {*ExitCode}


@pytest.mark.parametrize("code", ExitCode)
def test_each_code_is_reached(code: ExitCode, desk: Desk) -> None:
    """By the process itself; its last document says the same."""
    done = REACHED[code](desk)
    assert done.code == code, f"{done.out}\n{done.err}"
    assert "Traceback" not in done.err
    if code is ExitCode.BROKEN_PIPE:
        return
    answer = json.loads(done.out.splitlines()[-1])
    validator("answer").validate(answer)
    assert (answer["exit_code"], answer["outcome"]) == (str(int(code)), code.name.lower())
