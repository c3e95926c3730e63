"""`remediate approve RUN --key KEY`: sign exactly this plan, after seeing what is signed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.approve.approve import approve
from remediations.approve.statement import statement_for, statement_text
from remediations.cli.answer import Answer
from remediations.cli.options import json_option, run_argument
from remediations.errors import Aborted, ApprovalError, ExitCode
from remediations.model.inventory import Inventory
from remediations.run.store import find

TYPED = 8
"""Digits of the digest that a person types to agree."""


@click.command("approve", help="Sign the plan of RUN with an SSH key (file, agent or hardware).")
@run_argument
@click.option(
    "--key",
    required=True,
    envvar="REMEDIATE_KEY",
    type=click.Path(path_type=Path),
    help="Private key file, or the .pub of a key in the agent. Also: $REMEDIATE_KEY.",
)
@click.option("--allowed-signers", type=click.Path(path_type=Path), help="Who may approve.")
@click.option("--yes", is_flag=True, help="Do not ask; for scripts that showed the plan before.")
@json_option
def command(run: str, key: Path, allowed_signers: Path | None, yes: bool) -> Answer:
    """Exit 0: approved. 5: the approval would not be valid."""
    directory = find(run)
    plan = directory.plan()
    statement = statement_for(plan)
    if not yes:
        _ask(statement_text(statement), statement.plan)
    signers = allowed(directory.inventory(), allowed_signers)
    approval = approve(plan, key.expanduser(), signers, datetime.now(UTC))
    path = directory.add_approval(approval)
    shown = f"{statement_text(statement)}\n\n" if yes else ""
    return Answer(
        exit_code=ExitCode.OK,
        document={"run": directory.name, "approval": approval, "file": str(path)},
        text=f"{shown}approved by {approval.principal} with {approval.key_fingerprint}\n"
        "(in this version the planner may be the approver)\n"
        f"next: remediate apply {directory.name}",
    )


def allowed(inventory: Inventory, given: Path | None) -> Path:
    """The list of who may approve: the option, else the inventory's.

    Raises:
        ApprovalError: neither names one.
    """
    if given is not None:
        return given
    if inventory.allowed_signers is not None:
        return Path(inventory.allowed_signers)
    raise ApprovalError(
        "nobody is allowed to approve: there is no allowed_signers file",
        guard="allowed_signers",
        got="none in the inventory, none given",
        expected="a file in the form of ssh-keygen(1), ALLOWED SIGNERS",
        next_step="add `allowed_signers: FILE` to the inventory, or give --allowed-signers FILE",
    )


def _ask(text: str, digest: str) -> None:
    if not sys.stdin.isatty():
        raise ApprovalError(
            "there is no terminal to ask on",
            guard="confirmation",
            got="standard input is no terminal",
            expected="a person who reads what is signed",
            next_step="run it in a terminal, or with --yes after `remediate show`",
        )
    click.echo(text, err=True)
    typed = click.prompt(f"Type the first {TYPED} digits of the plan", err=True, default="")
    if typed.strip() != digest[:TYPED]:
        raise Aborted(
            "not approved",
            guard="confirmation",
            got=repr(typed),
            expected=digest[:TYPED],
            next_step="read the plan again: `remediate show RUN`",
        )
