"""`remediate approvals RUN`: who has signed, who still may, and what does not count. Contacts no
host."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.anchors import Anchors
from remediations.cli.opened import open_run
from remediations.cli.options import inventory_option, json_option, run_argument
from remediations.cli.output import CommandResult, next_command
from remediations.engine.approve.approval_file import read_approval
from remediations.engine.approve.tally import (
    MaySign,
    Standing,
    Tally,
    accept_approval,
    tally_approvals,
)
from remediations.engine.plan.plan import NAMING
from remediations.engine.runs.history import check_open
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.store import RunDirectory, read_only_error
from remediations.errors import ExitCode
from remediations.render.formats import count_of, format_moment, name_some
from remediations.render.printable import one_line

MARKS = {
    Standing.COUNTS: "counts",
    Standing.REPEATED: "adds nobody",
    Standing.INVALID: "NOT VALID",
}


@click.command("approvals", help="Say who has signed the plan of RUN|FILE, who still may; add one.")
@run_argument
@click.option(
    "--add",
    "added",
    type=click.Path(path_type=Path, dir_okay=False),
    help="First take the approval in this file into the run, if it is valid and adds a person.",
)
@inventory_option
@click.option("--allowed-signers", type=click.Path(path_type=Path), help="Who may approve.")
@json_option
def command(
    run: str, added: Path | None, inventory: Path | None, allowed_signers: Path | None
) -> CommandResult:
    """Exit 0: enough people have approved. 5: not yet, or one approval is not valid."""
    directory = open_run(run)
    anchors = Anchors(directory.plan, inventory, allowed_signers)
    file = None if added is None else _add(directory, added, anchors)
    # Read anew: the directory has one more now.
    kept = [(one.file, one.approval) for one in RunDirectory(directory.path).approvals]
    entries = read_journal(directory.journal)
    at = entries[0].at if entries else datetime.now(UTC)
    tally = tally_approvals(kept, directory.plan, anchors.verifier, at)
    return CommandResult(
        exit_code=ExitCode.OK if tally.enough else ExitCode.APPROVAL,
        document={"run": directory.name, "added": file, "tally": tally},
        text="\n".join(_lines(directory, tally, begun=bool(entries), added=file)),
    )


def _add(run: RunDirectory, path: Path, anchors: Anchors) -> str:
    """Take the approval into the run. Returns its name there.

    Raises:
        ApprovalError: it is not valid for this plan, adds nobody, or there is nothing to approve.
        UsageError: the file cannot be used.
    """
    if run.travels:
        raise read_only_error(run.reference, "an approval to be added")
    check_open(run)
    kept = [(one.file, one.approval) for one in run.approvals]
    given = read_approval(path)
    accepted = accept_approval(given, kept, run.plan, anchors.verifier, datetime.now(UTC))
    return f"approvals/{run.add_approval(accepted).name}"


def _lines(run: RunDirectory, tally: Tally, *, begun: bool, added: str | None) -> list[str]:
    lines = [] if added is None else [f"added as {added}"]
    lines.append(
        f"plan {tally.plan[:NAMING]}: {count_of(tally.people, 'person', 'people')} of "
        f"{tally.needed} needed, {'enough' if tally.enough else 'not enough'}"
    )
    for one in tally.approvals:
        who = f"{one.principal} with {one.key_fingerprint}" if one.principal else "nobody"
        lines.append(f"  {one.file:<20} {MARKS[one.standing]:<12} {who}")
        lines += [f"  {'':<20} {one.why}"] if one.why else []
    if begun:
        lines.append("it was applied: this is what held when it began")
        return [*map(one_line, lines), f"next: remediate status {run.reference}"]
    if tally.hindrance:
        lines.append(f"no approval counts any more: {tally.hindrance}")
    lines.append(f"may still sign: {name_some(list(map(_name, tally.may_sign))) or 'nobody'}")
    lines.append(f"until {format_moment(tally.expires_at)}")
    return [*map(one_line, lines), f"next: {_next(run, tally)}"]


def _name(one: MaySign) -> str:
    if one.authority:
        return f"{one.principal} by certificate (line {one.line})"
    return one.principal


def _next(run: RunDirectory, tally: Tally) -> str:
    wrong = [one.file for one in tally.approvals if one.standing is Standing.INVALID]
    if tally.hindrance:
        return "`remediate plan` again, then approve that one"
    if wrong:
        where = one_line(str(run.path / wrong[0]))
        return f"find out who put {where} there, and take it away: `apply` refuses the run with it"
    if tally.enough:
        return next_command("apply", run.reference)
    return next_command("approve", run.reference, "--key", "KEY")
