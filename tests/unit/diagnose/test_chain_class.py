"""Each class of incident, from a world made to show it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import Unknown, Why
from tests import worlds
from tests.worlds import healthy, stopped

ALL = ("val1", "val2", "val3", "val4", "full1")
UPGRADE = 'UPGRADE "v2" NEEDED at height: 114: {}'
HALT = "halt per configuration height 114 time 0"
World = Callable[[], CometReading]

SCENARIOS: tuple[tuple[str, World, ChainClass, Tristate], ...] = (
    ("healthy", healthy, ChainClass.HEALTHY, Tristate.NO),
    ("10 of 100 down", lambda: stopped(healthy(), "val4"), ChainClass.DEGRADED, Tristate.NO),
    ("full node down", lambda: stopped(healthy(), "full1"), ChainClass.DEGRADED, Tristate.NO),
    ("40 of 100 down", lambda: stopped(healthy(), "val1"), ChainClass.QUORUM_LOST, Tristate.YES),
    (
        "30 and 10 down",
        lambda: stopped(healthy(), "val2", "val4"),
        ChainClass.QUORUM_LOST,
        Tristate.YES,
    ),
    (
        "all validators down, the full node tells the set",
        lambda: stopped(healthy(), *ALL[:4]),
        ChainClass.QUORUM_LOST,
        Tristate.YES,
    ),
    ("nobody answers", lambda: stopped(healthy(), *ALL), ChainClass.ALL_DOWN, Tristate.UNKNOWN),
    ("40 frozen", lambda: worlds.frozen(healthy(), "val1"), ChainClass.QUORUM_LOST, Tristate.YES),
    (
        "40 out of reach",
        lambda: worlds.unreachable(healthy(), "val1"),
        ChainClass.QUORUM_LOST,
        Tristate.YES,
    ),
    (
        "parted 50 to 50, peer tables full",
        lambda: worlds.partitioned(healthy(), ("val1", "val4")),
        ChainClass.PARTITION,
        Tristate.YES,
    ),
    (
        "40 cut off alone",
        lambda: worlds.partitioned(
            healthy(), ("val1",), ("val2", "val3", "val4", "full1"), peers_gone=True
        ),
        ChainClass.PARTITION,
        Tristate.YES,
    ),
    (
        "app hashes 60 to 40",
        lambda: worlds.split(healthy(), ("val1",), ("val2", "val3", "val4", "full1")),
        ChainClass.APP_HASH_SPLIT,
        Tristate.YES,
    ),
    (
        "app hashes 40, 30, 30",
        lambda: worlds.split(healthy(), ("val1",), ("val2",), ("val3", "val4", "full1")),
        ChainClass.APP_HASH_SPLIT,
        Tristate.YES,
    ),
    (
        "10 diverged",
        lambda: worlds.diverged(healthy(), "val4"),
        ChainClass.LOCAL_DIVERGENCE,
        Tristate.NO,
    ),
    (
        "all panic at one block",
        lambda: worlds.panicked(healthy(), *ALL),
        ChainClass.DETERMINISTIC_PANIC,
        Tristate.YES,
    ),
    (
        "upgrade",
        lambda: worlds.panicked(healthy(), *ALL, lines=(UPGRADE,)),
        ChainClass.UPGRADE_NEEDED,
        Tristate.YES,
    ),
    (
        "halt-height",
        lambda: worlds.panicked(healthy(), *ALL, lines=(HALT,)),
        ChainClass.HALT_HEIGHT,
        Tristate.YES,
    ),
    (
        "40 runs and does not sign",
        lambda: worlds.halted(healthy(), votes=("", "nil", "nil", "nil")),
        ChainClass.SIGNING_BLOCKED,
        Tristate.YES,
    ),
    (
        "all vote, one app hash, rounds rise",
        lambda: worlds.halted(healthy(), rounds=(3, 4)),
        ChainClass.UNDETERMINED,
        Tristate.YES,
    ),
)


@pytest.mark.parametrize(
    ("world", "chain", "halted"), [s[1:] for s in SCENARIOS], ids=[s[0] for s in SCENARIOS]
)
def test_class(world: World, chain: ChainClass, halted: Tristate) -> None:
    """Each world is put into its class, with reasons, a next step and evidence."""
    finding = diagnose(world())
    assert (finding.chain, finding.halted) == (chain, halted)
    assert finding.explanation
    assert finding.next_step
    assert (finding.halted_since is not None) == (halted is Tristate.YES)
    assert bool(finding.evidence) == bool(finding.witnesses)


def test_quorum_lost_in_numbers() -> None:
    """With 40 of 100 stopped: 60 online, the round stands, INC-001 is next, the cause is named."""
    finding = diagnose(stopped(healthy(), "val1"))
    assert (finding.online_power, finding.total_power) == (60, 100)
    assert (finding.height, finding.round, finding.step) == (113, 0, 4)
    assert finding.round_moves is Tristate.NO
    assert finding.voting == ("val2", "val3", "val4")
    assert "val1 (40) stopped" in finding.explanation
    assert "remediate plan INC-001" in finding.next_step
    assert finding.node("val2").condition is NodeCondition.WAITING
    paths = {evidence.reading for evidence in finding.evidence}
    assert any(path.endswith(".chain.validators") for path in paths)
    assert any(path.endswith(".round") for path in paths)


def test_nobody_answers_is_refused_with_the_way_out() -> None:
    """Powers unknown: nothing is concluded; a plan begins with the full node, if one can be
    started."""
    finding = diagnose(stopped(healthy(), *ALL))
    assert finding.total_power == 0
    assert finding.next_step == "remediate plan INC-001"
    alone = diagnose(stopped(healthy(full=0), *ALL[:-1]))
    assert alone.next_step.startswith("start a full node by hand")
    assert finding.node("val1").condition is NodeCondition.STOPPED


def test_one_witness_concludes_nothing() -> None:
    """One node's word about the chain is not enough, neither for a halt nor for blocks."""
    for start in (worlds.halted(healthy()), healthy()):
        world = start
        for host in ALL[1:]:
            world = worlds.change(
                world, host, lambda r: worlds.unreachable_reading(r, "no route to host")
            )
        finding = diagnose(world)
        assert finding.halted is Tristate.UNKNOWN
        assert finding.chain is ChainClass.UNDETERMINED
        assert "second witness" in finding.explanation
        assert "reachable" in finding.next_step


def test_two_witnesses_with_a_third_of_the_power_are_not_more_than_a_third() -> None:
    """The sample must hold more than one third of the power: 30 of 100 is not enough."""
    world = worlds.halted(healthy())
    for host in ("val1", "val2"):
        world = worlds.change(world, host, lambda r: worlds.unreachable_reading(r, "no route"))
    finding = diagnose(world)
    assert finding.halted is Tristate.UNKNOWN
    assert "not more than one third" in finding.explanation


def test_heights_read_once_are_not_a_halt() -> None:
    """With one sample only nobody knows whether the height stands."""
    world = stopped(healthy(), "val1")
    once = tuple(replace(r, samples=r.samples[:1]) for r in world.hosts)
    finding = diagnose(replace(world, hosts=once))
    assert finding.halted is Tristate.UNKNOWN
    assert "two samples" in finding.explanation


def test_high_round_that_does_not_fit_is_said() -> None:
    """At round 20 a round outlasts the look: without a host that is down nothing is concluded."""
    votes = ("", "nil", "nil", "nil")
    world = worlds.halted(worlds.unreachable(healthy(), "val1"), votes=votes, rounds=(20, 20))
    finding = diagnose(world)
    assert finding.round_moves is Tristate.UNKNOWN
    assert finding.chain is ChainClass.UNDETERMINED
    assert "35 s" in finding.explanation
    down = worlds.halted(stopped(healthy(), "val1"), votes=votes, rounds=(20, 20))
    assert diagnose(down).chain is ChainClass.QUORUM_LOST


def test_partition_components_come_from_votes() -> None:
    """Full peer tables do not hide a partition: nodes that miss each other's votes are apart."""
    finding = diagnose(worlds.partitioned(healthy(), ("val1", "val4")))
    assert [(c.hosts, c.power) for c in finding.components] == [
        (("full1", "val2", "val3"), 50),
        (("val1", "val4"), 50),
    ]
    assert {finding.node(host).condition for host in ALL} == {NodeCondition.ISOLATED}
    assert "restart nothing" in finding.next_step


def test_split_clusters_by_power() -> None:
    """Clusters are weighed by power; only a cluster with more than half is not called diverged."""
    finding = diagnose(worlds.split(healthy(), ("val1",), ("val2", "val3", "val4", "full1")))
    assert [(c.power, c.hosts) for c in finding.clusters] == [
        (60, ("full1", "val2", "val3", "val4")),
        (40, ("val1",)),
    ]
    assert finding.node("val1").condition is NodeCondition.DIVERGED
    assert finding.node("val2").condition is NodeCondition.WAITING
    even = diagnose(worlds.split(healthy((50, 30, 20)), ("val1",), ("val2", "val3", "full1")))
    assert even.node("val1").condition is NodeCondition.DIVERGED
    assert even.node("val2").condition is NodeCondition.DIVERGED


def test_power_not_node_count() -> None:
    """One of four can be the quorum, and three of four can be dispensable."""
    three_small = stopped(healthy((70, 10, 10, 10)), "val2", "val3", "val4")
    assert diagnose(three_small).chain is ChainClass.DEGRADED
    one_big = stopped(healthy((40, 20, 20, 20)), "val1")
    assert diagnose(one_big).chain is ChainClass.QUORUM_LOST
    exactly_two_thirds = stopped(healthy((1, 1, 1)), "val1")
    assert diagnose(exactly_two_thirds).chain is ChainClass.QUORUM_LOST


def test_uncovered_power() -> None:
    """Power of addresses that no host holds is counted as uncovered."""
    finding = diagnose(healthy(hosts=3))
    assert finding.uncovered_power == 10
    assert finding.chain is ChainClass.HEALTHY


def test_unlisted_peers_are_named() -> None:
    """A peer outside the inventory is reported with who sees it."""
    world = stopped(healthy(), "standby1")
    without = replace(world, hosts=tuple(r for r in world.hosts if r.host != "full1"))
    finding = diagnose(without)
    assert [(u.moniker, u.seen_by) for u in finding.unlisted] == [("full1", ALL[:4])]
    assert finding.components[0].unlisted == (worlds.node_id_of("full1"),)


def test_one_way_edges_are_evidence() -> None:
    """A lists B, B does not list A: still one component, and said."""
    world = worlds.change(
        healthy(),
        "val1",
        lambda r: replace(
            r, chain=replace(r.chain, peers=worlds.known(()), peer_rounds=worlds.known(()))
        ),
    )
    finding = diagnose(world)
    assert len(finding.components) == 1
    assert any("val1 does not list val2" in e.says for e in finding.evidence)


def test_slow_chain() -> None:
    """Blocks that come far apart, measured against the chain's own limit, are slow."""
    assert diagnose(healthy(halted_after_s=3)).chain is ChainClass.SLOW


def test_journal_is_not_needed_for_a_lost_quorum() -> None:
    """Re-reading only what decides, or without journals, gives the same class and conditions."""
    for world in (
        stopped(healthy(), "val1"),
        stopped(healthy(), "val4"),
        worlds.frozen(healthy(), "val1"),
        worlds.zombie(healthy(), "val4"),
        worlds.disk_full(healthy(), "val1"),
        worlds.crash_looping(healthy(), "val1", "panic: boom"),
        worlds.partitioned(healthy(), ("val1", "val4")),
    ):
        full = diagnose(world)
        for light in map(diagnose, (worlds.deciding(world), worlds.without_journals(world))):
            assert light.chain is full.chain
            assert [n.condition for n in light.nodes] == [n.condition for n in full.nodes]


def test_panic_without_journal_says_what_it_cannot_exclude() -> None:
    """B = A + 1 everywhere without a journal: an upgrade is not excluded, and that is said."""
    finding = diagnose(worlds.without_journals(worlds.panicked(healthy(), *ALL)))
    assert finding.chain is ChainClass.DETERMINISTIC_PANIC
    assert "upgrade" in finding.explanation


def test_upgrade_with_nobody_up() -> None:
    """All loop and every journal asks for the upgrade: named, though powers are unknown."""
    world = healthy()
    for host in ALL:
        line = UPGRADE.replace("114", "116")  # they signed 115
        world = worlds.crash_looping(world, host, line, exit_status=1)
    finding = diagnose(world)
    assert finding.chain is ChainClass.UPGRADE_NEEDED
    assert finding.halted is Tristate.UNKNOWN


def test_ten_thousand_validators() -> None:
    """Ten thousand validators are judged rightly by a hundred hosts."""
    powers = [1_000_000] * 100 + [100 + i % 7 for i in range(9_900)]
    world = healthy(powers, hosts=100)
    votes = [""] * 40 + ["nil"] * 9_960
    halted = worlds.halted(world, votes=votes)
    down = stopped(world, *(f"val{i}" for i in range(1, 41)))
    findings = [diagnose(one) for one in (world, halted, down)]
    assert [f.chain for f in findings] == [
        ChainClass.HEALTHY,
        ChainClass.SIGNING_BLOCKED,
        ChainClass.QUORUM_LOST,
    ]
    assert findings[2].online_power == sum(powers[40:])
    assert findings[0].uncovered_power == sum(powers[100:])


def test_a_hundredth_of_the_power_is_not_a_sample() -> None:
    """A hundred hosts of ten thousand equal validators see a halt, and may not conclude it."""
    finding = diagnose(worlds.halted(healthy([1] * 10_000, hosts=100)))
    assert finding.halted is Tristate.UNKNOWN
    assert finding.chain is ChainClass.UNDETERMINED


def test_a_hundred_validators() -> None:
    """A third of the power of a hundred nodes, held by the first few."""
    powers = [50] * 20 + [5] * 80
    held = [f"val{i}" for i in range(1, 11)]
    finding = diagnose(stopped(healthy(powers), *held))
    assert finding.chain is ChainClass.QUORUM_LOST
    assert finding.online_power == 1400 - 500
    assert diagnose(stopped(healthy(powers), *held[:9])).chain is ChainClass.DEGRADED


def test_ssh_lost_but_alive() -> None:
    """Unreachable by SSH and voting: power stays online, the node is not called down."""
    finding = diagnose(worlds.unreachable(healthy(), "val1", alive=True))
    assert finding.chain is ChainClass.DEGRADED
    assert finding.online_power == 100
    assert finding.node("val1").condition is NodeCondition.UNREACHABLE
    assert isinstance(worlds.unreachable(healthy(), "val1").host("val1").session, Unknown)


def test_an_answer_that_cannot_be_used_is_no_shut_door() -> None:
    """The login succeeded: nobody is sent to the console of the provider."""
    damaged = worlds.change(
        healthy(), "val1", lambda r: worlds.unreachable_reading(r, "it is cut off", Why.CORRUPT)
    )
    node = diagnose(damaged).node("val1")
    assert node.condition is NodeCondition.UNREACHABLE
    assert "what it answered cannot be used" in node.cause
    assert "console" not in node.by_hand
