"""A reader of the documentation at a desk, who types what the pages say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import click

from remediations.cli.main import cli
from remediations.engine.plan.plan_file import PLAN_FILE
from remediations.engine.runs.store import find_run
from remediations.errors import ExitCode
from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import quorum_lost

OFFLINE = frozenset(
    {
        "list",
        "explain",
        "path",
        "completion",
        "schema",
        "show",
        "status",
        "report",
        "approve",
        "diff",
    }
)
"""Commands that contact no host. Others contact none with `--from`."""

LEFT_OUT = "…"
_NUMBER = re.compile(r"[0-9]+")


class Reader(Desk):
    """A desk on which the files lie that the pages name."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.inventory = self.inventory.rename(directory / "my-chain.yaml")
        self.saved(worlds.healthy(), "healthy", fresh=False)
        self.saved(worlds.stopped(worlds.healthy(), "full1"), "full1-down")
        self.seen = self.saved(quorum_lost(), "seen")

    def plans(self) -> None:
        """Make the one run that `last` then means, with a copy of its plan's file."""
        done = remediate("plan", "INC-001", "--from", self.seen)
        assert done.code == ExitCode.CHANGES_PENDING, done.err
        shutil.copy(find_run("last").path / PLAN_FILE, self.path)

    def types(self, words: Sequence[str]) -> list[str]:
        """The words after `remediate`, with the key of this desk, and without a terminal."""
        said = list(words[1:])
        if "--key" in said:
            said[said.index("--key") + 1] = str(self.key)
            said += [] if "--yes" in said else ["--yes"]
        return said


def parse(words: Sequence[str]) -> click.Context | None:
    """What click makes of `remediate …`, without running it; None for `--help` and `--version`.

    Raises:
        click.UsageError: there is no such command, option, choice or number of arguments.
    """
    command: click.Command = cli
    rest = list(words[1:])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        if found is None:
            raise click.UsageError(f"no command {rest[0]!r}")
        command, rest = found, rest[1:]
    try:
        with command.make_context(command.name, rest) as context:  # ends the log that -v opened
            return context
    except click.exceptions.Exit:
        return None


def contacts_nobody(words: Sequence[str]) -> bool:
    """Whether `remediate …` can really be run where there is no host."""
    return words[1] in OFFLINE or words[1].startswith("--") or "--from" in words


def missing_lines(shown: Sequence[str], printed: str) -> list[str]:
    """The lines of a page's screen that are not printed in that order, numbers aside."""
    left = iter([_NUMBER.sub("0", line).rstrip() for line in printed.splitlines()])
    return [
        line
        for line in shown
        if line.strip() not in ("", LEFT_OUT) and _NUMBER.sub("0", line).rstrip() not in left
    ]
