"""What must not become more while a plan is applied, as a look at the chain shows it."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.engine.apply.look import Harm
from remediations.engine.plan.plan import Gate
from remediations.playbooks.chain.gates import Advances, Follows, judge_gate
from remediations.playbooks.chain.look import harms_of, snapshot_of, split_of, states_of
from remediations.systems.comet.poll import NO_POLL, NodePoll
from remediations.systems.comet.rpc import parse_blocks, parse_status
from remediations.systems.comet.values import AppInfo, BlockMeta, NodeLocation
from remediations.values.part import Part
from tests.unit.model import answers

NODES = tuple(
    NodeLocation(
        host=name, unit="ve.service", home="/srv/ve", user="ve", rpc_url="http://127.0.0.1:1",
        address=answers.address(index), power=power,
    )
    for index, (name, power) in enumerate({"val1": 40, "val2": 30, "full1": 0}.items())
)  # fmt: skip
STATUS = parse_status(answers.status(113))
BLOCKS = parse_blocks(answers.blockchain())


def polled(
    host_states: dict[str, tuple[int, str]],
    *,
    blocks: tuple[BlockMeta, ...] | None = None,
    power: int = 40,
) -> dict[str, Harm]:
    """The harms where these hosts say that of their application, and no other answers."""
    polls = polls_of(host_states, blocks=blocks, power=power)
    return {harm.name: harm for harm in harms_of(NODES, polls)}


def polls_of(
    host_states: dict[str, tuple[int, str]],
    *,
    blocks: tuple[BlockMeta, ...] | None = None,
    power: int = 40,
) -> dict[str, NodePoll]:
    """What all nodes answer; none but these hosts does."""
    polls = {node.host: NO_POLL for node in NODES}
    for host, (height, state) in host_states.items():
        polls[host] = NodePoll(
            status=replace(STATUS, height=height, power=power),
            round=None,
            app=AppInfo(height=height, app_hash=state),
            blocks=blocks,
        )
    return polls


def test_states_are_compared_after_one_block() -> None:
    """Nodes at other heights have other states, and nothing is wrong with that."""
    found = polled({"val1": (113, "AA"), "val2": (113, "BB"), "full1": (112, "CC")})["app hashes"]
    assert found.count == 2
    assert found.says == "after block 113 there are AA (val1) and BB (val2)"
    assert polled({"val1": (113, "AA"), "val2": (112, "BB")})["app hashes"].count == 1
    older = polled({"val1": (112, "AA"), "full1": (112, "BB"), "val2": (113, "CC")})
    assert older["app hashes"].count == 2


def test_evidence_is_that_of_the_newest_block_that_has_any() -> None:
    """None yet is zero; where nobody tells blocks it is left out."""
    assert polled({"val1": (113, "AA")}, blocks=BLOCKS)["evidence"].count == 0
    newest = replace(BLOCKS[-1], evidence=True)
    found = polled({"val1": (113, "AA")}, blocks=(*BLOCKS[:-1], newest))["evidence"]
    assert found.count == newest.height
    assert f"block {newest.height}" in found.says
    assert "evidence" not in polled({"val1": (113, "AA")})


def test_a_validator_that_lost_its_power_is_counted() -> None:
    """Only one that answers, and that had power when the plan was made."""
    states = {"val1": (113, "AA"), "full1": (113, "AA")}
    assert polled(states)["validators out of the set"].count == 0
    found = polled(states, power=0)["validators out of the set"]
    assert found.count == 1
    assert found.says.startswith("val1 has no power any more")


def test_where_nobody_answers_nothing_is_compared() -> None:
    """Then the gate decides."""
    assert set(polled({})) == {"validators out of the set"}


def test_no_block_follows_states_that_differ_for_good() -> None:
    """Only where no state comes to more than two thirds with all who have not told theirs."""
    parted = {"val1": (113, "AA"), "val2": (113, "BB")}
    assert split_of(NODES, 70, polls_of(parted)) == (
        "after block 113 the states differ: AA with 40 and BB with 30 of 70"
    )
    assert split_of(NODES, 90, polls_of(parted))  # 40 and the 20 of others: 60 of 90, no quorum
    assert not split_of(NODES, 91, polls_of(parted))
    assert not split_of(NODES, 101, polls_of({"val1": (113, "AA"), "val2": (112, "BB")}))
    agreed = {"val1": (113, "AA"), "val2": (113, "AA"), "full1": (113, "BB")}
    assert not split_of(NODES, 70, polls_of(agreed))
    assert not split_of(NODES, 70, polls_of({"val1": (113, "AA"), "val2": (113, "")}))


def test_a_node_tells_states_after_heights() -> None:
    """Headers name the state before their block, the application the one that it has."""
    blocks = (
        BlockMeta(height=113, block_hash="", app_hash="AA", time=STATUS.block_time, evidence=False),
        BlockMeta(height=112, block_hash="", app_hash="", time=STATUS.block_time, evidence=False),
    )
    poll = NodePoll(None, None, AppInfo(height=113, app_hash="BB"), blocks)
    assert states_of(poll) == {112: "AA", 113: "BB"}
    assert states_of(NO_POLL) == {}


def test_a_gate_that_waits_for_a_block_is_hopeless_then() -> None:
    """One that waits for something else is not."""
    polls = polls_of({"val1": (113, "AA"), "val2": (113, "BB")})
    snapshot = snapshot_of(NODES, 70, polls)
    hosts = ("val1", "val2")
    block = Gate(title="", timeout_s=9, asks=Part.of(Advances(hosts=hosts, height=113)))
    assert judge_gate(block, snapshot).hopeless == snapshot.split != ""
    follow = Gate(title="", timeout_s=9, asks=Part.of(Follows(hosts=hosts)))
    assert judge_gate(follow, snapshot).hopeless == ""
    below = Gate(title="", timeout_s=9, asks=Part.of(Advances(hosts=hosts, height=112)))
    assert judge_gate(below, snapshot) == (True, "val1 113, val2 113; highest 113", "")
