"""A plan is one value: frozen, canonical, complete, and empty where a guard blocks."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from remediations.engine.plan.plan import VALID_FOR, Outcome, Plan, plan_digest
from remediations.playbooks.chain.baseline import (
    ChainBaseline,
    ChainNodes,
    HostSignState,
    MainProcess,
)
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.part import Part
from remediations.values.reading import Known
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.unit.plan.cases import minority_down, missing, plan_of, quorum_lost, wrong_clock
from tests.worlds import healthy


def test_canonical_bytes_round_trip() -> None:
    """A plan read back from its bytes is the same plan, and gives the same bytes."""
    plan = plan_of(quorum_lost())
    data = canonical(plan)
    assert decode(data, Plan) == plan
    assert canonical(decode(data, Plan)) == data


def test_same_observation_same_digest() -> None:
    """Nothing but the observation goes into a plan."""
    assert plan_digest(plan_of(quorum_lost())) == plan_digest(plan_of(quorum_lost()))


def test_another_world_has_another_digest() -> None:
    """A plan's identity covers what was observed."""
    digests = {plan_digest(plan_of(world)) for world in (quorum_lost(), minority_down())}
    assert len(digests) == 2


def test_expiry_derives_from_the_observation() -> None:
    """No clock is read: a plan from an old observation is old."""
    plan = plan_of(quorum_lost())
    assert plan.observed_at == worlds.BEGAN + timedelta(seconds=5)
    assert plan.expires_at == plan.observed_at + VALID_FOR


def test_blocked_plan_has_no_stages() -> None:
    """What must not run has no bytes."""
    plan = plan_of(wrong_clock(quorum_lost(), "val1"))
    assert [guard.id for guard in plan.blocked] == ["G37"]
    assert plan.stages == ()
    assert plan.targets == ()
    assert "val1.sign_state" in {fact.name for fact in plan.facts}


def test_every_stage_says_what_it_does_to_power() -> None:
    """Power before, at worst and after each stage adds up along the plan."""
    world = missing(healthy((40, 30, 20, 5, 3, 2)), "val5", "val4", "val6")
    power = [stage.impacts[0] for stage in plan_of(world).stages]
    assert [(p.before, p.worst, p.after) for p in power] == [
        (90, 90, 92),
        (92, 92, 95),
        (95, 95, 100),
    ]
    assert {p.total for p in power} == {100}


def _with_other_blocks(world: CometReading, host: str) -> CometReading:
    """`host` is on another chain of the same height."""

    def other(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            status = replace(sample.status.value, block_hash="F" * 64)
            samples.append(replace(sample, status=replace(sample.status, value=status)))
        return replace(reading, samples=tuple(samples))

    return worlds.change(world, host, other)


def test_baseline_holds_the_block_of_its_height() -> None:
    """So that a chain that begins anew can be told from one that goes on; where witnesses name two
    blocks, neither of them is believed."""
    world = quorum_lost()
    assert plan_of(world).part(ChainBaseline).block_id == worlds.block_hash_at(113)
    assert plan_of(_with_other_blocks(world, "val2")).part(ChainBaseline).block_id == ""


def test_the_address_of_a_full_node_that_is_down_is_that_of_its_key() -> None:
    """It is not in the validator set and tells no status: its file does."""
    plan = plan_of(worlds.stopped(healthy(), "full1"), playbook="node-down")
    (node,) = (node for node in plan.part(ChainNodes).nodes if node.host == "full1")
    assert (len(node.address), node.power) == (40, 0)


def test_a_baseline_without_a_block_is_read_as_one() -> None:
    """Plans of before it was kept lack the field; nothing is added to their bytes."""
    part = Part.of(plan_of(quorum_lost()).part(ChainBaseline))
    older = Part(kind=part.kind, value={k: v for k, v in part.value.items() if k != "block_id"})
    assert older.read(ChainBaseline).block_id == ""
    assert Part.of(older.read(ChainBaseline)) == older


def test_baseline_is_how_things_stood() -> None:
    """Checks compare with heights, sign states, peers, programs and processes of before."""
    baseline = plan_of(quorum_lost()).part(ChainBaseline)
    assert (baseline.height, baseline.online_power, baseline.total_power) == (113, 60, 100)
    assert HostSignState(host="val1", height=113, round=0, step=3) in baseline.sign_states
    assert {p.host: p.sha256 for p in baseline.programs}["val1"] == "a" * 64
    assert baseline.untouched == tuple(
        MainProcess(host=host, pid=400, started=9000) for host in ("val2", "val3", "val4", "full1")
    )


def test_targets_are_what_is_or_will_be_up() -> None:
    """Gates and checks look at acted and healthy nodes, never at a standby left alone."""
    targets = {node.host: node for node in plan_of(quorum_lost()).part(ChainNodes).nodes}
    assert list(targets) == ["val1", "val2", "val3", "val4", "full1"]
    assert targets["val1"].address == worlds.address_of(1)
    assert targets["val1"].power == 40
    assert targets["full1"].power == 0


def test_facts_cover_every_guard_of_the_plan() -> None:
    """A guard names facts that the plan carries, so that they are compared again."""
    plan = plan_of(quorum_lost())
    carried = {fact.name for fact in plan.facts}
    named = {name for guard in plan.guards for name in guard.facts}
    assert all(guard.outcome is Outcome.PASS for guard in plan.guards)
    assert named - carried == {"val1.disk"}, "free space moves all the time: only its guard decides"
