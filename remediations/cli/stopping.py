"""Stops a run on its targets and shows the receipt: for `stop` and `abandon`."""

from __future__ import annotations

import asyncio

from remediations.cli.anchors import Anchors
from remediations.cli.approved import current_actor
from remediations.cli.output import CommandResult, next_command, terminal_style
from remediations.engine.apply.apply import drivers_of, keepers_of
from remediations.engine.apply.fence_hold import fence_request
from remediations.engine.apply.settle import StopOutcome
from remediations.engine.apply.stop import StopReceipt, stop_run
from remediations.engine.installed_systems import installed_systems
from remediations.engine.runs.lock import is_being_applied
from remediations.engine.runs.records import StopAsked
from remediations.engine.runs.store import RunDirectory, state_directory
from remediations.errors import ExitCode, PartlyApplied, Unreadable, UsageError
from remediations.reach.ssh import SshReach
from remediations.render.console import columns, draw
from remediations.render.printable import one_line

LONGEST_REASON = 300
"""Characters: one sentence, which journal and report repeat."""


def checked_reason(given: str) -> str:
    """The reason, without blanks around it.

    Raises:
        UsageError: it is empty, longer than one sentence, or not printable on one line.
    """
    text = given.strip()
    if text and len(text) <= LONGEST_REASON and text.isprintable():
        return text
    raise UsageError(
        "the reason cannot be used",
        guard="reason",
        got="nothing" if not text else f"{len(text)} characters: {one_line(text)[:60]}",
        expected=f"one line of printable characters, at most {LONGEST_REASON}",
        next_step='give it as --reason "what you saw, and what you do instead"',
    )


def stop_and_tell(
    run: RunDirectory, anchors: Anchors, reason: str, *, abandon: bool
) -> CommandResult:
    """Stop the run for good, and say what became of each step.

    Raises:
        Unreadable: a target could not be asked. PartlyApplied: a step still runs. In both cases
            nothing more starts where the target was reached, and the error has the receipt.
        UsageError: the run has ended for good already.
        MachineError: the journal cannot be written.
    """
    plan, hosts = run.plan, anchors.hosts

    def alive() -> bool:
        return is_being_applied(state_directory(), plan.resources, run.name)

    async def stop() -> StopReceipt:
        async with SshReach(hosts, anchors.resolver) as reach:
            systems = installed_systems(anchors.config)
            keepers = keepers_of(systems, reach)
            return await stop_run(
                run,
                StopAsked(actor=current_actor(), reason=reason),
                drivers_of(systems, reach),
                fence_request(plan, run.digest, keepers, reason),
                alive,
                abandon=abandon,
            )

    receipt = asyncio.run(stop())
    _raise_unless_settled(run, receipt)
    return CommandResult(
        exit_code=ExitCode.OK,
        document={
            "run": run.name,
            "recorded": receipt.recorded,
            "steps": [
                {
                    "step": one.step.id,
                    "target": one.step.target,
                    "outcome": one.outcome,
                    "message": one.message,
                    "undo": one.step.undo,
                }
                for one in receipt.steps
            ],
        },
        text=_text(run, receipt, abandon=abandon),
    )


def _raise_unless_settled(run: RunDirectory, receipt: StopReceipt) -> None:
    silent, running = receipt.where(StopOutcome.SILENT), receipt.where(StopOutcome.RUNNING)
    if silent:
        raise Unreadable(
            f"{run.reference}: what became of {len(silent)} step(s) is not known",
            guard="a receipt for each step",
            got=receipt.summary(),
            expected="an answer of every target",
            next_step="a step that may still run ends by its own limit; mend the connection, then "
            f"`{next_command('stop', run.reference)}` again",
        )
    if running:
        raise PartlyApplied(
            f"{run.reference}: {len(running)} step(s) still run and were left to end: half a "
            "change can be worse than a whole one",
            guard="a receipt for each step",
            got=receipt.summary(),
            expected="steps that have ended, or can never start",
            next_step=f"`{next_command('stop', run.reference)}` again, when they have ended",
        )


def _text(run: RunDirectory, receipt: StopReceipt, *, abandon: bool) -> str:
    style = terminal_style()
    rows = [
        (
            one.step.id,
            one.step.target,
            one.outcome,
            _undo(one.outcome, one.step.undo) if abandon else one.message or one.step.operation,
        )
        for one in receipt.steps
    ]
    heads = ("step", "target", "outcome", "what would undo it" if abandon else "what is known")
    table = draw([columns(heads, rows)], width=style.width, colour=style.colour)
    said = "is abandoned" if abandon else "is stopped: nothing more of it can start"
    back = next_command("undo", run.reference, "--reason", "WHY")
    ways = ["`remediate diagnose` says what is true now; a new plan goes on from there"]
    if run.plan.undo_steps and not abandon:
        ways.append(f"`{back}` takes back what was done")
    where = "" if receipt.recorded else "\nnot recorded: the run has no journal on this machine"
    return f"{run.name} {said}{where}\n\n{table}\n\nnext: {'; or '.join(ways)}"


def _undo(outcome: StopOutcome, undo: str) -> str:
    """What would bring the target back; nothing where nothing was done."""
    return "nothing was done" if outcome is StopOutcome.VOIDED else undo
