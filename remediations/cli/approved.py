"""From the files of a run to the value that is applied: everything is verified once."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from datetime import UTC, datetime

from remediations.cli.anchors import Anchors
from remediations.cli.observing import TOOL
from remediations.engine.apply.apply import Approved
from remediations.engine.approve.approve import verify_approvals
from remediations.engine.catalogue import installed_for
from remediations.engine.installed_systems import installed_systems
from remediations.engine.runs.binding import approval_doubts, run_start
from remediations.engine.runs.records import (
    AcceptedApproval,
    Actor,
    JournalEntry,
    ProgramUsed,
    Start,
)
from remediations.engine.runs.store import KeptApproval, RunDirectory
from remediations.errors import ApprovalError
from remediations.files.trusted import sudo_uid
from remediations.machine.programs import openssh_programs


def approved_run(run: RunDirectory, anchors: Anchors) -> Approved:
    """The plan of a run after its approvals were verified, with all that `apply` needs.

    Raises:
        ApprovalError: too few approvals are valid, or they are for other hosts.
        UsageError: a file cannot be used, or the playbook or its branch is not installed here.
        MachineError: a program that verifies cannot be trusted.
    """
    return _verified(run, anchors, run.approvals, datetime.now(UTC))


def begun_run(run: RunDirectory, anchors: Anchors, entries: Sequence[JournalEntry]) -> Approved:
    """The same for a run that was begun, whose journal these are: the approvals are those with
    which it was begun, and must have been valid then.

    Raises:
        ApprovalError: one of them is missing or was not valid then, or they are for other hosts.
        UsageError, MachineError: as `approved_run`.
    """
    start = run_start(entries)
    assert start is not None, "a journal begins with run-began"
    doubts = approval_doubts(start, run.approvals)
    named = {approval.sha256 for approval in start.approvals}
    kept = tuple(one for one in run.approvals if one.sha256 in named)
    if len(kept) < len(named):
        raise ApprovalError(
            f"{run.reference} has not all the approvals with which it was begun",
            guard="approvals",
            got="; ".join(doubts),
            expected="the files that the journal names, byte for byte",
            next_step="copy the whole directory of the run from where it was applied",
        )
    return _verified(run, anchors, kept, entries[0].at)


def _verified(
    run: RunDirectory, anchors: Anchors, kept: Sequence[KeptApproval], at: datetime
) -> Approved:
    """With these approvals, which must be valid at that time."""
    plan = run.plan
    hosts = anchors.hosts
    signers = verify_approvals([one.approval for one in kept], plan, anchors.verifier, at)
    accepted = tuple(
        AcceptedApproval(
            sha256=one.sha256, principal=signer.principal, key_fingerprint=signer.fingerprint
        )
        for one, signer in zip(kept, signers, strict=True)
    )
    installed = installed_for(plan, anchors.config)
    return Approved(
        plan=plan,
        digest=run.digest,
        observation=run.observation,
        inventory=hosts,
        installed=installed,
        systems=installed_systems(anchors.config),
        origin=installed.origin(),
        start=_start(anchors, accepted),
        resolver=anchors.resolver,
    )


def _start(anchors: Anchors, accepted: tuple[AcceptedApproval, ...]) -> Start:
    openssh = openssh_programs(anchors.resolver.ssh, anchors.verifier.keygen)
    return Start(
        tool=TOOL,
        actor=current_actor(),
        approvals=accepted,
        signers=anchors.signers_used,
        revoked=anchors.revocations_used,
        inventory=anchors.inventory_used,
        ssh_config=anchors.ssh_config_used,
        programs=(
            ProgramUsed(
                name="ssh",
                path=str(openssh.ssh.path),
                version=openssh.ssh_version,
                sha256=openssh.ssh.sha256,
            ),
            ProgramUsed(
                name="ssh-keygen",
                path=str(openssh.keygen.path),
                version=openssh.keygen_version,
                sha256=openssh.keygen.sha256,
            ),
        ),
    )


def current_actor() -> Actor:
    """The user of this process and, for root, the user who called `sudo`, by system ids: LOGNAME
    and USER can be set to anything."""
    uid = os.getuid()
    called_by = sudo_uid()
    return Actor(
        uid=uid,
        name=_name(uid),
        sudo_uid=called_by,
        sudo_name="" if called_by is None else _name(called_by),
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
