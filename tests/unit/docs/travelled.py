"""Small documents of what travels, for their schemas."""

from __future__ import annotations

from remediations.engine.approve.tally import GivenApproval, MaySign, Standing, Tally
from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.archive import ARCHIVE_FORMAT, PackedFile, RunManifest
from tests.unit.plan.cases import plan_of, quorum_lost


def manifest() -> RunManifest:
    """Of a run with one file."""
    packed = PackedFile(name="plan.json", size=2, sha256="0" * 64)
    name = "20261125-120000-inc-001-00000000"
    return RunManifest(format=ARCHIVE_FORMAT, run=name, plan="0" * 64, head="", files=(packed,))


def tally() -> Tally:
    """One that counts, and somebody who may add another."""
    counts = GivenApproval(
        file="approvals/001.json",
        principal="alice",
        key_fingerprint="SHA256:x",
        standing=Standing.COUNTS,
        why="",
    )
    may = MaySign(principal="bob", key_fingerprint="SHA256:y", authority=False, line=2)
    plan = plan_of(quorum_lost())
    return Tally(
        plan=plan_digest(plan),
        needed=2,
        people=1,
        enough=False,
        expires_at=plan.expires_at,
        hindrance="",
        approvals=(counts,),
        may_sign=(may,),
    )
