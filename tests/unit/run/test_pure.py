"""Drift, gates and status: tables of values in and values out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.engine.plan.compare import changed_facts
from remediations.engine.plan.plan import Fact, Gate, Rule
from remediations.engine.runs.records import Event, JournalEntry, RunState, StepState
from remediations.engine.runs.status import run_status
from remediations.playbooks.chain.gates import Advances, Follows, HostSnapshot, Snapshot, judge_gate
from remediations.values.part import Part
from tests.unit.run.events import began, checked, ends, run_ends, starts
from tests.unit.run.plans import command, plan, stage

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def fact(value: str, rule: Rule = Rule.AT_LEAST, name: str = "val1.sign_state") -> Fact:
    return Fact(name=name, value=value, rule=rule, why="it decides", source="test", at=AT)


def holds(planned: str, now: str, rule: Rule = Rule.AT_LEAST) -> bool:
    return not changed_facts([fact(planned, rule)], [fact(now)])


@pytest.mark.parametrize(
    ("planned", "now", "held"),
    [
        ("10/0/3", "10/0/3", True),
        ("10/0/3", "10/1/1", True),
        ("10/0/3", "11/0/0", True),
        ("10/0/3", "10/0/2", False),
        ("10/0/3", "9/9/9", False),
        ("10", "11", True),
        ("10", "9", False),
        ("9", "10", True),
        ("10/0/3", "11", False),
        ("10", "11/0/0", False),
        ("10/0/3", "missing", False),
        ("missing", "missing", True),
        ("missing", "10/0/3", False),
        ("10", "-11", False),
        ("10", "1_1", False),
        ("10", " 11", False),
        ("10", "١١", False),
        ("10", "", False),
        ("10", "9" * 5000, False),
    ],
)
def test_at_least(planned: str, now: str, held: bool) -> None:
    """By height, round, step as numbers; what has another form must be the same text."""
    assert holds(planned, now) is held


@pytest.mark.parametrize(("now", "held"), [("a", True), ("b", False), ("a ", False), ("", False)])
def test_equal(now: str, held: bool) -> None:
    """To the letter."""
    assert holds("a", now, Rule.EQUAL) is held


def test_a_fact_that_is_gone_differs() -> None:
    """All that differ are told, with why they matter; new facts are nobody's business here."""
    planned = [fact("1"), fact("x", Rule.EQUAL, "val2.unit")]
    (gone,) = changed_facts(planned, [fact("2"), fact("z", name="val9.unit")])
    assert gone == ("val2.unit", "x", "not read", "it decides")


STATES = st.tuples(st.integers(0, 2**63), st.integers(0, 2**31), st.integers(0, 3))


def text(state: tuple[int, int, int]) -> str:
    return "/".join(str(part) for part in state)


@given(planned=STATES, now=STATES)
def test_a_sign_state_may_only_rise(
    planned: tuple[int, int, int], now: tuple[int, int, int]
) -> None:
    """Exactly the order in which CometBFT signs."""
    assert holds(text(planned), text(now)) is (now >= planned)


@given(planned=st.text(), now=st.text())
def test_no_text_breaks_the_comparison(planned: str, now: str) -> None:
    """And the same text always holds."""
    holds(planned, now)
    assert holds(planned, planned)


def follows(*hosts: str) -> Gate:
    return Gate(title="a gate", timeout_s=1, asks=Part.of(Follows(hosts=hosts)))


def advances(*hosts: str) -> Gate:
    return Gate(title="a gate", timeout_s=1, asks=Part.of(Advances(hosts=hosts, height=10)))


def seen(**hosts: tuple[int | None, bool | None]) -> Snapshot:
    return Snapshot(
        hosts=tuple(
            HostSnapshot(host=name, height=height, catching_up=catching_up)
            for name, (height, catching_up) in hosts.items()
        ),
        round=0,
        online_power=0,
        total_power=100,
    )


@pytest.mark.parametrize(
    ("kind", "snapshot", "opened"),
    [
        (advances, seen(a=(11, False), b=(12, False)), True),
        (advances, seen(a=(11, True), b=(11, None)), True),
        (advances, seen(a=(10, False), b=(12, False)), False),
        (advances, seen(a=(11, False), b=(None, None)), False),
        (advances, seen(a=(11, False)), False),
        (follows, seen(a=(11, False), b=(12, False), c=(12, False)), True),
        (follows, seen(a=(10, False), b=(12, False)), False),
        (follows, seen(a=(12, True), b=(12, False)), False),
        (follows, seen(a=(12, None), b=(12, False)), False),
        (follows, seen(a=(12, False), b=(12, False), c=(14, False)), False),
        (follows, seen(), False),
    ],
)
def test_gates(kind: Callable[..., Gate], snapshot: Snapshot, opened: bool) -> None:
    """Open for all hosts or for none; silence keeps a gate shut."""
    assert judge_gate(kind("a", "b"), snapshot).open is opened


@pytest.mark.parametrize("kind", [follows, advances])
def test_a_gate_without_hosts_stays_shut(kind: Callable[..., Gate]) -> None:
    """Empty is never success."""
    assert not judge_gate(kind(), seen(a=(99, False))).open


def test_a_gate_says_what_it_saw() -> None:
    """Each host, and the highest."""
    verdict = judge_gate(follows("a", "b"), seen(a=(7, False), c=(9, False)))
    assert verdict.seen == "a 7, b silent; highest 9"


PLAN = plan(stage(1, command("a"), command("a"), command("b")), stage(2, command("c")))


BEGAN = began()
A_STARTS, A_DONE = starts("1-0", "a"), ends("1-0")
A_STARTS_AGAIN, A_FAILED = starts("1-1", "a"), ends("1-1", "failed")
RAN, STOPPED, DIED = run_ends(), run_ends("stopped", "b failed"), run_ends("unknown", "Interrupt")
GOOD, BAD = checked("verified"), checked("unverified")


def told(*events: Event) -> tuple[JournalEntry, ...]:
    return tuple(
        JournalEntry(number=1, previous="", at=AT, plan="", event=event) for event in events
    )


@pytest.mark.parametrize(
    ("events", "hindrance", "alive", "state"),
    [
        ((), "not approved", False, RunState.PLANNED),
        ((), "", False, RunState.APPROVED),
        ((), "", True, RunState.RUNNING),
        ((BEGAN,), "", True, RunState.RUNNING),
        ((BEGAN,), "", False, RunState.UNKNOWN),
        ((BEGAN, A_STARTS), "", False, RunState.UNKNOWN),
        ((BEGAN, A_STARTS, GOOD), "", False, RunState.UNKNOWN),
        ((BEGAN, RAN), "", False, RunState.UNVERIFIED),
        ((BEGAN, RAN), "", True, RunState.UNVERIFIED),
        ((BEGAN, RAN, BAD), "", False, RunState.UNVERIFIED),
        ((BEGAN, RAN, GOOD), "", False, RunState.VERIFIED),
        ((BEGAN, RAN, GOOD, BAD), "", False, RunState.VERIFIED),
        ((BEGAN, RAN, BAD, GOOD), "", False, RunState.VERIFIED),
        ((BEGAN, STOPPED), "", False, RunState.STOPPED),
        ((BEGAN, STOPPED, GOOD), "", False, RunState.STOPPED),
        ((BEGAN, DIED), "", False, RunState.UNKNOWN),
    ],
)
def test_where_a_run_stands(
    events: tuple[Event, ...],
    hindrance: str,
    alive: bool,
    state: RunState,
) -> None:
    """Verified only by the last checks after a run that reached its end."""
    status = run_status(PLAN, told(*events), hindrance=hindrance, alive=alive)
    assert status.state is state
    assert hindrance in status.message


@pytest.mark.parametrize(
    ("events", "alive", "states"),
    [
        ((), False, "planned planned planned planned"),
        ((BEGAN, A_STARTS), True, "started planned planned planned"),
        ((BEGAN, A_STARTS), False, "unknown planned planned planned"),
        ((BEGAN, A_STARTS, A_DONE), False, "done planned planned planned"),
        ((BEGAN, A_STARTS, A_DONE, A_STARTS_AGAIN), False, "done unknown planned planned"),
        ((BEGAN, A_STARTS, A_DONE, A_STARTS_AGAIN, A_FAILED), False, "done failed planned planned"),
        ((BEGAN, A_STARTS_AGAIN, A_FAILED), False, "planned failed planned planned"),
    ],
)
def test_where_each_step_stands(events: tuple[Event, ...], alive: bool, states: str) -> None:
    """What was announced and has no end is unknown once its process is gone."""
    status = run_status(PLAN, told(*events), hindrance="", alive=alive)
    assert [step.state for step in status.steps] == [StepState(s) for s in states.split()]
    assert [str(step) for step in status.steps] == [
        "step 1-0 on a",
        "step 1-1 on a",
        "step 1-2 on b",
        "step 2-0 on c",
    ]
