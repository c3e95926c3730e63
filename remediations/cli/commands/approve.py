"""`remediate approve RUN --key KEY`: sign exactly this plan, after seeing what is signed."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.opened import OpenedPlan, open_plan
from remediations.cli.options import inventory_option, json_option, not_empty
from remediations.cli.output import CommandResult, next_command, terminal_style
from remediations.engine.approve.approval import (
    Approval,
    consequences_text,
    statement_for,
    statement_text,
)
from remediations.engine.approve.approval_file import check_approval_path, write_approval
from remediations.engine.approve.approve import approve_plan, sign_plan
from remediations.errors import Aborted, ApprovalError, ExitCode, UsageError
from remediations.machine.programs import SSH_KEYGEN, load_program
from remediations.render.printable import one_line

TYPED = 8
"""Digits of the digest that a person types to confirm."""


@click.command(
    "approve",
    help="Sign the plan of RUN, or a plan FILE, with an SSH key (file, agent or hardware).",
)
@click.argument("run", metavar="RUN|FILE", callback=not_empty)
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
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the approval to this file, for `approvals RUN --add`. Needs no inventory.",
)
@click.option(
    "--yes", is_flag=True, help="Do not ask. For scripts that have shown the plan before."
)
@json_option
def command(
    run: str,
    key: Path,
    inventory: Path | None,
    allowed_signers: Path | None,
    out: Path | None,
    yes: bool,
) -> CommandResult:
    """Exit 0: approved. 5: the approval would not be valid."""
    opened = open_plan(run)
    plan = opened.plan
    if out is None:
        _check_place(opened)
    else:
        check_approval_path(out)
    _check_guards(opened)
    opened.check_open()
    statement = statement_for(plan)
    shown = f"{consequences_text(plan)}\n{statement_text(statement)}"
    if not yes:
        # Imported here: with --yes nothing is drawn.
        from remediations.engine.plan.render_text import plan_screen

        style = terminal_style()
        screen = plan_screen(plan, statement.plan, width=style.width, colour=style.colour)
        _ask(f"{screen}\n\n{shown}", statement.plan, opened.reference)
    anchors = Anchors(plan, inventory, allowed_signers)
    with suppress(RuntimeError):  # `~nobody`: the missing file is reported below
        key = key.expanduser()
    approval = _signed(opened, key, anchors, out)
    file = _kept(opened, approval, out)
    before = f"{shown}\n\n" if yes else ""
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "run": opened.run.name if opened.run is not None else None,
            "approval": approval,
            "file": str(file),
        },
        text=before + _told(opened, approval, file if out is not None else None),
    )


def _signed(opened: OpenedPlan, key: Path, anchors: Anchors, out: Path | None) -> Approval:
    """Where it is kept for `apply`, it is checked as `apply` does. In a file it may come from a
    machine that cannot say who may approve: that is judged where it is added."""
    now = datetime.now(UTC)
    verifier = anchors.verifier if out is None else anchors.verifier_if_any
    if verifier is not None:
        return approve_plan(opened.plan, key, verifier, now)
    return sign_plan(opened.plan, key, load_program(anchors.config.ssh_keygen, SSH_KEYGEN), now)


def _kept(opened: OpenedPlan, approval: Approval, out: Path | None) -> Path:
    if out is not None:
        write_approval(approval, out)
        return out
    assert opened.run is not None, "checked before"
    return opened.run.add_approval(approval)


def _told(opened: OpenedPlan, approval: Approval, out: Path | None) -> str:
    if out is None:
        return (
            f"approved by {one_line(approval.principal)} with {approval.key_fingerprint}\n"
            "(in this version the planner may be the approver)\n"
            f"next: {next_command('apply', opened.reference)}"
        )
    file = one_line(shlex.quote(str(out)))
    if approval.principal:
        signed = f"signed by {one_line(approval.principal)} with {approval.key_fingerprint}"
    else:
        signed = (
            f"signed with {approval.key_fingerprint}\n"
            "(nobody here says who may approve: that is judged where it is added)"
        )
    return (
        f"{signed}\nthe approval is in {file}\n"
        f"next: where the run is, `remediate approvals {opened.digest[:TYPED]} --add {file}`"
    )


def _check_place(opened: OpenedPlan) -> None:
    """Refuse to keep an approval where there is no run to keep it in."""
    if opened.run is None or opened.run.travels:
        raise UsageError(
            "the approval of a file has no run to be kept in",
            guard="--out",
            got=f"{opened.reference}, which is a file, and no --out",
            expected="a file to write the approval to, or the run itself",
            next_step=f"remediate approve {opened.reference} --key KEY --out approval.json",
        )


def _check_guards(opened: OpenedPlan) -> None:
    """Refuse a plan that its own guards refuse: it was kept to be read, and can never be applied.
    No run is made of one, but it has a file."""
    blocked = opened.plan.blocked
    if blocked:
        first = blocked[0]
        raise ApprovalError(
            "the plan is refused by its own guards: there is nothing to approve",
            guard=f"{first.id} {first.subject}".strip(),
            got=first.got,
            expected=first.expected,
            next_step=first.next_step,
        )


def _ask(text: str, digest: str, reference: str) -> None:
    if not sys.stdin.isatty():
        raise ApprovalError(
            "there is no terminal to ask on",
            guard="confirmation",
            got="standard input is not a terminal",
            expected="a person who reads what is signed",
            next_step=f"read it (`remediate show {reference}`), then add --yes",
        )
    click.echo(text, err=True)
    typed = click.prompt(f"Type the first {TYPED} digits of the plan", err=True, default="")
    if typed.strip() != digest[:TYPED]:
        raise Aborted(
            "not approved",
            guard="confirmation",
            got=repr(typed),
            expected=digest[:TYPED],
            next_step=f"read the plan again: `remediate show {reference}`",
        )
