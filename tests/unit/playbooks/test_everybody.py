"""Nobody runs: who is started, in which order, on whose word, and who is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Move
from remediations.engine.plan.plan import GuardResult, Outcome, Risk
from remediations.engine.plan.recheck import check_derivation
from remediations.errors import Refused, WorldChanged
from remediations.playbooks.chain.actions import (
    START,
)
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.gates import Advances, Answers
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import CometReading, sealed
from tests import worlds
from tests.unit.plan.cases import Case, case_of, maker, plan_of, still_holds
from tests.worlds import HEIGHT
from tests.worlds.everybody import deadlocked, everybody_down, signed, validators, with_genesis
from tests.worlds.signing import named_twice

NEWEST = HEIGHT + 1
VALIDATORS = ("val1", "val2", "val3", "val4")
SIZES = (4, 100, 1000)
World = Callable[[], CometReading]


def blocked(case: Case) -> dict[str, GuardResult]:
    """Id and subject → the guards that do not pass."""
    found = (guard for guard in case.judge() if guard.outcome is not Outcome.PASS)
    return {f"{guard.id} {guard.subject}".strip(): guard for guard in found}


def guard(case: Case, name: str) -> GuardResult:
    """The guard with this id, of the whole or of one host."""
    return {f"{g.id} {g.subject}".strip(): g for g in case.judge()}[name]


def moves(case: Case) -> list[list[Move[ChainSituation]]]:
    return [list(stage.moves) for stage in case.proposal.stages]


@pytest.mark.parametrize("size", SIZES)
def test_full_nodes_first_then_all_validators_at_once(size: int) -> None:
    """The first gate asks for answers, the second for a block that nobody can have yet."""
    case = case_of(everybody_down((10,) * size))
    assert case.finding.chain is ChainClass.ALL_DOWN
    assert (case.branch.name, case.proposal.risk) == ("start-everybody", Risk.HIGH)
    full, together = case.proposal.stages
    assert full.moves == (Move(START, "full1"),)
    assert full.gate.asks.read(Answers).hosts == ("full1",)
    assert {move.target for move in together.moves} == set(validators(case.observation))
    assert {move.action for move in together.moves} == {START}
    gate = together.gate.asks.read(Advances)
    assert (gate.height, len(gate.hosts)) == (NEWEST, size)
    assert blocked(case) == {}


def test_without_a_full_node_the_validators_are_the_first_stage() -> None:
    """Nothing is waited for that there is not."""
    case = case_of(everybody_down(full=0))
    assert [[move.target for move in stage] for stage in moves(case)] == [
        ["val4", "val3", "val2", "val1"]
    ]
    assert blocked(case) == {}


@pytest.mark.parametrize("unread", [False, True])
def test_a_full_node_that_might_sign_is_not_started(unread: bool) -> None:
    """Its key signed once, or cannot be read."""
    world = everybody_down()
    if unread:
        world = worlds.change(world, "full1", lambda r: replace(r, key=worlds.unknown("denied")))
    else:
        world = signed(world, "full1", 9)
    assert "full1" not in case_of(world).proposal.targets


def test_every_guard_says_whose_powers_it_counts_in() -> None:
    """They are those of the first block; what they are today nobody tells."""
    case = case_of(everybody_down())
    by_files = (
        "powers of the first block, by the genesis file of full1, standby1, val1, val2 and 2 more, "
        "not those of today"
    )
    for name in ("G1", "G1b", "G31", "G46"):
        assert by_files in guard(case, name).got, name
    assert guard(case, "W2").got == (
        "no node answers; by their sign states: val1, val2, val3, val4"
    )
    assert guard(case, "G3").got == f"4 last signatures for {worlds.CHAIN_ID}"
    assert guard(case, "G46").got.startswith(
        f"if the newest block is the oldest that it can be: 100 of 100 can sign at {NEWEST}/0"
    )
    assert any("not checked (P4)" in text for text in case.proposal.warnings)
    assert "P4" not in {check.id for check in case.proposal.checks}
    assert {"P1", "P5", "P7", "P10", "P11"} <= {check.id for check in case.proposal.checks}


def test_one_that_took_no_part_in_the_last_block_is_left_out() -> None:
    """It was down before, or its sign state is an older copy: nobody can tell which. Named, it is
    refused for that."""
    world = signed(everybody_down(), "val4", NEWEST - 2)
    case = case_of(world)
    assert "val4" not in case.proposal.targets
    assert blocked(case) == {}
    assert any(text.startswith("val4 is not started: ") for text in case.proposal.warnings)
    assert guard(case, "G1b").got.startswith("90 of 100 after the start")
    named = case_of(world, only=["val1", "val2", "val3", "val4"])
    found = blocked(named)
    assert set(found) == {"G20 val4"}
    assert found["G20 val4"].outcome is Outcome.UNKNOWN
    assert "older copy" in found["G20 val4"].next_step


def test_too_much_power_left_out_is_refused() -> None:
    """By the powers of the first block there was no such block: files conclude nothing, and the
    full node has to tell."""
    world = signed(everybody_down(), "val1", NEWEST - 5)
    case = case_of(world)
    assert case.finding.files is not None
    assert (case.finding.files.newest, case.finding.height) == (0, 0)
    assert case.branch.name == "start-full-nodes"
    with pytest.raises(Refused):
        case_of(world, only=[*VALIDATORS])


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (lambda w: worlds.sign_state_missing(w, "val1"), NodeCondition.SIGN_STATE_LOST),
        (lambda w: signed(w, "val1", 0, step=0), NodeCondition.SIGN_STATE_LOST),
        (lambda w: worlds.key_missing(w, "val1"), NodeCondition.KEY_MISSING),
    ],
)
def test_one_that_could_sign_twice_is_never_started(
    how: Callable[[CometReading], CometReading], expected: NodeCondition
) -> None:
    """Missing or zero: not with the others, and not if it is named. Without 40 of 100 the rest is
    not started either."""
    world = how(everybody_down())
    assert diagnose(world).node("val1").condition is expected
    case = case_of(world)
    assert "val1" not in case.proposal.targets
    if case.branch.name == "start-everybody":
        assert set(blocked(case)) == {"G1b"}
        assert "cannot be started: val1 (40, " in guard(case, "G1b").got
    else:
        assert case.proposal.targets == ("full1",)
    with pytest.raises(Refused):
        case_of(world, only=["val1"])


def test_one_from_the_future_is_left_alone() -> None:
    """Far above what so much power has signed: it does not decide how far the chain came."""
    world = signed(everybody_down(), "val4", NEWEST + 1000)
    case = case_of(world)
    assert case.finding.files is not None
    assert case.finding.files.newest == NEWEST
    assert "val4" not in case.proposal.targets
    named = blocked(case_of(world, only=[*VALIDATORS]))
    assert named["G20 val4"].outcome is Outcome.BLOCK
    assert "leave its sign state as it is" in named["G20 val4"].next_step


def test_a_round_above_zero_needs_its_log() -> None:
    """Without it the power could not sign again where the chain may stand."""
    world = everybody_down()
    for host in VALIDATORS:
        world = signed(world, host, NEWEST, round=3)
    assert blocked(case_of(world)) == {}
    case = case_of(world)
    (_, together) = case.proposal.stages
    assert together.gate.timeout_s > 70
    bare = worlds.change(
        world,
        "val1",
        lambda r: replace(r, wal=worlds.known(replace(r.wal.value, size=0))),  # type: ignore[union-attr]
    )
    assert {"G26 val1", "G46"} <= set(blocked(case_of(bare)))


def test_a_key_on_two_hosts_is_refused() -> None:
    """All are stopped, and both copies could be started later."""
    world = worlds.duplicated(everybody_down(), "val4", "standby1")
    assert "G2" in blocked(case_of(world))


def test_a_signature_for_another_chain_is_refused() -> None:
    """What was signed names the chain; a sign state without its bytes names none."""
    other = case_of(signed(everybody_down(), "val2", NEWEST, chain="other-1"))
    assert blocked(other)["G3"].got == "val2: other-1"
    bare = worlds.sign_state(everybody_down(), "val2", NEWEST)
    assert blocked(case_of(bare))["G3"].outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("agreed", [(), ("val1",)])
def test_where_nobody_tells_the_powers_only_full_nodes_are_started(
    agreed: tuple[str, ...],
) -> None:
    """No genesis file, or that of one machine alone: the full node tells the set, and the next plan
    starts the validators."""
    world = everybody_down(genesis=False)
    if agreed:
        world = with_genesis(world, worlds.POWERS, only=agreed)
    case = case_of(world)
    assert case.branch.name == "start-full-nodes"
    assert moves(case) == [[Move(START, "full1")]]
    assert blocked(case) == {}
    assert "P1" not in {check.id for check in case.proposal.checks}
    assert any("brings no block" in text for text in case.proposal.warnings)
    with pytest.raises(Refused):
        case_of(named_twice(everybody_down(genesis=False, full=0), "val1", "validator-one"))


def test_a_set_that_is_mostly_elsewhere_is_not_started_by_its_first_block() -> None:
    """A third of the first block's power is on no host here: the full node has to tell."""
    world = everybody_down((10,) * 10, hosts=6)
    assert case_of(world).branch.name == "start-full-nodes"
    with pytest.raises(Refused):
        case_of(everybody_down((10,) * 10, hosts=6, full=0))


def test_a_validator_of_later_is_started_too() -> None:
    """Its key is not in the first block, and it took part in the last: its own address check is
    left out, as nobody could read its power."""
    world = with_genesis(everybody_down((30, 30, 30, 10)), (30, 30, 30))
    case = case_of(world)
    assert "val4" in case.proposal.targets
    assert blocked(case) == {}
    assert "P11" not in {check.id for check in case.proposal.checks}


def test_a_plan_holds_while_nothing_changes() -> None:
    """Made again from the same readings, for its own targets, it is the same, byte for byte."""
    world = deadlocked(everybody_down())
    plan = plan_of(world)
    assert [len(stage.steps) for stage in plan.stages] == [1, 8, 4]
    without = signed(everybody_down(), "val4", NEWEST - 2)
    for made, seen in ((plan, world), (plan_of(without), without)):
        check_derivation(made, sealed(seen), maker())
        assert still_holds(made, seen, maker())


def test_whoever_comes_back_by_himself_makes_it_another_world() -> None:
    """Somebody started the full node meanwhile: its word counts now, and the plan is refused."""
    world = everybody_down()
    up = worlds.stopped(worlds.healthy(), *VALIDATORS)
    with pytest.raises(WorldChanged) as changed:
        still_holds(plan_of(world), up, maker())
    assert "chain.class" in changed.value.got
