"""`remediate completion SHELL`: the script with which a shell completes our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_REMEDIATE_COMPLETE"
"""The variable that the script sets; click derives the same name from ours."""


@click.command("completion", help="Print shell completion: source <(remediate completion bash).")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
@json_option
def command(context: click.Context, shell: str) -> CommandResult:
    """Exit 0."""
    kind = get_completion_class(shell)
    if kind is None:
        raise TypeError(f"click has no completion for {shell}")
    script = kind(context.find_root().command, {}, "remediate", VARIABLE).source()
    return CommandResult(
        exit_code=ExitCode.OK, document={"shell": shell, "script": script}, text=script
    )
