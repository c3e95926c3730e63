"""What the files of a run prove, judged by what lies outside of it (`remediations.cli.anchors`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from remediations.approve.approve import check
from remediations.cli.anchors import ON_COMMAND_LINE, Anchors
from remediations.cli.standing import bound_journal, hindrance
from remediations.errors import ApprovalError, UsageError
from remediations.run.binding import start_of, strange_approvals
from remediations.run.records import ApprovedBy, Entry
from remediations.run.store import KeptApproval, RunDirectory


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The journal of a run, who approved it, and what a reader must be told first.

    `hindrance`: why it may not be applied as it is; "" if it may, or was.
    """

    entries: tuple[Entry, ...]
    approvals: tuple[ApprovedBy, ...]
    doubts: tuple[str, ...]
    hindrance: str


def evidence(run: RunDirectory, anchors: Anchors) -> Evidence:
    """What the files of `run` prove.

    Raises:
        UsageError: a file is not what was written, or they do not belong together.
    """
    entries = bound_journal(run)
    start = start_of(entries)
    kept: tuple[KeptApproval, ...] = run.approvals
    doubts: list[str] = []
    if start is not None:
        kept = tuple(one for one in kept if one.sha256 in {a.sha256 for a in start.approvals})
        doubts += strange_approvals(start, run.approvals)
        if start.signers.named_by == ON_COMMAND_LINE:
            doubts.append(
                f"who may approve was said by whoever applied it: {ON_COMMAND_LINE} "
                f"{start.signers.path}"
            )
    moment = entries[0].at if entries else datetime.now(UTC)
    approvals, failed = _verified(run, kept, anchors, moment)
    return Evidence(
        entries=entries,
        approvals=approvals,
        doubts=(*doubts, *failed),
        hindrance="" if entries else hindrance(run, anchors),
    )


def _verified(
    run: RunDirectory, kept: Sequence[KeptApproval], anchors: Anchors, at: datetime
) -> tuple[tuple[ApprovedBy, ...], list[str]]:
    """The approvals that hold at this moment by today's list, and a sentence for each other."""
    approvals, doubts = [], []
    for one in kept:
        try:
            signer = check(one.approval, run.plan, anchors.verifier, at)
        except (ApprovalError, UsageError) as error:
            doubts.append(f"{one.file} was not verified: {error.what} ({error.guard}: {error.got})")
            continue
        approvals.append(
            ApprovedBy(
                principal=signer.principal,
                key_fingerprint=signer.fingerprint,
                dated=one.approval.given_at,
            )
        )
    return tuple(approvals), doubts
