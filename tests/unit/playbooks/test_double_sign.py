"""A key with a second holder: who goes on, who is stopped, and what refuses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.engine.plan.plan import Outcome, Risk
from remediations.errors import Refused
from remediations.playbooks.chain.actions import RELEASE, START
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes, HeldNodes, baseline
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.copies import parse_yes
from remediations.playbooks.chain.double_sign import parse_host
from remediations.playbooks.chain.gates import GoesOnWithout
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import case_of, compiled_of, plan_of
from tests.unit.playbooks.copied_keys import (
    BLOCK,
    BRANCH,
    MANY,
    NOT_READ,
    PASS,
    UNKNOWN,
    Change,
    a_copy,
    blocking,
    both_run,
    both_stopped,
    chosen,
    goes_on,
    held_by,
    judged,
    unreadable,
)
from tests.worlds import HEIGHT, address_of, healthy, stopped
from tests.worlds.keys import held_second, signed, started
from tests.worlds.signing import (
    powerless,
    signed_twice,
)

WORLDS: tuple[tuple[str, Change, set[str], str], ...] = (
    ("a copy that is stopped", lambda _: a_copy(), {"standby1"}, "val4"),
    ("both run, one is no validator", lambda _: both_run(), {"full1"}, "val4"),
    ("both run, both are validators", lambda _: both_run("val4", "val3"), {"val3", "val4"}, ""),
    (
        "one of them has run for longer",
        lambda _: started(both_run("val4", "val3"), "val3", ago=timedelta(days=9)),
        {"val4"},
        "val3",
    ),
    (
        "the newest sign state is on a copy that is stopped",
        lambda _: signed(signed(a_copy(), "standby1", HEIGHT + 3), "val4", HEIGHT - 40),
        {"val4"},
        "standby1",
    ),
    (
        "the validator is stopped, and the standby signs",
        lambda _: signed(both_stopped(runs="full1"), "val4", HEIGHT - 40),
        {"val4"},
        "full1",
    ),
    ("none of them runs", lambda _: both_stopped(), {"standby1"}, "val4"),
    (
        "a sign state cannot be read",
        lambda _: unreadable(both_run(), "full1"),
        {"full1", "val4"},
        "",
    ),
    (
        "a sign state is above the chain",
        lambda _: signed(a_copy(), "standby1", HEIGHT + 900),
        {"standby1", "val4"},
        "",
    ),
    (
        "a sign state is another chain's",
        lambda _: signed(a_copy(), "standby1", 40, chain_id="another-1"),
        {"standby1", "val4"},
        "",
    ),
    (
        "a remote signer keeps it",
        lambda _: worlds.configured(both_run(), "full1", remote_signer="tcp://10.0.0.9:1"),
        {"full1", "val4"},
        "",
    ),
    (
        "the key is out of the set, and the copy signed last",
        lambda _: signed(powerless(both_run(), "val4"), "val4", HEIGHT - 60),
        {"full1"},
        "val4",
    ),
    ("the second holder is not known", lambda _: signed_twice(healthy(), "val4"), {"val4"}, ""),
)


@pytest.mark.parametrize(
    ("change", "stops", "keeps"), [w[1:] for w in WORLDS], ids=[w[0] for w in WORLDS]
)
def test_exactly_those_that_have_to_go_are_held(
    change: Change, stops: set[str], keeps: str
) -> None:
    """With the holder that goes on and the reason as facts of the plan."""
    chain = chosen(change(healthy()))
    assert held_by(chain) == stops
    assert goes_on(chain)[0] == keeps
    assert blocking(chain) == set()
    assert chain.finding.next_step == "remediate plan double-sign"


@pytest.mark.parametrize("powers", [worlds.POWERS, MANY], ids=["4", "100"])
def test_a_plan_of_it_opens(powers: tuple[int, ...]) -> None:
    """No power is lost, the one that goes on is among those that are looked at, the held is not."""
    plan = plan_of(a_copy(powers), "double-sign")
    assert plan.blocked == ()
    assert plan.risk is Risk.LOW
    (stage,) = plan.stages
    assert [(i.before, i.after) for i in stage.impacts] == [
        (i.total, i.total) for i in stage.impacts
    ]
    facts = {fact.name: fact.value for fact in plan.facts}
    assert facts[f"key.{address_of(4)[:12]}"] == "val4"
    assert facts["val4.holder"] == "runs"
    assert facts["standby1.invocation"] == ""
    gate = stage.gate.asks.read(GoesOnWithout)
    assert gate.stopped == ("standby1",)
    assert "val4" in gate.hosts
    (held,) = plan.part(HeldNodes).nodes
    assert (held.host, held.address, held.power) == ("standby1", address_of(4), 0)
    assert {"val4", "full1"} <= {node.host for node in plan.part(ChainNodes).nodes}
    assert "standby1" not in {node.host for node in plan.part(ChainNodes).nodes}
    assert "val4" in {process.host for process in plan.part(ChainBaseline).untouched}
    assert {"P1", "P5", "P11", "P23", "P24", "I13"} <= {check.id for check in plan.checks}


def test_its_bytes_name_the_process() -> None:
    """A holder that runs is ended as exactly the process that was read."""
    plan = compiled_of(both_run(), "double-sign")
    (step,) = plan.steps
    unit = both_run().host("full1").unit
    assert isinstance(unit, Known)
    assert f"invocation={unit.value.invocation}\n" in step.payload
    assert f"note=second-signer:{address_of(4)}\n" in step.payload
    assert step.undo.startswith("only once its key is on no other host")


def test_what_may_be_punished_is_not_promised() -> None:
    """A key that signs twice may be out of the set a block later, whatever is stopped."""
    checks = {c.id for c in BRANCH.propose(chosen(both_run())).checks}
    assert {"P1", "P23", "P24"} <= checks
    assert checks.isdisjoint({"P5", "P8", "P11"})


def test_a_peer_that_is_held_is_not_missed() -> None:
    """The check on peers counts those that stay."""
    chain = chosen(both_run())
    part = baseline(chain, BRANCH.propose(chain))[0].read(ChainBaseline)
    before = len(both_run().host("val1").chain.peers.value)  # type: ignore[union-attr]
    assert {one.peers for one in part.peers if one.host == "val1"} == {before - 1}


def test_a_node_that_is_not_looked_at_is_not_compared() -> None:
    """Its settings could not be read, so nobody asks it: nor whether it was restarted."""
    world = worlds.change(a_copy(), "full1", lambda r: replace(r, config=NOT_READ))
    chain = chosen(world)
    stood, nodes = baseline(chain, BRANCH.propose(chain))[:2]
    told = {node.host for node in nodes.read(ChainNodes).nodes}
    assert "full1" not in told
    assert {one.host for one in stood.read(ChainBaseline).untouched} <= told


# --- people choose


def test_people_may_choose_another_one() -> None:
    """Of two that both sign at the tip either may go on."""
    chain = chosen(both_run(), keep="full1")
    assert held_by(chain) == {"val4"}
    assert judged(chain)["G82", ""].outcome is PASS


def test_people_may_choose_nobody() -> None:
    """Then all are held, and the power is shown as lost."""
    chain = chosen(both_run(), keep="none")
    assert held_by(chain) == {"full1", "val4"}
    proposal = BRANCH.propose(chain)
    assert proposal.risk is Risk.MEDIUM
    effects = [e for m in proposal.moves for e in m.action.effects(chain, m.target)]
    assert sum(effect.now for effect in effects) == 10


@pytest.mark.parametrize(
    ("world", "keep", "outcome", "says"),
    [
        (a_copy(), "standby1", BLOCK, "val4 signed 116/0/3 (runs), standby1 only 0/0/0"),
        (signed(a_copy(), "val4", 30), "val4", BLOCK, "the chain shows its signature for 116"),
        (unreadable(both_run(), "full1"), "val4", UNKNOWN, "could not be read"),
        (a_copy(), "val4", PASS, "standby1 stopped, 0/0/0"),
    ],
)
def test_who_goes_on_has_the_newest_sign_state(
    world: CometReading, keep: str, outcome: Outcome, says: str
) -> None:
    """G82: whoever chose it."""
    result = judged(chosen(world, keep=keep))["G82", ""]
    assert (result.outcome, says in result.got) == (outcome, True), result.got
    assert result.next_step


def test_a_limit_does_not_choose_around_the_proof() -> None:
    """Nobody is proven; whoever is left out of the plan would go on."""
    chain = chosen(unreadable(both_run(), "full1"), "full1")
    assert held_by(chain) == {"full1"}
    assert judged(chain)["G82", ""].outcome is UNKNOWN
    assert BRANCH.fits(chosen(both_run(), "val1")) == "no host that was asked for has to be stopped"


def test_a_host_without_the_key_is_no_choice() -> None:
    """It says who has it."""
    reason = BRANCH.fits(chosen(both_run(), keep="val2"))
    assert reason == "--keep val2 holds none of these keys: full1, val4 do"


@pytest.mark.parametrize("text", ["", "-x", "a b", "x" * 65])
def test_what_is_no_host_is_refused(text: str) -> None:
    """Before anything is read."""
    with pytest.raises(ValueError, match="a host of the inventory"):
        parse_host(text)
    with pytest.raises(ValueError, match="yes"):
        parse_yes(text)


# --- power


def test_a_stop_that_halts_the_chain_is_for_people_to_decide() -> None:
    """G29 blocks, and names the input; with it the plan opens, without a gate on blocks."""
    world = signed_twice(healthy(), "val1")
    refused = judged(chosen(world))["G29", ""]
    assert refused.outcome is BLOCK
    assert "--accept-halt yes" in refused.next_step
    chain = chosen(world, accept_halt="yes")
    assert blocking(chain) == set()
    assert "people accept that the chain halts" in judged(chain)["G29", ""].got
    proposal = BRANCH.propose(chain)
    assert proposal.risk is Risk.HIGH
    assert proposal.stages[0].gate.asks.read(GoesOnWithout).hosts == ()
    assert [check.id for check in proposal.checks] == ["P23"]


def test_accepting_a_halt_changes_nothing_where_there_is_none() -> None:
    """And no other branch takes it."""
    chain = chosen(a_copy(), accept_halt="yes")
    assert "accept" not in judged(chain)["G29", ""].got


def test_in_a_lost_quorum_a_hold_brings_nothing_back() -> None:
    """G1b is not asked of it."""
    world = stopped(signed(a_copy(), "standby1", 20), "val1")
    chain = chosen(world)
    assert held_by(chain) == {"standby1"}
    assert blocking(chain) == set()


# --- afterwards


def test_what_is_held_is_no_second_holder_any_more() -> None:
    """The diagnosis is that of the rest: the one that goes on is well, the other one is held."""
    world = held_second(both_run(), "full1")
    chain = chosen(world)
    assert chain.finding.node("val4").condition is NodeCondition.HEALTHY
    node = chain.finding.node("full1")
    assert node.condition is NodeCondition.HELD
    assert "val4 goes on with its key" in node.by_hand
    assert chain.shared_keys == ()
    reason = BRANCH.fits(chain)
    assert reason is not None
    assert reason.startswith("no key has a second holder")


def test_a_held_copy_is_not_offered_and_not_let_go() -> None:
    """node-down does not act on it; named, it is refused: its key runs on another host (G2)."""
    world = held_second(a_copy(), "standby1")
    with pytest.raises(Refused):
        case_of(world, "node-down")
    named = case_of(world, "node-down", only=["standby1"])
    assert [move.action for move in named.proposal.moves] == [RELEASE]
    blocked = {g.id for g in named.judge() if g.outcome is not PASS}
    assert "G2" in blocked


@pytest.mark.parametrize(("own", "other"), [(HEIGHT, HEIGHT + 1), (HEIGHT + 1, HEIGHT)])
def test_of_two_that_are_held_none_is_let_go_while_both_have_the_key(own: int, other: int) -> None:
    """Not the one with the newer sign state either: the key is moved away from the other first."""
    world = held_second(held_second(a_copy(), "standby1"), "val4")
    world = signed(signed(world, "val4", own), "standby1", other)
    for host in ("val4", "standby1"):
        named = case_of(world, "node-down", only=[host])
        assert [move.action for move in named.proposal.moves] == [RELEASE]
        assert "G2" in {g.id for g in named.judge() if g.outcome is not PASS}


def test_others_are_rescued_while_a_copy_is_held() -> None:
    """Nobody starts what is held, so the rest is not kept waiting; the held one stays."""
    world = stopped(held_second(a_copy(), "standby1"), "val3")
    case = case_of(world, "node-down")
    assert [(m.action, m.target) for m in case.proposal.moves] == [(START, "val3")]
    assert {g.id for g in case.judge() if g.outcome is not PASS} == set()
    assert case.finding.next_step == "remediate plan node-down"


def test_a_key_that_signs_twice_is_not_let_go() -> None:
    """Held a minute ago, and there is yet a younger sign: another holder signs (G2b)."""
    world = held_second(signed_twice(healthy(), "val4"), "val4")
    with pytest.raises(Refused):
        case_of(world, "node-down", only=["val4"])
    found = {g.id: g.outcome for g in (guard(chosen(world), "val4") for guard in RELEASE.guards)}
    assert found["G2b"] is BLOCK
