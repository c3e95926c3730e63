"""`remediate approve RUN --key KEY`: sign exactly this plan, after seeing what is signed."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult, next_command, terminal_style
from remediations.engine.approve.approval import consequences_text, statement_for, statement_text
from remediations.engine.approve.approve import approve_plan
from remediations.engine.runs.history import check_open
from remediations.engine.runs.store import find_run
from remediations.errors import Aborted, ApprovalError, ExitCode
from remediations.render.printable import one_line

TYPED = 8
"""Digits of the digest that a person types to confirm."""


@click.command("approve", help="Sign the plan of RUN with an SSH key (file, agent or hardware).")
@run_argument
@click.option(
    "--key",
    required=True,
    envvar="REMEDIATE_KEY",
    type=click.Path(path_type=Path),
    help="Private key file, or the .pub of a key in the agent. Also: $REMEDIATE_KEY.",
)
@inventory_option
@click.option("--allowed-signers", type=click.Path(path_type=Path), help="Who may approve.")
@click.option(
    "--yes", is_flag=True, help="Do not ask. For scripts that have shown the plan before."
)
@json_option
def command(
    run: str, key: Path, inventory: Path | None, allowed_signers: Path | None, yes: bool
) -> CommandResult:
    """Exit 0: approved. 5: the approval would not be valid."""
    directory = find_run(run)
    plan = directory.plan
    check_open(directory)
    statement = statement_for(plan)
    shown = f"{consequences_text(plan)}\n{statement_text(statement)}"
    if not yes:
        # Imported here: with --yes nothing is drawn.
        from remediations.engine.plan.render_text import plan_screen

        style = terminal_style()
        screen = plan_screen(plan, statement.plan, width=style.width, colour=style.colour)
        _ask(f"{screen}\n\n{shown}", statement.plan)
    signers = Anchors(plan, inventory, allowed_signers).verifier
    with suppress(RuntimeError):  # `~nobody`: the missing file is reported below
        key = key.expanduser()
    approval = approve_plan(plan, key, signers, datetime.now(UTC))
    path = directory.add_approval(approval)
    before = f"{shown}\n\n" if yes else ""
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"run": directory.name, "approval": approval, "file": str(path)},
        text=f"{before}approved by {one_line(approval.principal)} with {approval.key_fingerprint}\n"
        "(in this version the planner may be the approver)\n"
        f"next: {next_command('apply', directory.reference)}",
    )


def _ask(text: str, digest: str) -> None:
    if not sys.stdin.isatty():
        raise ApprovalError(
            "there is no terminal to ask on",
            guard="confirmation",
            got="standard input is not a terminal",
            expected="a person who reads what is signed",
            next_step=f"read it (`remediate show {digest[:TYPED]}`), then add --yes",
        )
    click.echo(text, err=True)
    typed = click.prompt(f"Type the first {TYPED} digits of the plan", err=True, default="")
    if typed.strip() != digest[:TYPED]:
        raise Aborted(
            "not approved",
            guard="confirmation",
            got=repr(typed),
            expected=digest[:TYPED],
            next_step=f"read the plan again: `remediate show {digest[:TYPED]}`",
        )
