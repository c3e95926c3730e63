"""The one place through which every answer and every error leaves the program.

With `--json` exactly one JSON document goes to stdout on every path; a command that watches prints
one for each look before it (`print_early`). Text goes to stdout if it is
the answer, and to stderr if it is an error. A traceback is never printed: that of a bug is written
to a file, which is named. If the reader of the output goes away, a command that only reads ends.
One that changes hosts goes on, and its exit code says how it ended.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress
from contextvars import ContextVar
from typing import TextIO

import click

from remediations.cli.output import CommandResult
from remediations.errors import ExitCode, RemediationError
from remediations.render.printable import printable
from remediations.values.known_secrets import without_secrets

CHANGES_HOSTS = "apply"
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_DOCUMENTS: ContextVar[TextIO | None] = ContextVar("documents", default=None)
"""Standard output while a command with `--json` runs; None without it."""


def run_command(run: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command and print its result. Returns the exit code, and never raises."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    with _outliving() if command == CHANGES_HOSTS else nullcontext():
        return _leave(run, arguments)


@contextmanager
def _outliving() -> Iterator[None]:
    """Neither the terminal nor a reader can end or block what runs in the block."""
    from remediations.cli.signals import survive_hangup
    from remediations.cli.streams import detached_streams

    with survive_hangup(), detached_streams():
        yield


def _leave(run: Callable[[], object], arguments: Sequence[str]) -> int:
    as_json = "--json" in arguments
    outcome: CommandResult | _Failure | None = None
    try:
        # Only the document goes to stdout; what click itself prints (--help) goes to stderr.
        with _documents_to(sys.stdout) if as_json else nullcontext():
            outcome = _outcome(run, arguments)
        return _print(outcome, as_json=as_json)
    except BrokenPipeError:
        _give_up(sys.stdout)
        return ExitCode.BROKEN_PIPE
    except OSError as error:  # a full disk, a terminal that hung up
        if isinstance(outcome, _Failure) and not as_json:
            _give_up(sys.stderr)
            return outcome.exit_code
        _give_up(sys.stdout)
        with suppress(OSError):
            sys.stderr.write(f"error: the answer cannot be written: {error.strerror}\n")
            sys.stderr.flush()
        return ExitCode.MACHINE


@contextmanager
def _documents_to(stream: TextIO) -> Iterator[None]:
    token = _DOCUMENTS.set(stream)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _DOCUMENTS.reset(token)


def wants_json() -> bool:
    """Whether the command that runs was asked for JSON."""
    return _DOCUMENTS.get() is not None


def print_early(answer: CommandResult | RemediationError) -> None:
    """Print the document of an answer that is not the last one; nothing without `--json`.

    Raises:
        OSError: it cannot be written.
    """
    stream = _DOCUMENTS.get()
    if stream is not None:
        print_json(_failure(answer) if isinstance(answer, RemediationError) else answer, stream)


def _give_up(stream: TextIO) -> None:
    """Redirect a broken stream to nowhere, so that the interpreter does not write to it either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _outcome(run: Callable[[], object], arguments: Sequence[str]) -> CommandResult | _Failure:
    try:
        answer = run()
    except RemediationError as error:
        return _failure(error)
    except click.exceptions.Exit as error:
        return CommandResult(exit_code=_code(error.exit_code), document=None, text="")
    except click.ClickException as error:
        return _usage(error, arguments)
    except (KeyboardInterrupt, click.Abort):
        return _Failure(
            ExitCode.INTERRUPTED,
            "interrupted",
            "Ctrl-C",
            "an interrupt",
            "the command to end by itself",
            "remediate status",
        )
    except BrokenPipeError:
        raise
    except SystemExit as error:
        if error.code:  # click ends the process itself if its help cannot be written
            raise BrokenPipeError from error
        return CommandResult(exit_code=ExitCode.OK, document=None, text="")
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug becomes exit 70
        return _bug(error)
    if isinstance(answer, CommandResult):
        return answer
    # click printed the output itself (--help, --version) and returned the exit code.
    return CommandResult(exit_code=_code(answer), document=None, text="")


class _Failure:
    """An error ready to be printed."""

    def __init__(
        self, exit_code: ExitCode, what: str, guard: str, got: str, expected: str, next_step: str
    ) -> None:
        self.exit_code = exit_code
        fields = {
            "what": what,
            "guard": guard,
            "got": got,
            "expected": expected,
            "next": next_step,
        }
        # This also escapes bytes of file names that are not UTF-8 and could not be printed.
        self.fields = {name: printable(without_secrets(text)) for name, text in fields.items()}

    def text(self) -> str:
        """One line for each field, with aligned labels. Continuation lines are indented, so that no
        value looks like a label."""
        lines = [f"error: {self.fields['what']}".replace("\n", f"\n{'':<12}")]
        lines += [
            f"  {label:<9} {self.fields[label]}".replace("\n", f"\n{'':<12}")
            for label in ("guard", "got", "expected", "next")
            if self.fields[label]
        ]
        return "\n".join(lines)


def _failure(error: RemediationError) -> _Failure:
    return _Failure(
        error.exit_code, error.what, error.guard, error.got, error.expected, error.next_step
    )


def _usage(error: click.ClickException, arguments: Sequence[str]) -> CommandResult | _Failure:
    if not arguments:
        return CommandResult(exit_code=ExitCode.USAGE, document=None, text=error.format_message())
    context = getattr(error, "ctx", None)
    if context is not None:
        command = context.command_path
    elif arguments[0].startswith("-"):
        command = "remediate"
    else:  # an option's own parser does not know of which command it is
        command = f"remediate {arguments[0]}"
    return _Failure(
        ExitCode.USAGE,
        error.format_message(),
        "command line",
        " ".join(arguments),
        f"usage: {command} …",
        f"{command} --help",
    )


def _bug(error: Exception) -> _Failure:
    # Imported here: they are needed for a bug only.
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="remediate-bug-", suffix=".txt", delete=False
        ) as file:
            file.write(without_secrets("".join(traceback.format_exception(error))))
        next_step = f"report it with {file.name}; nothing further was done"
    except OSError as unwritable:
        next_step = f"report it (no traceback was kept: {unwritable}); nothing further was done"
    return _Failure(
        ExitCode.BUG,
        f"this is a bug: {type(error).__name__}: {error}",
        "none",
        "an exception",
        "an answer or a documented error",
        next_step,
    )


def _code(value: object) -> ExitCode:
    """The exit code for what click returns: a number, or None for success."""
    if value is None:
        return ExitCode.OK
    return next((code for code in ExitCode if code == value), ExitCode.USAGE)


def _print(result: CommandResult | _Failure, *, as_json: bool) -> int:
    if as_json:
        print_json(result, sys.stdout)
    elif isinstance(result, _Failure):
        sys.stderr.write(result.text() + "\n")
        sys.stderr.flush()
    elif result.text:
        sys.stdout.write(result.text.rstrip("\n") + "\n")
        sys.stdout.flush()
    return result.exit_code


def print_json(result: CommandResult | _Failure, stream: TextIO) -> None:
    """Write the document: exit code and its name, then `result` or `error`.

    It is ASCII, with JSON escapes for the rest: parsers get the same value, and nothing in it can
    control the terminal of a person who looks at it.
    """
    from remediations.values.wire import canonical

    document = {
        "exit_code": int(result.exit_code),
        "outcome": result.exit_code.name.lower(),
        "result": result.document if isinstance(result, CommandResult) else None,
        "error": result.fields if isinstance(result, _Failure) else None,
    }
    text = _NOT_ASCII.sub(_escaped, canonical(document).decode())
    stream.flush()
    stream.buffer.write(text.encode("ascii") + b"\n")
    stream.buffer.flush()


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
