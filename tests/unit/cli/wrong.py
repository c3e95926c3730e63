"""What every refusal has in common, asserted in one place for all tests of wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from remediations.errors import ExitCode
from tests.unit.cli.desk import Done, remediate

SCRIPT = Path(sys.executable).parent / "remediate"
"""The console script itself."""
LIMIT_S = 60
"""For a process that should end by itself at once; only a hang comes near it."""
LABELS = ("got", "expected", "next")

Argument = str | Path


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, and every directory, which has no bytes."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else b""
        for path in sorted(directory.rglob("*"))
    }


def is_error(done: Done, code: int, *words: str) -> None:
    """One error as text: what, got, expected and next, each once, and nothing else."""
    said = done.err.lstrip("\n")  # click ends the line where Ctrl-C was typed
    assert done.code == code, said
    assert done.out == ""
    assert said.startswith("error: ")
    assert said.count("error: ") == 1
    for label in LABELS:
        assert said.count(f"\n  {label:<9} ") == 1, said
    for word in words:
        assert word in said
    assert "Traceback" not in said


def is_document(done: Done, code: int, *words: str) -> dict[str, str]:
    """The same as the only JSON document on stdout; its error."""
    document = done.document
    assert done.code == code, done.out
    assert "Traceback" not in done.out + done.err
    assert document["outcome"] == ExitCode(code).name.lower()
    assert document["result"] is None
    error = document["error"]
    assert isinstance(error, dict)
    assert all(error[name] for name in ("what", *LABELS))
    for word in words:
        assert word in json.dumps(error, ensure_ascii=False)
    return error


def refused(code: int, *words: str, arguments: Sequence[Argument], state: Path) -> dict[str, str]:
    """Run it with and without --json: the same refusal twice, and `state` as it was before."""
    before = contents(state)
    is_error(remediate(*arguments), code, *words)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    whole = (*arguments[:end], "--json", *arguments[end:])
    error = is_document(remediate(*whole), code, *words)
    assert contents(state) == before
    return error


def console(
    *arguments: Argument,
    state: Path,
    prefix: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Done:
    """The command in a process of its own, in the words of the console script."""
    done = subprocess.run(
        [*prefix, str(SCRIPT), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "REMEDIATE_HOME": str(state), **(environment or {})},
        timeout=LIMIT_S,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def begun(
    *arguments: Argument, state: Path, program: Sequence[str] = (str(SCRIPT),), **environment: str
) -> subprocess.Popen[str]:
    """The command as a terminal starts it: the leader of a process group."""
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "REMEDIATE_HOME": str(state), **environment},
    )


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C: every process of the group hears it."""
    os.killpg(process.pid, signal.SIGINT)


def ended(process: subprocess.Popen[str]) -> Done:
    """How it ended, by itself; one that does not is killed, and the test fails."""
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return Done(process.returncode, out, err)
