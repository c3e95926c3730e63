"""What must not become more while a plan is applied, as a look at the chain shows it."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.engine.apply.look import Harm
from remediations.playbooks.chain.look import harms_of
from remediations.systems.comet.poll import NO_POLL, NodePoll
from remediations.systems.comet.rpc import parse_blocks, parse_status
from remediations.systems.comet.values import AppInfo, BlockMeta, NodeLocation
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
    polls = {node.host: NO_POLL for node in NODES}
    for host, (height, state) in host_states.items():
        polls[host] = NodePoll(
            status=replace(STATUS, height=height, power=power),
            round=None,
            app=AppInfo(height=height, app_hash=state),
            blocks=blocks,
        )
    return {harm.name: harm for harm in harms_of(NODES, polls)}


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
