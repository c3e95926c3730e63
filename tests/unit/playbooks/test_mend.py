"""Links that are shut on hosts: what is found, what is removed, what is left to people."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, Outcome, Risk
from remediations.errors import Refused
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.links import removable
from remediations.playbooks.chain.domain import DOMAIN
from remediations.playbooks.chain.gates import Advances, Follows
from remediations.playbooks.chain.mend import MEND, REDIAL_LEAST_S, REDIAL_MOST_S, redial_s
from remediations.playbooks.chain.present import present
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation, situation_of
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import DialAnswer
from tests import worlds
from tests.unit.plan.cases import Case, case_of
from tests.worlds import healthy
from tests.worlds.nodes import held_back
from tests.worlds.ways import address_at, addressed, parted_by_routes, with_ways

ONE, OTHER = ("val1", "val4"), ("val2", "val3", "full1")
FAR = ("val1", "val2", "val3", "full1")


def parted(*, on: tuple[str, ...] = ()) -> CometReading:
    """50 against 50, by routes on the hosts of one side, or on those in `on`."""
    world = addressed(worlds.partitioned(healthy(), ONE, OTHER))
    return parted_by_routes(world, ONE, OTHER, on=on)


def cut_off(*obstacles: str) -> CometReading:
    """val4 is alone, and has these obstacles on its host; the others go on."""
    world = addressed(worlds.isolated(healthy(), "val4"))
    return with_ways(world, "val4", FAR, obstacles=obstacles)


def routes(world: CometReading, *hosts: str) -> tuple[str, ...]:
    return tuple(f"route blackhole {address_at(world, host)}" for host in hosts)


def judged(case: Case, guard: str) -> list[GuardResult]:
    return [one for one in case.judge() if one.id == guard]


def test_a_partition_by_routes_is_named_and_mended() -> None:
    """Every broken link with what its hosts say; one stage removes exactly what was read."""
    world = parted()
    finding = diagnose(world)
    assert finding.chain is ChainClass.PARTITION
    assert finding.next_step == "remediate plan INC-001"
    assert len(finding.links) == 6
    assert {host: len(found) for host, found in removable(finding.links).items()} == {
        "val1": 3,
        "val4": 3,
    }
    (table,) = [table for table in present(finding).tables if table.title == "broken links"]
    assert "val1: route blackhole 10.1.0.2" in table.rows[0][1]
    case = case_of(world)
    assert case.branch.name == "mend-links"
    (stage,) = case.proposal.stages
    assert [(move.action, move.target) for move in stage.moves] == [(MEND, "val1"), (MEND, "val4")]
    gate = stage.gate.asks.read(Advances)
    assert (gate.hosts, gate.height) == (("val1", "val2", "val3", "val4"), finding.height)
    assert stage.gate.timeout_s > round_timeout_s(finding.round) + REDIAL_LEAST_S - 1
    assert case.proposal.risk is Risk.HIGH
    assert any("on purpose" in warning for warning in case.proposal.warnings)
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}


def test_only_the_hosts_of_limit_are_acted_on() -> None:
    """And what stays shut on the others keeps the parts from a quorum (G73)."""
    case = case_of(parted(on=(*ONE, *OTHER)), only=["val2"])
    assert case.proposal.targets == ("val2",)
    (guard,) = judged(case, "G73")
    assert guard.outcome is Outcome.BLOCK
    assert "50 of 100" in guard.got


def test_facts_hold_exactly_what_is_removed() -> None:
    chain = situation_of(parted(), frozenset())
    facts = {fact.name: fact.value for fact in MEND.facts(chain, "val1")}
    assert facts["val1.obstacles"] == (
        '["route blackhole 10.1.0.2", "route blackhole 10.1.0.3", "route blackhole 10.1.0.5"]'
    )
    assert MEND.data(facts, "val1") == {"obstacles": facts["val1.obstacles"]}
    nothing = {fact.name: fact.value for fact in MEND.facts(chain, "val2")}
    assert MEND.data(nothing, "val2") == {"obstacles": ""}


def test_no_process_may_change_and_links_must_be_up() -> None:
    """The baseline holds the processes of mended hosts, too, and the links that come back."""
    case = case_of(parted())
    stood, nodes = DOMAIN.baseline(case.chain, case.proposal)
    baseline = stood.read(ChainBaseline)
    everybody = {*ONE, *OTHER}
    assert {process.host for process in baseline.untouched} == everybody
    assert {node.host for node in nodes.read(ChainNodes).nodes} == everybody
    assert len(baseline.links) == 6
    assert "P22" in {check.id for check in case.proposal.checks}


def test_a_node_that_its_host_cuts_off_is_mended_and_not_restarted() -> None:
    """node-down, while blocks go on: the gate is that it follows."""
    world = cut_off()
    world = with_ways(world, "val4", FAR, obstacles=routes(world, *FAR))
    finding = diagnose(world)
    node = finding.node("val4")
    assert node.condition is NodeCondition.ISOLATED
    assert "on its host: route blackhole 10.1.0.1" in node.cause
    assert finding.next_step == "remediate plan node-down"
    case = case_of(world, "node-down")
    assert case.branch.name == "mend-links"
    (stage,) = case.proposal.stages
    assert stage.gate.asks.read(Follows).hosts == ("val4",)
    assert case.proposal.targets == ("val4",)
    assert case.proposal.risk is Risk.MEDIUM
    assert {one.outcome for one in case.judge()} == {Outcome.PASS}


def test_one_look_is_enough_where_no_port_is_open() -> None:
    """Far below the tip, seen once only: cut off, and not one that does not sign."""
    world = cut_off()

    def once(reading: HostReading) -> HostReading:
        held = held_back(reading, 20)
        peers = healthy().host("val4").chain.peers
        return replace(held, samples=held.samples[:1], chain=replace(held.chain, peers=peers))

    world = worlds.change(world, "val4", once)
    assert diagnose(world).node("val4").condition is NodeCondition.ISOLATED
    near = with_ways(world, "val4", ())
    assert diagnose(near).node("val4").condition is not NodeCondition.ISOLATED


def test_others_may_shut_it_out() -> None:
    """A rule on the host of a peer that names the node's address."""
    world = cut_off()
    rule = f"rule inet filter input 5 0 ip saddr {address_at(world, 'val4')} drop"
    world = with_ways(world, "val1", ("val4",), obstacles=[rule])
    case = case_of(world, "node-down")
    assert case.proposal.targets == ("val1",)
    assert case.proposal.stages[0].gate.asks.read(Follows).hosts == ("val4",)


@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        ("route blackhole 10.1.0.0/16", "it names a wide net"),
        (
            "rule inet filter input 5 0 ip saddr { 10.1.0.1, 10.9.9.9 } drop",
            "it names others, too: 10.9.9.9/32",
        ),
        (
            "rule inet filter input 5 0 ip saddr 10.1.0.1 limit rate 1/second drop",
            "it says limit, which is not understood",
        ),
    ],
)
def test_what_is_not_ours_alone_is_named_and_left(obstacle: str, why: str) -> None:
    """With the reason, and with the command for people."""
    world = cut_off(obstacle)
    finding = diagnose(world)
    assert removable(finding.links) == {}
    assert why in finding.next_step
    assert "sudo " in finding.next_step
    with pytest.raises(Refused) as refused:
        case_of(world, "node-down")
    assert "left to people" in refused.value.got


@pytest.mark.parametrize(
    "rule",
    [
        "rule inet filter input 5 0 tcp dport 22 ip saddr 10.1.0.1 drop",
        "rule inet filter input 5 0 tcp dport 9090 drop",
        "rule inet filter input 5 0 ip saddr 10.7.7.7 drop",
    ],
)
def test_a_rule_on_something_else_is_no_obstacle(rule: str) -> None:
    finding = diagnose(cut_off(rule))
    assert finding.links
    assert not any(link.obstacles for link in finding.links)


def test_a_rule_on_the_own_p2p_port_is_one() -> None:
    """It names nobody, and shuts everybody out."""
    finding = diagnose(cut_off("rule inet filter input 5 0 tcp dport 26656 drop"))
    assert set(removable(finding.links)) == {"val4"}


def test_an_interface_that_is_down_is_one() -> None:
    """With whoever is in its net, however wide that is."""
    finding = diagnose(cut_off("link eth1 10.1.0.200/16"))
    assert [one.removal for one in removable(finding.links)["val4"]] == ["ip link set dev eth1 up"]


def test_what_is_between_the_hosts_is_named_and_refused() -> None:
    """Nothing on either host shuts it: which nodes, and where to look."""
    world = with_ways(parted(on=("none",)), "val1", OTHER, unread="without sudo")
    finding = diagnose(world)
    assert "no host of the inventory shuts the way between full1 and val1" in finding.next_step
    assert "restart nothing" in finding.next_step
    assert "its firewall was not read: without sudo" in " ".join(finding.links[0].says)
    with pytest.raises(Refused) as refused:
        case_of(world)
    assert "it is between the hosts" in refused.value.got


def test_an_open_port_is_no_broken_link() -> None:
    """Of either side: the nodes can connect."""
    world = addressed(worlds.isolated(healthy(), "val4"))
    assert diagnose(with_ways(world, "val4", ())).links == ()
    one_way = with_ways(with_ways(world, "val4", FAR), "val1", ())
    assert "val1" not in {link.one for link in diagnose(one_way).links}


def test_a_node_that_is_down_is_no_end_of_a_link() -> None:
    """It is silent because it is down."""
    world = addressed(worlds.stopped(healthy(), "val2"))
    world = with_ways(world, "val1", ("val2",), answer=DialAnswer.REFUSED)
    assert diagnose(world).links == ()


def test_two_states_are_not_brought_together() -> None:
    """G72: blocks where the parts have two app hashes, unknown where none was read."""
    case = case_of(parted())
    guard = case.branch.invariants[0]
    split = situation_of(worlds.split(addressed(healthy()), ("val1", "val4")), frozenset())
    blocked = guard(split, case.proposal)
    assert blocked is not None
    assert (blocked.id, blocked.outcome) == ("G72", Outcome.BLOCK)
    unread = situation_of(worlds.stopped(healthy(full=0), *ONE, "val2", "val3"), frozenset())
    unknown = guard(unread, case.proposal)
    assert unknown is not None
    assert unknown.outcome is Outcome.UNKNOWN


def of_action(chain: ChainSituation, host: str) -> dict[str, Outcome]:
    return {one.id: one.outcome for one in (guard(chain, host) for guard in MEND.guards)}


def test_a_host_whose_ways_were_not_read_is_not_acted_on() -> None:
    """G70 is unknown, G71 blocks: the plain deploy finds nothing to remove."""
    chain = situation_of(healthy(), frozenset())
    assert of_action(chain, "val1") == {
        "G70": Outcome.UNKNOWN,
        "G71": Outcome.BLOCK,
        "N2": Outcome.PASS,
    }
    assert set(of_action(situation_of(parted(), frozenset()), "val1").values()) == {Outcome.PASS}
    kept = situation_of(cut_off("route blackhole 10.1.0.0/16"), frozenset())
    (guard,) = [g for g in (guard(kept, "val4") for guard in MEND.guards) if g.id == "G71"]
    assert "ip -4 route del blackhole 10.1.0.0/16" in guard.next_step


def test_a_quorum_that_is_not_reached_blocks() -> None:
    """G73, and unknown where the total is not known."""
    case = case_of(parted())
    guard = case.branch.invariants[1]
    (passed,) = judged(case, "G73")
    assert passed.outcome is Outcome.PASS
    nothing = Proposal[ChainSituation](
        title="", stages=(), checks=(), risk=Risk.HIGH, worst_case=""
    )
    less = guard(case.chain, nothing)
    assert less is not None
    assert less.outcome is Outcome.BLOCK
    untold = situation_of(worlds.stopped(healthy(full=0), *ONE, "val2", "val3"), frozenset())
    unknown = guard(untold, nothing)
    assert unknown is not None
    assert unknown.outcome is Outcome.UNKNOWN


def test_the_limit_follows_the_time_that_the_peers_were_gone() -> None:
    """At least half a minute, at most a quarter of an hour."""
    assert redial_s(5) == REDIAL_LEAST_S
    assert redial_s(100) == 200
    assert redial_s(10_000) == REDIAL_MOST_S


def test_a_node_that_dials_nobody_is_given_the_line() -> None:
    """By hand: the daemon reads it when it starts, and this branch restarts nothing."""
    world = cut_off()
    world = worlds.configured(world, "val4", persistent_peers=())
    node = diagnose(world).node("val4")
    assert node.condition is NodeCondition.ISOLATED
    assert "its persistent_peers name none of the nodes that run" in node.cause
    line = node.by_hand.partition('persistent_peers = "')[2].partition('"')[0].split(",")
    assert f"{worlds.node_id_of('val1')}@10.1.0.1:26656" in line
    assert len(line) == len(FAR)
    assert "persistent_peers" not in diagnose(cut_off()).node("val4").by_hand
