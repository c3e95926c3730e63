"""The command that comes next, written in one place, so that it works when it is copied."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
from click.core import ParameterSource


def next_command(*words: str, inventory: Path | str | None = None) -> str:
    """`remediate` with `words`, which begin with a command that takes an inventory, and may be
    placeholders.

    It is to act on `inventory`; where that is left out, on the one that was typed as an option of
    the command that runs now. What came from the environment is there the next time, too.
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
