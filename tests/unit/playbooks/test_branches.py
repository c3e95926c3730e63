"""Which branch is picked, and whom it acts on, at 4, 100 and 10,000 validators."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from remediations.engine.domain import Move, StepData
from remediations.engine.plan.plan import Risk
from remediations.errors import Refused, UsageError
from remediations.playbooks.chain.actions import RESTART, START
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.unit.plan.cases import Case, case_of, minority_down, missing, plan_of, quorum_lost
from tests.worlds import healthy

ALL = ("val1", "val2", "val3", "val4", "full1")
SIZES = (4, 100, 10_000)
World = Callable[[], CometReading]

REFUSED: tuple[tuple[str, World], ...] = (
    (ChainClass.HEALTHY, healthy),
    (ChainClass.DEGRADED, lambda: worlds.stopped(healthy(), "full1")),
    (ChainClass.QUORUM_LOST, lambda: worlds.key_missing(healthy(), "val1")),
    (ChainClass.PARTITION, lambda: worlds.partitioned(healthy(), ("val1", "val4"))),
    (ChainClass.DETERMINISTIC_PANIC, lambda: worlds.panicked(healthy(), *ALL)),
    (
        ChainClass.UPGRADE_NEEDED,
        lambda: worlds.panicked(healthy(), *ALL, lines=('UPGRADE "v2" NEEDED at height: 114: {}',)),
    ),
    (ChainClass.ALL_DOWN, lambda: worlds.stopped(healthy(full=0), *ALL[:-1])),
)


def chain_of(size: int) -> CometReading:
    """`size` validators; up to 100 of them, with nearly all power, are in the inventory."""
    return healthy((1000,) * min(size, 100) + (1,) * (size - 100), hosts=min(size, 100))


def data_of(case: Case, host: str = "val4") -> StepData:
    """What the bytes for a host are made from."""
    facts = {fact.name: fact.value for fact in RESTART.facts(case.chain, host)}
    return RESTART.data(facts, host)


@pytest.mark.parametrize(("name", "world"), REFUSED, ids=[name for name, _ in REFUSED])
def test_no_branch_for_what_a_start_does_not_cure(name: str, world: World) -> None:
    """INC-001 refuses, with each branch's reason and with what to do by hand."""
    with pytest.raises(Refused) as refused:
        case_of(world())
    assert refused.value.guard == "branch"
    assert name in refused.value.what
    assert "start-missing-together: " in refused.value.got
    assert "restart-minority: " in refused.value.got
    assert refused.value.next_step


@pytest.mark.parametrize("size", SIZES)
def test_quorum_lost_starts_all_missing_at_once(size: int) -> None:
    """In a halt whoever is missing is started in one stage, gated by the next block."""
    down = tuple(f"val{i}" for i in range(1, min(size, 100) * 2 // 5 + 2))
    case = case_of(missing(chain_of(size), *down))
    assert case.finding.chain is ChainClass.QUORUM_LOST
    assert case.branch.name == "start-missing-together"
    assert case.proposal.risk is Risk.HIGH
    (stage,) = case.proposal.stages
    assert {move.target for move in stage.moves} == set(down)
    assert {move.action for move in stage.moves} == {START}
    assert stage.gate.asks.read(Advances).height == case.finding.height
    assert stage.gate.timeout_s == round_timeout_s(case.finding.round)


@pytest.mark.parametrize("size", SIZES)
def test_minority_is_restarted_one_at_a_time(size: int) -> None:
    """While blocks go on each missing validator has a stage and a gate of its own."""
    down = tuple(f"val{i}" for i in range(1, min(size, 100) // 4 + 1))
    case = case_of(missing(chain_of(size), *down))
    assert case.finding.chain is ChainClass.DEGRADED
    assert case.branch.name == "restart-minority"
    assert case.proposal.risk is Risk.MEDIUM
    assert [[move.target for move in s.moves] for s in case.proposal.stages] == [
        [host] for host in sorted(down)
    ]
    for stage in case.proposal.stages:
        assert stage.gate.asks.read(Follows).hosts == (stage.moves[0].target,)


def test_minority_goes_by_power() -> None:
    """Smallest power first, by name among equals: the least is missed while it is tried."""
    world = missing(healthy((40, 30, 20, 5, 2, 2)), "val4", "val6", "val5")
    assert [move.target for move in case_of(world).proposal.moves] == ["val5", "val6", "val4"]


@pytest.mark.parametrize("make", [quorum_lost, minority_down])
def test_healthy_node_is_never_acted_on(make: World) -> None:
    """What runs and follows is left alone, even where it is named."""
    world = make()
    down = case_of(world).proposal.moves[0].target
    case = case_of(world, only=["val2", "val3", down])
    assert [move.target for move in case.proposal.moves] == [down]
    with pytest.raises(Refused):
        case_of(world, only=["val2"])


def test_frozen_node_is_restarted_by_its_invocation() -> None:
    """A process that stands there is ended, and only that one; it costs no power that votes."""
    world = worlds.frozen(healthy(), "val4")
    case = case_of(world)
    assert case.proposal.moves == (Move(RESTART, "val4"),)
    assert data_of(case)["invocation"] == world.host("val4").unit.value.invocation  # type: ignore[union-attr]
    assert [effect.now for effect in RESTART.effects(case.chain, "val4")] == [0]


def test_crash_loop_is_restarted_without_an_invocation() -> None:
    """A looping unit has a new invocation every few seconds: none can be named."""
    case = case_of(worlds.crash_looping(healthy(), "val4", "exit 1"))
    assert case.proposal.moves == (Move(RESTART, "val4"),)
    assert data_of(case)["invocation"] == ""


@pytest.mark.parametrize(("host", "promised"), [("full1", False), ("val4", True)])
def test_signing_is_promised_only_of_validators(host: str, promised: bool) -> None:
    """A check that no host of the plan can answer would never let it be verified."""
    case = case_of(worlds.stopped(healthy(), host), playbook="node-down")
    assert ("P7" in {check.id for check in case.proposal.checks}) is promised


def test_unit_that_stays_disabled_is_named() -> None:
    """What will not come back after a reboot is said, not changed."""
    case = case_of(worlds.disabled(healthy(), "val4"))
    assert len(case.proposal.warnings) == 1
    assert case.proposal.warnings[0].startswith("val4: its unit is disabled and stays so")


def test_standby_is_started_only_when_named() -> None:
    """A keyless standby is stopped on purpose."""
    world = worlds.stopped(healthy(), "full1")
    everywhere = case_of(world, "node-down")
    assert [move.target for move in everywhere.proposal.moves] == ["full1"]
    named_ = case_of(healthy(), "node-down", only=["standby1"])
    assert [move.target for move in named_.proposal.moves] == ["standby1"]
    assert named_.proposal.risk is Risk.LOW
    with pytest.raises(Refused):
        case_of(healthy(), "node-down")


def test_node_down_refuses_in_a_halt() -> None:
    """What is missing in a halt is started together: that is INC-001."""
    with pytest.raises(Refused) as refused:
        case_of(quorum_lost(), "node-down")
    assert "use INC-001" in refused.value.got
    assert "INC-001" in refused.value.next_step


def test_asked_branch_must_fit() -> None:
    """--branch narrows the choice and never forces it."""
    with pytest.raises(Refused) as refused:
        case_of(quorum_lost(), branch="restart-minority")
    assert refused.value.got == "restart-minority: the chain is quorum-lost, not degraded"
    with pytest.raises(UsageError) as unknown:
        case_of(quorum_lost(), branch="reset-everything")
    assert "start-missing-together, restart-minority, " in unknown.value.expected


def test_unknown_host_in_limit_is_named() -> None:
    """A misspelt host never narrows a plan silently."""
    with pytest.raises(UsageError) as unknown:
        plan_of(quorum_lost(), only=["val1", "vall"])
    assert unknown.value.got == "vall"
    assert "standby1" in unknown.value.expected


def test_advice_that_is_the_same_is_given_once() -> None:
    """What a person has to do is said once, with all the hosts it is for."""
    with pytest.raises(Refused) as refused:
        case_of(worlds.partitioned(healthy(), ("val1", "val4")))
    assert refused.value.next_step.count("Mend the network") == 1
    assert "val1" in refused.value.next_step


@pytest.mark.parametrize(("round_", "seconds"), [(0, 70), (1, 72), (10, 100), (1000, 3070)])
def test_block_may_take_two_rounds(round_: int, seconds: int) -> None:
    """Rounds get longer: 5 + 1.5·r seconds each, and two may pass before all agree."""
    assert round_timeout_s(round_) == seconds
