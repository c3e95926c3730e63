"""A run as its journal tells it: val1, 40 of 100 power, is started; blocks come 12 s later."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from remediations.engine.apply.look import Sample, Sight
from remediations.engine.approve.approval import Approval, statement_for
from remediations.engine.plan.plan import Plan
from remediations.engine.report.report import Report, build_report
from remediations.engine.runs.records import (
    ApprovedBy,
    Checked,
    Event,
    FactsHeld,
    GateEnded,
    GateWaiting,
    JournalEntry,
    RunState,
    Sampled,
    StepEnd,
    StepEnded,
)
from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot
from remediations.playbooks.chain.look import ChainLook
from remediations.values.wire import canonical
from tests.unit.plan.cases import DIGEST, plan_of, quorum_lost
from tests.unit.run import events

RUN = "20261125-120100-inc-001-e9fcfc74"
HOSTS = ("val1", "val2", "val3", "val4", "full1")
BACK_AFTER_S = 12
"""Until then nothing answers on val1; from then on it follows."""
WATCHED_S = 40
CHECKS_FROM_S = WATCHED_S + 1.5
"""P1 waits for blocks, P13 in vain for a peer."""


def began(plan: Plan) -> datetime:
    """One minute after the observation."""
    return plan.observed_at + timedelta(seconds=55)


def sight(plan: Plan, second: int) -> Sight:
    """What a look at five nodes shows then. No check asks for the round."""
    stood, up = plan.part(ChainBaseline), second >= BACK_AFTER_S
    height = stood.height + (second - BACK_AFTER_S if up else 0)
    heights = dict.fromkeys(HOSTS, height)
    if up:
        heights["full1"] = max(stood.height, height - 2)
    round_ = 0 if up else 3
    look = ChainLook(
        snapshot=Snapshot(
            hosts=tuple(
                HostSnapshot(
                    host=host,
                    height=None if host == "val1" and not up else seen,
                    catching_up=False,
                )
                for host, seen in heights.items()
            ),
            round=round_ if second <= WATCHED_S else None,
            online_power=100 if up else 60,
            total_power=100,
        )
    )
    return look.sight


def samples(plan: Plan) -> list[JournalEntry]:
    """A look at five nodes every other second, over 40 s."""
    return [
        entry(plan, second + 0.2, Sampled(sight=sight(plan, second)))
        for second in range(0, WATCHED_S + 1, 2)
    ]


def verification(plan: Plan, from_s: float = CHECKS_FROM_S) -> Checked:
    """By the three checks of `checks`, with a look a second while P1 waits, and one every other
    second while P13 does."""

    def at(second: float) -> datetime:
        return began(plan) + timedelta(seconds=from_s + second)

    ends = (("P1", "", 5.0), ("P10", "val1", 5.4), ("P13", "val1", 35.4))
    outcomes = {result.id: result.outcome for result in checks()}
    return events.checked(
        "unverified",
        "2 of 3 checks pass",
        hashlib.sha256(canonical(checks())).hexdigest(),
        began=at(0),
        ended=tuple(
            events.check_ended(check, outcomes[check], at(second), host)
            for check, host, second in ends
        ),
        samples=tuple(
            Sample(at=at(second), sight=sight(plan, WATCHED_S + 2 + second))
            for second in (*range(6), *range(7, 36, 2))
        ),
    )


def entry(plan: Plan, second: float, event: Event) -> JournalEntry:
    """One line of the journal, so many seconds after it began."""
    at = began(plan) + timedelta(seconds=second)
    return JournalEntry(number=0, previous="", at=at, plan=DIGEST, event=event)


def entries(plan: Plan, *, state: StepEnd = "done", error: str = "") -> tuple[JournalEntry, ...]:
    """The whole journal; `state` is what the one step came to, `done` is checked as well."""
    good = state == "done"
    gate = plan.stages[0].gate
    ended = StepEnded(
        step="1-0",
        state=state,
        message="",
        exit_status=0 if good else 1,
        duration_ms=1834,
        output="started virtengine.service\n" if good else "",
        error_output=error,
    )
    lines = [
        entry(plan, 0, events.began(message="by ops, approved by alice@example.org")),
        entry(plan, 0.1, FactsHeld(count=len(plan.facts))),
        entry(plan, 0.2, events.starts("1-0", "val1")),
        entry(plan, 2.1, ended),
    ]
    if good:
        opened = GateEnded(stage=1, state="opened", title=gate.title, seen="115")
        lines += [
            entry(plan, 2.2, GateWaiting(stage=1, title=gate.title)),
            entry(plan, 14.3, opened),
            *samples(plan),
            entry(plan, WATCHED_S + 1, events.run_ends(message="applied")),
        ]
        lines.append(entry(plan, CHECKS_FROM_S + 36, verification(plan)))
    else:
        lines.append(entry(plan, 2.3, events.run_ends("stopped", "val1 failed")))
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
