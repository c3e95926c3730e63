"""Cut off or dead: what readings tell, what they leave open, and where a restart is an attempt."""

from __future__ import annotations

import functools
from datetime import timedelta

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.present import present
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import Dial, DialAnswer
from remediations.systems.hosts.values import Unit
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import BEGAN, healthy, isolated, node_id_of, zombie
from tests.worlds.nodes import held_back, seen_at

POWERS = ((40, 30, 20, 10), (10,) * 100)


def with_peers(
    world: CometReading, host: str, *names: str, quiet_s: int | None = None
) -> CometReading:
    """`host` has only these peers."""
    ids = {node_id_of(name) for name in names}

    def only(reading: HostReading) -> HostReading:
        peers, rounds = reading.chain.peers, reading.chain.peer_rounds
        assert isinstance(peers, Known)
        assert isinstance(rounds, Known)
        kept = tuple(replace(p, quiet_s=quiet_s) for p in peers.value if p.node_id in ids)
        near = tuple(p for p in rounds.value if p.node_id in ids)
        chain = replace(reading.chain, peers=worlds.known(kept), peer_rounds=worlds.known(near))
        return replace(reading, chain=chain)

    return worlds.change(world, host, only)


def standing(host: str = "val4", powers: tuple[int, ...] = POWERS[0]) -> CometReading:
    """It stands ten blocks below the tip, and its journal is silent."""
    world = zombie(healthy(powers), host)
    return worlds.change(world, host, lambda r: replace(r, journal=worlds.known(())))


def wanting(world: CometReading, host: str, *names: str) -> CometReading:
    """Its config.toml names these persistent peers."""
    peers = tuple(f"{node_id_of(name)}@{name}.example:26656" for name in names)
    return worlds.configured(world, host, persistent_peers=peers)


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_one_node_without_peers_may_be_restarted(powers: tuple[int, ...]) -> None:
    """Both causes are said, and the safe attempt is what comes next."""
    finding = diagnose(isolated(healthy(powers), "val4"))
    node = finding.node("val4")
    assert node.condition is NodeCondition.STARVED
    assert "its network is cut, or its own p2p is stuck" in node.cause.lower()
    assert "a restart is a safe attempt" in node.cause
    assert "p2p ports" in node.cause
    assert finding.next_step == "remediate plan node-down"


def test_several_without_peers_are_cut_off_by_the_network() -> None:
    """A restart of each would mend nothing."""
    world = isolated(healthy((10,) * 10), "val4")
    world = worlds.change(world, "val5", lambda r: held_back(r, 10))
    finding = diagnose(with_peers(seen_at(world, "val5", worlds.HEIGHT - 9), "val5"))
    assert {finding.node(host).condition for host in ("val4", "val5")} == {NodeCondition.ISOLATED}
    assert not finding.next_step.startswith("remediate plan")


def test_a_node_that_has_just_started_is_given_time() -> None:
    """It has no peers yet."""
    world = isolated(healthy(), "val4")

    def young(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        unit: Unit = replace(reading.unit.value, active_since=BEGAN - timedelta(seconds=9))
        return replace(reading, unit=worlds.known(unit))

    node = diagnose(worlds.change(world, "val4", young)).node("val4")
    assert node.condition is NodeCondition.UNKNOWN
    assert "started 9 s ago" in node.cause


def test_a_validator_without_which_no_block_can_come_is_not_dispensable() -> None:
    """It holds a third: blocks cannot go on without it, whatever a young block seems to say."""
    assert diagnose(isolated(healthy(), "val1")).node("val1").condition is NodeCondition.ISOLATED


def test_in_a_halt_no_restart_is_offered_for_its_network() -> None:
    """It may hold the round."""
    world = with_peers(worlds.halted(healthy(), votes=("", "nil", "nil", "nil")), "val2")
    assert diagnose(world).node("val2").condition is NodeCondition.ISOLATED


@pytest.mark.parametrize("powers", POWERS, ids=len)
def test_a_node_that_lacks_its_sentries_is_not_called_dead(powers: tuple[int, ...]) -> None:
    """Its only peer follows the chain: it says which persistent peers it does not have."""
    world = with_peers(standing(powers=powers), "val4", "val5" if len(powers) > 4 else "full1")
    one = "val5" if len(powers) > 4 else "full1"
    world = wanting(world, "val4", one, "val1", "val2")
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.STARVED
    assert "it has 1 of its 3 persistent peers, not val1.example, val2.example" in node.cause
    assert "consensus is dead" not in node.cause.partition("or its ")[0]


def test_one_peer_is_few_where_the_others_have_many() -> None:
    """Without persistent_peers the others are what it is compared with."""
    node = diagnose(with_peers(standing(), "val4", "full1")).node("val4")
    assert node.condition is NodeCondition.STARVED
    assert "it has 1 peer, the others have 4 or more" in node.cause


def test_peers_that_send_nothing_are_none() -> None:
    """Peer tables stay full for more than a minute after a cut; bytes do not come."""
    everybody = ("val1", "val2", "val3", "full1")
    silent = with_peers(standing(), "val4", *everybody, quiet_s=42)
    node = diagnose(silent).node("val4")
    assert node.condition is NodeCondition.STARVED
    assert "none of its 4 peers has sent anything for 42 s" in node.cause
    loud = with_peers(standing(), "val4", *everybody, quiet_s=1)
    assert diagnose(loud).node("val4").condition is NodeCondition.ZOMBIE


def test_with_all_its_peers_its_consensus_is_dead() -> None:
    """Then nothing but its own process keeps it back."""
    world = wanting(standing(), "val4", "val1", "val2", "val3")
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.ZOMBIE
    assert "consensus is dead" in node.cause


def dialled(world: CometReading, host: str, *answers: DialAnswer) -> CometReading:
    """So the ports of the persistent peers that it lacks answered its host."""
    dials = tuple(Dial(node_id=f"{i:040x}", answer=answer) for i, answer in enumerate(answers))
    return worlds.change(world, host, lambda r: replace(r, dials=worlds.known(dials)))


@pytest.mark.parametrize(
    ("answers", "condition", "says"),
    [
        ((DialAnswer.OPEN, DialAnswer.SILENT), NodeCondition.STARVED, "Its own p2p is stuck"),
        ((DialAnswer.REFUSED,), NodeCondition.STARVED, "Its network is cut, or its own"),
        ((DialAnswer.SILENT,) * 2, NodeCondition.ISOLATED, "2 p2p ports of these tried"),
        ((), NodeCondition.STARVED, "Its network is cut, or its own"),
    ],
    ids=["one is open", "refused", "all silent", "none was tried"],
)
def test_the_ports_of_its_peers_tell(
    answers: tuple[DialAnswer, ...], condition: NodeCondition, says: str
) -> None:
    """Reached: it is the node. No answer from anywhere: it is the network."""
    node = diagnose(dialled(isolated(healthy(), "val4"), "val4", *answers)).node("val4")
    assert node.condition is condition
    assert says in node.cause


@pytest.mark.parametrize("count", [4, 100])
def test_the_sides_of_a_partition_are_on_the_first_screen(count: int) -> None:
    """With their power, and with the ports that lead to the other side, as each is configured."""
    half = tuple(f"val{i}" for i in range(1, count // 2 + 1))
    world = worlds.partitioned(healthy((10,) * count), half)
    world = functools.reduce(
        lambda w, r: worlds.configured(w, r.host, p2p_port=26656) if worlds.answers(r) else w,
        world.hosts,
        world,
    )
    world = worlds.configured(world, f"val{count}", p2p_port=26666)
    finding = diagnose(world)
    assert finding.chain is ChainClass.PARTITION
    rows = {row.title: row.text for row in present(finding).rows}
    assert rows["sides"].count("|") == 1
    assert rows["sides"].count(f"{count * 5}: ") == 2
    assert "in 2 parts, none with a quorum" in rows["power"]
    node = finding.node("val1")
    assert f"{count * 5} of {count * 10} power" in node.cause
    if count == 4:
        assert "p2p port 26656, 26666 on val4" in node.by_hand
    assert len({n.by_hand for n in finding.nodes if n.by_hand}) == 1
