"""Who is rolled back, in which order, and what forbids it."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Gate, Outcome, Risk
from remediations.errors import Refused
from remediations.playbooks.chain.actions import HOLD, REEXECUTE, RELEASE, ROLL_BACK
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.gates import Advances, Follows, HostSnapshot, Snapshot, Stopped
from remediations.playbooks.chain.gates import judge_gate as judge
from remediations.playbooks.chain.rollback import (
    ROLL_BACK_ALONE,
    ROLL_BACK_TOGETHER,
    TO_HEIGHT,
    parse_height,
)
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import AppInfo, NodeStatus
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import Case, case_of, plan_of
from tests.worlds import HEIGHT, healthy

ALL = ("val1", "val2", "val3", "val4", "full1")


def split() -> CometReading:
    """40 | 60, after the newest block."""
    return worlds.split(healthy(), ("val1",), ALL[1:])


def outcome(case: Case, guard: str, subject: str = "") -> tuple[Outcome, str]:
    """What a guard says, and with which reading."""
    (found,) = [g for g in case.judge() if (g.id, g.subject) == (guard, subject)]
    return found.outcome, found.got


def signed(
    world: CometReading, host: str, step: int, block: str, height: int = HEIGHT + 1
) -> CometReading:
    """The key of `host` signed this last."""
    state = SignState(height=height, round=7, step=step, block=block)
    return worlds.change(world, host, lambda r: replace(r, sign_state=worlds.known(state)))


def with_status(world: CometReading, host: str, **changes: object) -> CometReading:
    """The node says something else of itself, in all samples."""

    def altered(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            status: NodeStatus = replace(sample.status.value, **changes)
            samples.append(replace(sample, status=worlds.known(status)))
        return replace(reading, samples=tuple(samples))

    return worlds.change(world, host, altered)


def test_a_split_is_rolled_back_together() -> None:
    """Hold, roll back, let go: each on all, full nodes too, before the next on any."""
    case = case_of(split())
    assert (case.branch.name, case.proposal.risk) == ("roll-back-together", Risk.HIGH)
    stages = case.proposal.stages
    assert [{move.action for move in stage.moves} for stage in stages] == [
        {HOLD}, {ROLL_BACK}, {REEXECUTE}
    ]  # fmt: skip
    for stage in stages:
        assert {move.target for move in stage.moves} == set(ALL)
    first, second, last = (stage.gate.asks for stage in stages)
    assert set(first.read(Stopped).hosts) == set(second.read(Stopped).hosts) == set(ALL)
    assert last.read(Advances).height == HEIGHT
    assert set(last.read(Advances).hosts) == set(ALL)


def test_a_plan_of_it_opens() -> None:
    """Every guard passes, and the data of all three steps name height and hash."""
    plan = plan_of(split())
    assert plan.blocked == ()
    assert len(plan.stages) == 3
    assert [impact.after for stage in plan.stages for impact in stage.impacts] == [0, 0, 100]
    for step in plan.steps:
        assert f"stands_at={HEIGHT}\n" in step.payload


EXPECTED = "AB" * 32


def rehearsed_gate() -> Gate:
    """The last one of a rollback whose plan names the state that the block has to give."""
    case = case_of(split())
    chain = dataclasses.replace(case.chain, inputs={EXPECT_HASH: EXPECTED})
    return ROLL_BACK_TOGETHER.propose(chain).stages[2].gate


def test_the_state_that_was_signed_stands_in_the_gate() -> None:
    """It is part of what people sign, and shown; without it any agreed state will do."""
    gate = rehearsed_gate()
    assert gate.asks.read(Advances).app_hash == EXPECTED
    assert f"on the state {EXPECTED}" in gate.title
    plain = case_of(split()).proposal.stages[2].gate
    assert plain.asks.read(Advances).app_hash == ""
    assert "app_hash" not in plain.asks.value


@pytest.mark.parametrize(
    ("states", "opens", "hopeless"),
    [
        ({"val2": EXPECTED, "val3": EXPECTED}, True, ""),
        ({"val2": EXPECTED, "val3": "CD" * 32}, False, "val3 CDCDCDCDCDCD; expected ABABABABABAB"),
        ({}, False, ""),
    ],
    ids=["the signed one", "another one", "nobody tells"],
)
def test_nobody_goes_on_with_another_state(
    states: dict[str, str], opens: bool, hopeless: str
) -> None:
    """Blocks on top of another state do not open the gate, whoever agreed on it; and where nobody
    tells the state, nothing is assumed."""
    hosts = tuple(
        HostSnapshot(
            host=host,
            height=HEIGHT + 1,
            catching_up=False,
            states={HEIGHT: states[host]} if host in states else {},
        )
        for host in ALL
    )
    seen = Snapshot(hosts=hosts, round=0, online_power=100, total_power=100)
    verdict = judge(rehearsed_gate(), seen)
    assert verdict.open is opens
    assert hopeless in verdict.hopeless
    assert bool(verdict.hopeless) is bool(hopeless)
    assert opens or "expected ABABABABABAB" in verdict.seen
    assert judge(case_of(split()).proposal.stages[2].gate, seen).open


def test_people_may_name_those_that_are_wrong() -> None:
    """With a limit only these are stopped; the others hold the round, and must have one state."""
    case = case_of(split(), only=["val1"])
    assert {move.target for move in case.proposal.moves} == {"val1"}
    assert outcome(case, "G49")[0] is Outcome.PASS
    assert set(case.proposal.stages[2].gate.asks.read(Advances).hosts) == set(ALL) - {"full1"}


def test_two_states_that_are_left_alone_stay_two() -> None:
    """Who names the wrong ones has to name all but one side."""
    three = worlds.split(healthy(), ("val1",), ("val2", "val4"), ("val3", "full1"))
    found, got = outcome(case_of(three, only=["val1"]), "G49")
    assert found is Outcome.BLOCK
    assert "val2, val4 with" in got
    assert "val3" in got
    assert plan_of(three).blocked == ()


def test_a_minority_is_rolled_back_alone() -> None:
    """While blocks go on each has its three stages, and follows before the next is touched."""
    case = case_of(worlds.diverged(healthy(), "val4"))
    assert (case.branch.name, case.proposal.risk) == ("roll-back-alone", Risk.MEDIUM)
    assert [move.action for move in case.proposal.moves] == [HOLD, ROLL_BACK, REEXECUTE]
    assert case.proposal.stages[2].gate.asks.read(Follows).hosts == ("val4",)
    with pytest.raises(Refused) as refused:
        case_of(worlds.diverged(healthy(), "val4"), only=["val2"])
    assert "roll-back-alone: no node that was asked for" in refused.value.got


@pytest.mark.parametrize(
    ("step", "block", "height", "expected"),
    [
        (3, "AB" * 32, HEIGHT + 1, Outcome.BLOCK),
        (3, "", HEIGHT + 1, Outcome.PASS),
        (2, "AB" * 32, HEIGHT + 1, Outcome.PASS),
        (3, "AB" * 32, HEIGHT, Outcome.PASS),
    ],
)
def test_what_was_precommitted_above_is_not_taken_back(
    step: int, block: str, height: int, expected: Outcome
) -> None:
    """A prevote, nil, and the block itself are no obstacle; a precommit for the next one is."""
    case = case_of(signed(split(), "val2", step, block, height))
    found, got = outcome(case, "G48", "val2")
    assert found is expected
    assert f"{height}/7/{step}" in got


def test_a_node_whose_heights_differ_is_not_rolled_back() -> None:
    """From there a rollback takes back something else, or nothing."""

    def behind(reading: HostReading) -> HostReading:
        app = worlds.known(AppInfo(height=HEIGHT - 1, app_hash="00"))
        samples = tuple(replace(sample, app=app) for sample in reading.samples)
        return replace(reading, samples=samples)

    case = case_of(worlds.change(split(), "val3", behind))
    found, got = outcome(case, "G47", "val3")
    assert found is Outcome.BLOCK
    assert f"store {HEIGHT}, application {HEIGHT - 1}" in got


def test_a_node_without_the_block_before_is_not_rolled_back() -> None:
    """It came by state sync a block ago: its block store has nothing to go back to."""
    case = case_of(with_status(split(), "val3", earliest_height=HEIGHT))
    assert outcome(case, "G47", "val3")[0] is Outcome.BLOCK


def test_another_header_of_the_same_block_is_not_believed() -> None:
    """What the rollback has to report must be what all show."""
    case = case_of(with_status(split(), "val3", app_hash="CD" * 32))
    found, got = outcome(case, "G47", "val3")
    assert found is Outcome.BLOCK
    assert "shows another header" in got


def test_a_later_block_somewhere_forbids_it() -> None:
    """It is decided then, and says who was right."""
    case = case_of(split(), only=["val1"])
    assert outcome(case, "G50")[0] is Outcome.PASS
    beyond = dataclasses.replace(
        case, observation=with_status(case.observation, "val4", height=HEIGHT + 1)
    )
    found, got = outcome(beyond, "G50")
    assert found is Outcome.BLOCK
    assert f"val4 has {HEIGHT + 1}" in got


def test_what_a_run_holds_is_let_go() -> None:
    """A node that is stopped and held is no plain start."""

    def held(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=worlds.known(replace(reading.unit.value, held=True)))

    world = worlds.change(worlds.stopped(healthy(), "val4"), "val4", held)
    case = case_of(world)
    assert case.finding.node("val4").condition is NodeCondition.HELD
    assert [move.action for move in case.proposal.moves] == [RELEASE]
    running = case_of(worlds.change(worlds.stopped(healthy(), "val2"), "val4", held))
    assert running.finding.node("val4").condition is NodeCondition.HEALTHY
    assert "would not start again" in running.finding.node("val4").cause


def test_whoever_is_stopped_counts_by_its_files() -> None:
    """That it votes now says nothing about what it can sign once it is started again (G46)."""
    assert outcome(case_of(split()), "G46")[1].startswith("100 of 100 can sign at")
    case = case_of(signed(split(), "val1", 3, "", HEIGHT + 9))
    found, got = outcome(case, "G46")
    assert found is Outcome.BLOCK
    assert "40 never at this height (val1 signed 122)" in got


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (HEIGHT - 1, None),
        (HEIGHT, "nothing would be executed again"),
        (HEIGHT + 1, f"is above {HEIGHT}"),
        (HEIGHT - 2, f"blocks {HEIGHT - 1} to {HEIGHT} is a fork"),
    ],
)
def test_one_soft_step_reaches_one_height(wanted: int, says: str | None) -> None:
    """Every other one is refused, with what could be done instead."""
    chain = dataclasses.replace(case_of(split()).chain, inputs={TO_HEIGHT.name: str(wanted)})
    reason = ROLL_BACK_TOGETHER.fits(chain)
    assert (reason is None) if says is None else (reason is not None and says in reason)


def test_a_hard_rollback_of_one_node_is_refused_with_what_does_it() -> None:
    """docs/adr/0012-no-hard-rollback.md: while the chain goes on it would be no fork."""
    chain = case_of(worlds.diverged(healthy(), "val4")).chain
    assert ROLL_BACK_ALONE.fits(chain) is None
    deeper = dataclasses.replace(chain, inputs={TO_HEIGHT.name: str(HEIGHT - 30)})
    reason = ROLL_BACK_ALONE.fits(deeper)
    assert reason is not None
    assert "rollback --hard" in reason
    assert "remediate plan node-down --donor HOST" in reason
    assert "fork" not in reason


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "1" * 19, ""])
def test_what_is_no_height_is_refused(text: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="a height is a whole number from 1 on"):
        parse_height(text)


def test_the_gate_of_those_that_are_down() -> None:
    """One that answers keeps it shut, and so does an empty list."""
    gate = case_of(split()).proposal.stages[0].gate

    def seen(height: int | None) -> Snapshot:
        hosts = tuple(
            HostSnapshot(host=h, height=height if h == "val2" else None, catching_up=None)
            for h in ALL
        )
        return Snapshot(hosts=hosts, round=None, online_power=0, total_power=100)

    assert judge(gate, seen(None)).open
    assert not judge(gate, seen(HEIGHT)).open
