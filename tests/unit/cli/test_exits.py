"""The one way out: each error's code, its text, and exactly one JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from remediations import errors
from remediations.cli.exits import run_command
from remediations.cli.output import CommandResult
from remediations.errors import ExitCode, RemediationError

CODES = {
    "UsageError": 2,
    "Refused": 4,
    "ApprovalError": 5,
    "WorldChanged": 6,
    "PartlyApplied": 7,
    "Aborted": 9,
    "Locked": 10,
    "Unreadable": 11,
    "MachineError": 12,
}
"""The documented codes, once more by hand: they are a promise to scripts."""

Captured = pytest.CaptureFixture[str]


def raising(error: BaseException) -> Callable[[], object]:
    def run() -> object:
        raise error

    return run


def error_of(name: str) -> RemediationError:
    kind: type[RemediationError] = getattr(errors, name)
    return kind("what happened", guard="G1", got="40", expected="67", next_step="remediate list")


def document(capsys: Captured) -> dict[str, object]:
    """Everything on stdout, which has to be one JSON document on one line."""
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    found = json.loads(out)
    assert isinstance(found, dict)
    assert set(found) == {"exit_code", "outcome", "result", "error"}
    return found


def test_every_error_has_a_documented_code() -> None:
    """No subclass is without a code of its own."""
    kinds = {kind.__name__: int(kind.exit_code) for kind in RemediationError.__subclasses__()}
    assert kinds == CODES
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("name", list(CODES))
def test_error_as_text(name: str, capsys: Captured) -> None:
    """Text of an error goes to stderr: what, guard, got, expected, next."""
    assert run_command(raising(error_of(name)), []) == CODES[name]
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "error: what happened\n  guard     G1\n  got       40\n  expected  67\n"
        "  next      remediate list\n"
    )


@pytest.mark.parametrize("name", list(CODES))
def test_error_as_json(name: str, capsys: Captured) -> None:
    """With --json the same, as one document on stdout, with the same code."""
    assert run_command(raising(error_of(name)), ["--json"]) == CODES[name]
    found = document(capsys)
    assert found["exit_code"] == str(CODES[name])
    assert found["outcome"] == ExitCode(CODES[name]).name.lower()
    assert found["result"] is None
    assert found["error"] == {
        "what": "what happened",
        "guard": "G1",
        "got": "40",
        "expected": "67",
        "next": "remediate list",
    }


@pytest.mark.parametrize("code", list(ExitCode))
def test_answer(code: ExitCode, capsys: Captured) -> None:
    """An answer's code is the process's; its text and its document never mix."""
    answer = CommandResult(exit_code=code, document={"height": 2**60}, text="all is well\n\n")
    assert run_command(lambda: answer, []) == code
    assert capsys.readouterr() == ("all is well\n", "")
    assert run_command(lambda: answer, ["x", "--json"]) == code
    found = document(capsys)
    assert found["result"] == {"height": "1152921504606846976"}
    assert found["error"] is None


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt(), click.Abort()])
def test_interrupt(interrupt: BaseException, capsys: Captured) -> None:
    """Ctrl-C ends with 130, in text and in JSON, without a traceback."""
    assert run_command(raising(interrupt), []) == 130
    assert capsys.readouterr().err.startswith("error: interrupted\n")
    assert run_command(raising(interrupt), ["--json"]) == 130
    assert document(capsys)["outcome"] == "interrupted"


def test_wrong_command_line(capsys: Captured) -> None:
    """click's own complaints have the same form."""
    error = click.UsageError("No such option '--foce'.")
    assert run_command(raising(error), ["apply", "--foce"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: No such option '--foce'.\n")
    assert "got       apply --foce" in err
    assert "next      remediate apply --help" in err, "the command whose options are asked for"
    assert run_command(raising(error), ["--foce"]) == 2
    assert "next      remediate --help" in capsys.readouterr().err
    assert run_command(raising(error), ["apply", "--json"]) == 2
    assert document(capsys)["outcome"] == "usage"


@pytest.mark.parametrize(("value", "code"), [(None, 0), (0, 0), (2, 2), (99, 2)])
def test_click_gives_a_number(value: object, code: int) -> None:
    """Not our own answer: click's exit code. An undocumented one is a usage error."""
    assert run_command(lambda: value, []) == code


def test_help_is_not_in_the_document(capsys: Captured) -> None:
    """What click prints by itself stands beside the document, not before it."""

    def run() -> object:
        click.echo("Usage: …")
        return 0

    assert run_command(run, ["--help", "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == "Usage: …\n"
    assert json.loads(out)["exit_code"] == "0"


def bug() -> object:
    secret_depth = {"a": 1}
    return secret_depth["b"]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_bug(
    arguments: list[str], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug ends with 70; the traceback is in a file that is named, never on the terminal."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_command(bug, arguments) == 70
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "this is a bug: KeyError: 'b'" in out + err
    (file,) = tmp_path.glob("remediate-bug-*.txt")
    assert str(file) in out + err
    text = file.read_text()
    assert "Traceback (most recent call last)" in text
    assert "in bug" in text


def test_bug_on_a_full_disk(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no traceback can be kept, that is said, and still no traceback is shown."""
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    assert run_command(bug, []) == 70
    err = capsys.readouterr().err
    assert "no traceback was kept" in err
    assert "Traceback" not in err


def test_names_that_are_not_text(capsys: Captured) -> None:
    """A file name with bytes that are not UTF-8 is shown with them in both forms."""
    error = error_of("UsageError")
    error.got = "caf\udce9.json"
    for arguments in ([], ["--json"]):
        assert run_command(raising(error), arguments) == 2
        assert re.search(r"caf\\{1,2}u\{dce9\}\.json", "".join(capsys.readouterr()))
