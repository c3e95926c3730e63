"""`remediate`: the command group. The module of a command is imported only if that command runs."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING

import click

from remediations import __version__
from remediations.cli.exits import run_command
from remediations.cli.options import json_option, with_log_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COLLECT_EVERY = 50_000
"""Objects between two garbage collections. A command runs for seconds and creates hardly any
cycles; with Python's 700, a tenth of its time goes into collections."""

COMMANDS: dict[str, str] = {
    "doctor": "say what this machine, the inventory and the hosts have and lack",
    "inventory": "propose an inventory from a few hosts and what the chain says",
    "list": "list the playbooks with their branches, and the systems that are read",
    "diagnose": "read all hosts and say what is wrong, with the evidence",
    "diff": "say what changed between two saved observations",
    "stage": "bring a program to the hosts, by the hash of its content; nothing that runs changes",
    "plan": "show exactly what would be done to which machine, and what could go wrong",
    "whatif": "say what would happen if hosts stopped, links broke, or a playbook ran",
    "show": "show a plan as text, Markdown, HTML or JSON",
    "approve": "sign a plan with an SSH key",
    "approvals": "say who has signed a plan, who still may, and add an approval from a file",
    "apply": "carry out an approved plan, stopping the moment the world differs",
    "export": "write a run as one file, to be read, signed and applied elsewhere",
    "import": "take a run from such a file",
    "status": "say what state a run is in, from its journal",
    "resume": "go on with a run that stopped, or whose process died",
    "stop": "let nothing more of a run start, from any machine, with a receipt for each step",
    "abandon": "give a run up, and say in what state each target is left",
    "undo": "take back what a run did, newest first, by the steps approved for it",
    "steal": "take a resource from a run that nobody can go on with, and say why",
    "verify": "prove (again) that a run's recovery holds",
    "report": "write the report of a run",
    "alerts": "print the alert rules of the domains, as Prometheus reads them",
    "explain": "say what an id or a word on the screen means, and why",
    "path": "print where the deploys, the probe and the checks are",
    "schema": "print the JSON Schema of a document or a part",
    "completion": "print the completion script for a shell",
}
"""One line of help for each command, which is `remediations.cli.commands.NAME.command`."""
UNLISTED = frozenset({"preflight"})
"""Commands for our deploys (docs/deploys.md), which are not in the help or the completion."""


class Commands(click.Group):
    """Loads commands lazily, so that `--help` and `status` do not import SSH or pyinfra."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command called `cmd_name`, imported now."""
        if cmd_name not in COMMANDS and cmd_name not in UNLISTED:
            return None
        module = import_module(f"remediations.cli.commands.{_module(cmd_name)}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is not a click command")
        return with_log_option(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Matching names of commands, without importing any; options as in click."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=text)
            for name, text in COMMANDS.items()
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _module(name: str) -> str:
    return f"{name}_" if name in ("list", "import") else name


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="remediate")
@json_option
def cli() -> None:
    """From an alert to a verified recovery of a VirtEngine chain: reviewed, reversible, recorded.

    diagnose → plan → approve → apply → verify → report. Reading commands change nothing.
    """


with_log_option(cli)


def main() -> None:
    """The console script: runs a command and exits with a documented code."""
    gc.set_threshold(COLLECT_EVERY)
    arguments = sys.argv[1:]
    _have_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, TextIOWrapper
        ):  # a terminal without → or ─ shows ? instead of a traceback
            stream.reconfigure(errors="replace")
    code = run_command(
        lambda: cli.main(args=list(arguments), prog_name="remediate", standalone_mode=False),
        arguments,
    )
    gc.freeze()  # Python collects all that is left twice as it ends: 60 ms after reading 50 hosts
    sys.exit(code)


def _have_streams() -> None:
    """Replace standard streams that the caller closed (`>&-`) with /dev/null.

    In this order each gets the lowest free descriptor, which is its own.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))
