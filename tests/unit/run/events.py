"""Events of a journal, with no more said than a test needs."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from remediations.engine.apply.look import Point, Sample, Sight
from remediations.engine.runs.records import (
    JOURNAL_FORMAT,
    AcceptedApproval,
    Actor,
    Anchor,
    Checked,
    CheckEnded,
    RunAbandoned,
    RunBegan,
    RunEnd,
    RunEnded,
    RunResumed,
    Sampled,
    Start,
    StepEnd,
    StepEnded,
    StepStarting,
    StepVoided,
    StopAsked,
    UndoBegan,
    Verified,
)
from remediations.engine.verify.result import CheckOutcome

BEGAN = datetime(2026, 11, 25, 12, 2, tzinfo=UTC)
"""When a verification began, where a test does not say it."""


def started(*approvals: AcceptedApproval) -> Start:
    """How a run is begun."""
    anchor = Anchor(path="/etc/remediate/x", sha256="0" * 64, named_by="a test")
    return Start(
        tool="remediate test",
        actor=Actor(uid=1000, name="ops", sudo_uid=None, sudo_name=""),
        approvals=approvals,
        signers=anchor,
        revoked=None,
        inventory=anchor,
        ssh_config=None,
        programs=(),
    )


def began(*approvals: AcceptedApproval, message: str = "by alice") -> RunBegan:
    return RunBegan(format=JOURNAL_FORMAT, message=message, start=started(*approvals))


def starts(step: str, target: str, text: str = "true") -> StepStarting:
    return StepStarting(
        step=step,
        target=target,
        action=f"Start {target}",
        payload_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def ends(step: str, state: StepEnd = "done", message: str = "") -> StepEnded:
    return StepEnded(
        step=step,
        state=state,
        message=message,
        exit_status=0 if state == "done" else None,
        output="",
        error_output="",
        duration_ms=0,
    )


def seen(value: int | None, headline: str = "") -> Sampled:
    """One look at one thing."""
    point = Point(series="height", subject="val1", value=value)
    return Sampled(sight=Sight(headline=headline, points=(point,)))


def run_ends(state: RunEnd = "running", message: str = "all stages are done") -> RunEnded:
    return RunEnded(state=state, message=message)


def checked(
    state: Verified,
    message: str = "1 of 1 checks pass",
    sha256: str = "",
    *,
    began: datetime = BEGAN,
    ended: tuple[CheckEnded, ...] | None = None,
    samples: tuple[Sample, ...] = (),
) -> Checked:
    """A verification by one check, unless `ended` has others."""
    outcome = CheckOutcome.PASSED if state == "verified" else CheckOutcome.FAILED
    return Checked(
        state=state,
        message=message,
        checks_sha256=sha256,
        began=began,
        ended=(check_ended("P1", outcome, began),) if ended is None else ended,
        samples=samples,
    )


def check_ended(check: str, outcome: CheckOutcome, at: datetime, host: str = "") -> CheckEnded:
    return CheckEnded(id=check, host=host, outcome=outcome, at=at)


def resumed(*approvals: AcceptedApproval, message: str = "by bob") -> RunResumed:
    return RunResumed(message=message, start=started(*approvals))


def undo_began(reason: str = "it does not help", message: str = "by bob") -> UndoBegan:
    return UndoBegan(message=message, start=started(), reason=reason)


def stop_asked(reason: str = "wrong chain") -> StopAsked:
    return StopAsked(actor=started().actor, reason=reason)


def voided(step: str, target: str) -> StepVoided:
    return StepVoided(step=step, target=target)


def abandoned(reason: str = "rebuilt by hand") -> RunAbandoned:
    return RunAbandoned(reason=reason)
