"""What the files of a run prove, checked against data outside of it
(`remediations.cli.anchors`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from remediations.cli.anchors import ON_COMMAND_LINE, Anchors
from remediations.cli.run_status import find_hindrance, read_bound_journal
from remediations.engine.approve.approve import verify_approval
from remediations.engine.runs.binding import ProvenChecks, approval_doubts, proven_checks, run_start
from remediations.engine.runs.records import (
    AcceptedApproval,
    ApprovedBy,
    Event,
    JournalEntry,
    RunBegan,
    RunResumed,
    UndoBegan,
)
from remediations.engine.runs.store import KeptApproval, RunDirectory
from remediations.errors import ApprovalError, MachineError, UsageError


@dataclass(frozen=True, kw_only=True)
class RunEvidence:
    """The journal of a run, who approved it, the results of its checks, and the doubts that a
    reader must see first.

    `hindrance` says why it may not be applied as it is; "" if it may, or was.
    """

    entries: tuple[JournalEntry, ...]
    approvals: tuple[ApprovedBy, ...]
    checks: ProvenChecks
    doubts: tuple[str, ...]
    hindrance: str


def gather_evidence(run: RunDirectory, anchors: Anchors) -> RunEvidence:
    """What the files of `run` prove.

    Raises:
        UsageError: a file is not what was written, or the files do not belong together.
    """
    entries = read_bound_journal(run)
    start = run_start(entries)
    kept: tuple[KeptApproval, ...] = run.approvals
    accepted: Mapping[str, AcceptedApproval] | None = None
    doubts: list[str] = []
    if start is not None:
        accepted = {approval.sha256: approval for approval in start.approvals}
        kept = tuple(one for one in kept if one.sha256 in accepted)
        doubts += approval_doubts(start, run.approvals)
        doubts += [
            f"who may approve was decided by the person who {verb} it: {ON_COMMAND_LINE} {path}"
            for verb, path in _lists_by_hand(entries)
        ]
    moment = entries[0].at if entries else datetime.now(UTC)
    approvals, failed = _verified(run, kept, accepted, anchors, moment)
    checks = proven_checks(entries, run.checks())
    return RunEvidence(
        entries=entries,
        approvals=approvals,
        checks=checks,
        doubts=(*doubts, *failed, *checks.doubts),
        hindrance="" if entries else find_hindrance(run, anchors),
    )


def _lists_by_hand(entries: Sequence[JournalEntry]) -> Iterator[tuple[str, str]]:
    """What a person did who named the list of who may approve on the command line, and the list."""
    verbs: dict[type[Event], str] = {
        RunBegan: "applied",
        RunResumed: "resumed",
        UndoBegan: "undid",
    }
    for event in (entry.event for entry in entries):
        if isinstance(event, RunBegan | RunResumed | UndoBegan):
            signers = event.start.signers
            if signers.named_by == ON_COMMAND_LINE:
                yield verbs[type(event)], signers.path


def _verified(
    run: RunDirectory,
    kept: Sequence[KeptApproval],
    accepted: Mapping[str, AcceptedApproval] | None,
    anchors: Anchors,
    at: datetime,
) -> tuple[tuple[ApprovedBy, ...], list[str]]:
    """The approvals that are valid as of `at` by today's list and match the journal, and one
    sentence for each other. `accepted` are those in the journal by the hash of their file, None
    before the run was begun."""
    approvals, doubts = [], []
    for one in kept:
        try:
            signer = verify_approval(one.approval, run.plan, anchors.verifier, at)
        except (ApprovalError, MachineError, UsageError) as error:
            doubts.append(f"{one.file} was not verified: {error.what} ({error.guard}: {error.got})")
            continue
        found = ApprovedBy(
            principal=signer.principal,
            key_fingerprint=signer.fingerprint,
            dated=one.approval.given_at,
        )
        named = accepted[one.sha256] if accepted is not None else found
        if (named.principal, named.key_fingerprint) != (found.principal, found.key_fingerprint):
            doubts.append(
                f"{one.file} is by {found.principal} {found.key_fingerprint}; the journal names "
                f"{named.principal} {named.key_fingerprint}"
            )
            continue
        approvals.append(found)
    return tuple(approvals), doubts
