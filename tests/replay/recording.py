"""A recorded rescue: what one run in the lab left, in the order in which a replay needs it.

DIRECTORY/inventory.yaml  allowed_signers        the lab's, as they were
          before.json     after.json             `remediate diagnose --save`, halted and healthy
          runs/RUN/observation.json  plan.json  approvals/N.json  journal.jsonl  checks*.json
          SHA256SUMS                             of all of these

It is made by the lab and never edited: what does not fit its sum, or is refused by the product's
own readers, is not played.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from remediations.engine.approve.approval import Approval
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import load_observation
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import PLAN_FILE
from remediations.engine.runs.binding import proven_checks
from remediations.engine.runs.journal import read_journal
from remediations.engine.runs.records import JournalEntry, RunEnded
from remediations.engine.runs.status import last_event
from remediations.engine.runs.store import RunDirectory
from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.errors import RemediationError

RESCUE = Path(__file__).parent / "rescue"
"""The recording that `make record` makes and `make demo` falls back to."""
BEFORE, AFTER = "before.json", "after.json"
INVENTORY, SIGNERS = "inventory.yaml", "allowed_signers"
OBSERVATION = "observation.json"
SUMS = "SHA256SUMS"
RENEW = "`make record`, where hosts can be booted, makes a new one"


class ReplayError(RuntimeError):
    """The recording cannot be played. The message says why, and how to get another one."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A whole recording, checked: its parts are of one run, which ended verified."""

    directory: Path
    run: RunDirectory
    plan: Plan
    approval: Approval
    entries: tuple[JournalEntry, ...]
    checks: tuple[CheckResult, ...]

    @property
    def label(self) -> str:
        """The line above and below every screen."""
        day, version = f"{self.plan.observed_at:%Y-%m-%d}", self.plan.tool.split()[-1]
        return f"REPLAY of a rescue recorded {day} by version {version}; nothing is contacted"


def read_recording(directory: Path) -> Recording:
    """The recording in `directory`.

    Raises:
        ReplayError: a file is missing, is refused by its reader, or belongs to something else.
    """
    _is_unedited(directory)
    run = _only_run(directory)
    try:
        expected = inventory_digest(load_inventory(directory / INVENTORY))
        looks = [
            load_observation(directory / BEFORE),
            run.observation,
            load_observation(directory / AFTER),
        ]
        plan, entries = run.plan, read_journal(run.journal)
        approvals = run.approvals
        checks, _, strange = proven_checks(entries, run.checks())
    except RemediationError as error:
        raise unusable(f"{error.what} ({error.got})") from error
    digest = plan_digest(plan)
    if any(look.inventory_digest != expected for look in looks):
        raise unusable(f"an observation in {directory} was read with another inventory")
    if not approvals or approvals[-1].approval.statement.plan != digest:
        raise unusable(f"{run.path / 'approvals'} holds no approval of the plan beside it")
    if not entries or {entry.plan for entry in entries} != {digest}:
        raise unusable(f"{run.journal} is not of the plan beside it")
    if last_event(entries, RunEnded) is None:
        raise unusable(f"{run.journal} does not tell how the run ended")
    if strange:
        raise unusable(f"{run.name}: {strange[0]}")
    if not checks or any(check.outcome is not CheckOutcome.PASSED for check in checks):
        raise unusable(f"the checks of {run.name} do not all pass: that is not a rescue")
    return Recording(
        directory=directory,
        run=run,
        plan=plan,
        approval=approvals[-1].approval,
        entries=entries,
        checks=checks,
    )


def sums(directory: Path) -> str:
    """The SHA-256 of every file but the one they stand in, in the form of sha256sum(1)."""
    names = sorted(
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    )
    return "".join(
        f"{hashlib.sha256((directory / name).read_bytes()).hexdigest()}  {name}\n"
        for name in names
        if name != SUMS
    )


def unusable(why: str) -> ReplayError:
    """The error of a recording that is damaged."""
    return ReplayError(f"the recording cannot be played: {why}\n  next      {RENEW}")


def stale(why: str) -> ReplayError:
    """The error of a recording that another version made."""
    return ReplayError(
        f"the recording is stale: this version does not do what was recorded\n  got       {why}"
        f"\n  expected  the plan of the recording, byte for byte\n  next      {RENEW}"
    )


def _is_unedited(directory: Path) -> None:
    path = directory / SUMS
    try:
        recorded = set(path.read_text().splitlines())
        found = set(sums(directory).splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise unusable(f"{path} or a file it names cannot be read ({error})") from error
    changed = sorted({line.partition("  ")[2] for line in recorded ^ found})
    if changed:
        raise unusable(f"not as it was recorded in {directory}: {', '.join(changed)}")


def _only_run(directory: Path) -> RunDirectory:
    found = sorted(directory.glob(f"runs/*/{PLAN_FILE}"))
    if len(found) != 1:
        raise unusable(f"{directory} holds {len(found)} runs with a plan, not one")
    return RunDirectory(found[0].parent)
