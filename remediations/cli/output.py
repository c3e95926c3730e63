"""What a command answers with, how the terminal shows it, and the command that comes next."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from click.core import ParameterSource

from remediations.errors import ExitCode


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The whole output of a command. `text` is ready to print; `document` is what `--json`
    prints."""

    exit_code: ExitCode
    document: object
    text: str


NARROWEST, WIDEST = 40, 120


@dataclass(frozen=True, kw_only=True)
class TerminalStyle:
    """How to render text. `colour` is off with NO_COLOR or TERM=dumb, and outside of a terminal."""

    width: int
    colour: bool


def terminal_style() -> TerminalStyle:
    """The style for standard output. Without a terminal: 80 columns, no colour."""
    tty = sys.stdout.isatty()
    columns = _columns() if tty else 80
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return TerminalStyle(width=max(NARROWEST, min(WIDEST, columns)), colour=tty and not plain)


def _columns() -> int:
    # Imported here: it loads three libraries of compression, and no other quick command needs it.
    import shutil

    return shutil.get_terminal_size((80, 24)).columns


def next_command(*words: str, inventory: Path | str | None = None) -> str:
    """The text `remediate WORDS`, ready to be copied. The first word is a command that takes an
    inventory.

    It names `inventory`, or else the inventory that was typed as an option of the current command.
    One that came from the environment is not named: it will be there the next time, too.
    """
    named = _typed() if inventory is None else inventory
    option = () if named is None else ("--inventory", shlex.quote(str(named)))
    return " ".join(("remediate", *words, *option))


def _typed() -> Path | None:
    context = click.get_current_context(silent=True)
    if context is None:
        return None
    if context.get_parameter_source("inventory") is not ParameterSource.COMMANDLINE:
        return None
    inventory: Path = context.params["inventory"]
    return inventory
