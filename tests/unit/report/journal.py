"""A run as its journal tells it: val1, 40 of 100 power, is started; blocks come 12 s later."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from remediations.engine.approve.approval import Approval
from remediations.engine.approve.statement import statement_for
from remediations.engine.plan.plan import Plan
from remediations.engine.report.report import Report, build_report
from remediations.engine.runs.records import ApprovedBy, Entry, EntryKind, HeightSample, RunState
from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.values.wire import canonical
from tests.unit.plan.cases import DIGEST, plan_of, quorum_lost

RUN = "20261125-120100-inc-001-e9fcfc74"
HOSTS = ("val1", "val2", "val3", "val4", "full1")
BACK_AFTER_S = 12
"""Until then nothing answers on val1; from then on it follows."""
WATCHED_S = 40


def began(plan: Plan) -> datetime:
    """One minute after the observation."""
    return plan.observed_at + timedelta(seconds=55)


def samples(plan: Plan) -> list[Entry]:
    """A look at five nodes every other second, over 40 s."""
    entries = []
    for second in range(0, WATCHED_S + 1, 2):
        up = second >= BACK_AFTER_S
        height = plan.baseline.height + (second - BACK_AFTER_S if up else 0)
        heights = dict.fromkeys(HOSTS, height)
        if up:
            heights["full1"] = max(plan.baseline.height, height - 2)
        entries.append(
            Entry(
                number=0,
                previous="",
                at=began(plan) + timedelta(seconds=second, milliseconds=200),
                kind=EntryKind.SAMPLE,
                plan=DIGEST,
                round=0 if up else 3,
                online_power=100 if up else 60,
                total_power=100,
                heights=tuple(
                    HeightSample(host=h, height=None if h == "val1" and not up else v)
                    for h, v in heights.items()
                ),
            )
        )
    return entries


def entry(plan: Plan, second: float, kind: EntryKind, **fields: object) -> Entry:
    """One line of the journal, so many seconds after it began."""
    at = began(plan) + timedelta(seconds=second)
    return Entry(number=0, previous="", at=at, kind=kind, plan=DIGEST, **fields)  # type: ignore[arg-type]  # Entry's own fields


def entries(plan: Plan, *, state: str = "done", error: str = "") -> tuple[Entry, ...]:
    """The whole journal; `state` is what the one command came to, `done` is checked as well."""
    ended: dict[str, object] = {
        "step": "1-0",
        "host": "val1",
        "state": state,
        "exit_status": 0 if state == "done" else 1,
        "duration_ms": 1834,
        "output": "started virtengine.service\n" if state == "done" else "",
        "error_output": error,
    }
    good = state == "done"
    lines = [
        entry(plan, 0, EntryKind.RUN_BEGAN, message="by ops, approved by alice@example.org"),
        entry(plan, 0.1, EntryKind.FACTS_HELD, message=f"{len(plan.facts)} facts hold"),
        entry(plan, 0.2, EntryKind.COMMAND_STARTING, step="1-0", host="val1"),
        entry(plan, 2.1, EntryKind.COMMAND_ENDED, **ended),
    ]
    if good:
        lines += [
            entry(plan, 2.2, EntryKind.GATE_WAITING, message=plan.stages[0].gate.title),
            entry(plan, 14.3, EntryKind.GATE_ENDED, state="done", message="115"),
        ]
        lines += samples(plan)
    lines.append(
        entry(
            plan,
            WATCHED_S + 1 if good else 2.3,
            EntryKind.RUN_ENDED,
            state="running" if good else "stopped",
            message="applied" if good else "val1 failed",
        )
    )
    if good:
        lines.append(
            entry(
                plan,
                WATCHED_S + 2,
                EntryKind.CHECKED,
                state=RunState.UNVERIFIED,
                message="2 of 3 checks pass",
                checks_sha256=hashlib.sha256(canonical(checks())).hexdigest(),
            )
        )
    return tuple(sorted(lines, key=lambda line: line.at))


def checks() -> tuple[CheckResult, ...]:
    """Two that pass and one that does not."""
    return (
        CheckResult(
            id="P1",
            title="five more blocks on every node",
            host="",
            outcome=CheckOutcome.PASSED,
            message="from 113 to 139 or more",
            duration_ms=5021,
        ),
        CheckResult(
            id="P10",
            title="no sign state is lower than before",
            host="val1",
            outcome=CheckOutcome.PASSED,
            message="from (113, 0, 3) to (139, 0, 3)",
            duration_ms=12,
        ),
        CheckResult(
            id="P13",
            title="peers are back",
            host="val1",
            outcome=CheckOutcome.FAILED,
            message="1, before 4",
            duration_ms=30001,
        ),
    )


def approval(plan: Plan) -> Approval:
    """By alice, half a minute after the observation."""
    return Approval(
        statement=statement_for(plan),
        signature="-----BEGIN SSH SIGNATURE-----",
        principal="alice@example.org",
        key_fingerprint="SHA256:uBvDSxoHZ7BQ0cvrXT5Mz8J4u3kzYpZ9m1u2l3q4r5s",
        given_at=plan.observed_at + timedelta(seconds=30),
    )


def approved(plan: Plan) -> ApprovedBy:
    """The approval, verified."""
    given = approval(plan)
    return ApprovedBy(
        principal=given.principal, key_fingerprint=given.key_fingerprint, dated=given.given_at
    )


def report(*, good: bool = True) -> Report:
    """The report of the run: well ended, or stopped by its one command."""
    plan = plan_of(quorum_lost())
    return build_report(
        run=RUN,
        state=RunState.UNVERIFIED if good else RunState.STOPPED,
        digest=DIGEST,
        plan=plan,
        approvals=[approved(plan)],
        doubts=(),
        entries=entries(plan) if good else entries(plan, state="failed", error="no space left\n"),
        checks=checks() if good else (),
    )
