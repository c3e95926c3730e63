"""What follows for the chain if hosts stop, links break, or a branch runs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.find.finding import Health
from remediations.engine.whatif.projection import ProjectedStage, Projection, Supposition
from remediations.errors import Unreadable, UsageError
from remediations.playbooks.chain.situation import situation_of
from remediations.playbooks.chain.whatif.project import project
from remediations.systems.comet.absence import Absence, SlashingTerms
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import Peer
from remediations.systems.hosts.values import WriteAheadLog
from remediations.values.reading import Known
from tests import worlds
from tests.unit.plan.cases import case_of, minority_down, missing, quorum_lost
from tests.unit.playbooks.test_signable import without_key
from tests.worlds import healthy
from tests.worlds.base import known, node_id_of, silenced
from tests.worlds.everybody import everybody_down
from tests.worlds.signing import named_twice

WELL, DEGRADED, DOWN, UNKNOWN = Health.WELL, Health.DEGRADED, Health.DOWN, Health.UNKNOWN
NEXT = worlds.HEIGHT + 1


def supposed(world: CometReading, playbook: str | None = None, **what: Any) -> Projection:  # noqa: ANN401
    chain = situation_of(world, frozenset())
    proposal = case_of(world, playbook).proposal if playbook is not None else None
    return project(chain, Supposition(**what), proposal)


def power(stage: ProjectedStage) -> tuple[int, int, int]:
    (impact,) = stage.impacts
    return impact.before, impact.worst, impact.after


def points(stage: ProjectedStage) -> dict[str, int]:
    return {point.name: point.weight for point in stage.single_points}


def linked(world: CometReading, *links: tuple[str, str]) -> CometReading:
    """Only these links are there."""

    def how(reading: HostReading) -> HostReading:
        ends = {a if b == reading.host else b for a, b in links if reading.host in (a, b)}
        chain = replace(reading.chain, peers=worlds.known(tuple(map(_peer, sorted(ends)))))
        return replace(reading, chain=chain) if isinstance(reading.chain.peers, Known) else reading

    return replace(world, hosts=tuple(map(how, world.hosts)))


def _peer(host: str) -> Peer:
    return Peer(
        node_id=node_id_of(host), moniker=host, network="", remote_ip="10.0.0.1", outbound=True
    )


def test_a_stop_that_leaves_a_quorum() -> None:
    """And which one more would be too many."""
    found = supposed(healthy(), stops=("val4",))
    now, after = found.stages
    assert (now.health, power(now), points(now)) == (WELL, (100, 100, 100), {"val1": 40})
    assert (after.health, power(after)) == (DEGRADED, (100, 90, 90))
    assert points(after) == {"val1": 40, "val2": 30}
    (note,) = found.notes
    assert note.startswith("val4: every block from then on is missed")
    assert "was not read" in note


def test_what_follows_for_who_misses_blocks_is_told_where_a_node_told_it() -> None:
    """It is asked where somebody is absent."""
    terms = SlashingTerms(window=1000, may_miss=500, jail_s=600, slashed="0.01")
    away = Absence(
        address="AB" * 20, height=115, missed=3, window=1000, since=0, counted=0, terms=terms
    )
    world = worlds.change(
        healthy(),
        "val1",
        lambda r: replace(r, chain=replace(r.chain, absent=known((away,)))),
    )
    (note,) = supposed(world, stops=("val4",)).notes
    assert note == (
        "val4: every block from then on is missed; whoever misses more than 500 of 1000 blocks is "
        "jailed for at least 10 min 0 s, and loses 1 % of its stake"
    )


def test_a_stop_that_halts() -> None:
    """Nobody is jailed for downtime while no block comes, and nothing further can bring it down."""
    found = supposed(healthy(), stops=("val1",))
    after = found.stages[-1]
    assert after.health is DOWN
    assert after.verdict == "blocks stand: 60 of 100 power vote together, 67 are needed"
    assert after.single_points == ()
    assert "nobody is jailed" in found.notes[0]


def test_exactly_two_thirds_is_not_enough() -> None:
    assert supposed(healthy((3, 3, 3)), stops=("val1",)).stages[-1].health is DOWN
    assert supposed(healthy((3, 3, 4)), stops=("val1",)).stages[-1].health is DEGRADED


def test_a_host_that_does_not_vote_costs_nothing() -> None:
    """A full node, and a stopped standby, which is told."""
    found = supposed(healthy(), stops=("full1", "standby1"))
    assert found.stages[-1].health is WELL
    assert found.stages[-1].notes == ("standby1: does not take part now",)
    assert found.notes == ()


def test_a_link_without_which_votes_still_arrive() -> None:
    """They are relayed."""
    assert supposed(healthy(), cuts=(("val1", "val2"),)).stages[-1].health is WELL


def test_a_link_that_parts_the_network() -> None:
    """What counts is the part with the most power."""
    world = linked(healthy(standby=0, full=0), ("val1", "val2"), ("val2", "val3"), ("val3", "val4"))
    found = supposed(world, cuts=(("val3", "val2"),))
    assert points(found.stages[0]) == {"val1": 40, "val2": 60, "val1:val2": 40}
    assert power(found.stages[1]) == (100, 70, 70)
    assert found.stages[1].health is DEGRADED


def test_single_points_are_nodes_and_links_that_hold_the_network_together() -> None:
    """val1 and val2 hang on one full node: it has no power, and the chain halts without it."""
    world = healthy((30, 30, 20, 20), standby=0)
    star = tuple((f"val{n}", "full1") for n in (1, 2, 3, 4))
    found = points(supposed(linked(world, *star), stops=()).stages[0])
    assert found["full1"] == 70
    assert "full1:val1" not in found
    chained = linked(
        world, ("val1", "val2"), ("val2", "full1"), ("full1", "val3"), ("val3", "val4")
    )
    found = points(supposed(chained, stops=()).stages[0])
    assert found["full1:val2"] == 40
    assert found["full1"] == 40
    assert found["val2"] == 60


def test_a_link_that_was_not_seen_is_told() -> None:
    world = linked(
        healthy(standby=0), ("val1", "val2"), ("val2", "val3"), ("val3", "val4"), ("val4", "full1")
    )
    stage = supposed(world, cuts=(("val1", "val4"),)).stages[-1]
    assert stage.notes == ("val1:val4: no such link was seen",)


def test_power_outside_the_inventory_counts_and_can_be_one_too_many() -> None:
    """Its addresses are known from the set, whoever runs them."""
    world = healthy((25, 25, 25, 25), hosts=2, standby=0)
    now, after = supposed(world, stops=("val1",)).stages
    assert power(after) == (100, 75, 75)
    assert after.health is DEGRADED
    assert set(points(now)) == set()
    strangers = [name for name in points(after) if name.startswith("validator ")]
    assert len(strangers) == 2
    assert points(after)["val2"] == 25


def test_a_host_that_tells_no_key_may_be_one_of_the_votes() -> None:
    """Its votes were seen; that they are its own was not read. To stop it is no small thing."""
    world = worlds.change(healthy(), "val1", lambda r: silenced(without_key(r)))
    now, after = supposed(world, stops=("val1",)).stages
    assert (power(now), now.health) == ((100, 100, 100), WELL)
    assert (power(after), after.health) == ((100, 60, 60), UNKNOWN)
    assert after.notes == (
        "val1: which key it has was not read; up to 40 of the votes may be its own",
    )
    assert power(supposed(world, stops=("val2",)).stages[-1]) == (100, 70, 70)


def test_a_branch_stage_by_stage() -> None:
    """INC-001 on a lost quorum, with where it can sign."""
    now, after = supposed(quorum_lost(), "INC-001").stages
    assert (now.health, after.health) == (DOWN, WELL)
    assert power(after) == (60, 60, 100)
    assert after.notes == ("100 of 100 can sign at 114/0; more than two thirds is reached",)


def signed(world: CometReading, host: str, round_: int, step: int, *, log: int) -> CometReading:
    state = SignState(height=NEXT, round=round_, step=step, block="", signed_at=worlds.BEGAN)

    def how(reading: HostReading) -> HostReading:
        wal = worlds.known(WriteAheadLog(size=log))
        return replace(reading, sign_state=worlds.known(state), wal=wal)

    return worlds.change(world, host, how)


@pytest.mark.parametrize(("step", "health"), [(3, DOWN), (2, UNKNOWN), (1, WELL)])
def test_a_branch_that_starts_what_cannot_sign(step: int, health: Health) -> None:
    """val1 lost its log: it runs, and what it signed decides whether blocks come."""
    found = supposed(signed(quorum_lost(), "val1", 0, step, log=0), "INC-001")
    assert found.stages[-1].health is health
    assert found.worst is health


def test_a_start_on_a_chain_that_goes_on_passes_what_the_sign_state_forbids() -> None:
    found = supposed(signed(minority_down(), "val4", 9, 3, log=0), "node-down")
    assert found.stages[-1].health is WELL
    assert found.stages[-1].notes == ()


def test_what_stopped_before_a_branch_counts_in_it() -> None:
    """val1 comes back, val2 is gone meanwhile."""
    now, stop, start = supposed(quorum_lost(), "INC-001", stops=("val2",)).stages
    assert [power(stage)[2] for stage in (now, stop, start)] == [60, 30, 70]
    assert start.health is DEGRADED
    assert start.notes[0].startswith("70 of 100 can sign at 114/0; 30 not there")


def test_a_rolling_branch_counts_each_stage() -> None:
    found = supposed(missing(healthy((10,) * 20), "val1", "val2"), "node-down")
    assert [power(stage)[2] for stage in found.stages] == [180, 190, 200]


def test_blocks_that_stand_for_another_reason_are_not_started_by_power() -> None:
    """All vote, and each half computed another state."""
    world = worlds.split(healthy(), ("val1", "val4"), ("val2", "val3"))
    now, after = supposed(world, stops=("full1",)).stages
    assert {now.verdict, after.verdict} == {
        "blocks stand, and not for want of power: app-hash-split"
    }


def test_a_key_that_would_sign_on_two_hosts() -> None:
    world = worlds.duplicated(quorum_lost(), "val2", "standby1")
    world = worlds.change(world, "standby1", lambda r: replace(r, **_running(world)))
    (note,) = supposed(world, stops=("full1",)).notes
    assert note.startswith("standby1, val2 would sign with one key: slashed for signing twice")


def _running(world: CometReading) -> dict[str, Any]:
    twin = world.host("val2")
    return {name: getattr(twin, name) for name in ("unit", "processes", "samples", "chain", "key")}


@pytest.mark.parametrize(
    ("height", "health", "says"),
    [
        ("120", WELL, "100 of 100 can sign at 120/0"),
        ("114", DOWN, "0 of 100 can sign at 114/0"),
        ("116/4", WELL, "100 of 100 can sign at 116/4"),
    ],
)
def test_a_height_that_is_named(height: str, health: Health, says: str) -> None:
    """By the files of all in the inventory, which signed up to 116."""
    stage = supposed(healthy(), settings={"height": height}).stages[-1]
    assert stage.verdict.startswith(says)
    assert stage.health is health
    assert bool(stage.notes) is (health is DOWN)


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "1.5", "1/", "/1", "1/2/3", "1" * 19, "١"])
def test_a_height_that_is_none(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        supposed(healthy(), settings={"height": text})
    assert refused.value.guard == "--height"


def test_a_height_that_is_named_beside_a_key_that_was_not_read() -> None:
    """What it holds is not known; where it is supposed to stop, it is not there."""
    everybody = ("val1", "val2", "val3", "val4")
    world = worlds.change(worlds.stopped(healthy(), *everybody), "val1", without_key)
    assert supposed(world, settings={"height": "120"}).stages[-1].health is UNKNOWN
    stage = supposed(world, stops=("val1",), settings={"height": "120"}).stages[-1]
    assert (stage.health, "40 not there" in stage.verdict) == (DOWN, True)


def test_where_nobody_answers_the_powers_are_those_of_the_genesis_files() -> None:
    """As in the plan that starts everybody; and it says so."""
    found = supposed(everybody_down(), stops=("val1",), settings={"height": "120"})
    assert [power(stage)[2] for stage in found.stages[:-1]] == [0, 0]
    assert found.stages[-1].verdict.startswith("60 of 100 can sign at 120/0")
    assert found.notes[-1].startswith("powers of the first block, by the genesis file of full1")


def test_a_chain_whose_set_is_not_known_cannot_be_judged() -> None:
    """Nobody answers, and no genesis file was read."""
    world = worlds.stopped(healthy(full=0), "val1", "val2", "val3", "val4")
    with pytest.raises(Unreadable) as refused:
        supposed(world, stops=("val1",))
    assert refused.value.guard == "total power"


def test_a_parted_network_is_as_strong_as_its_strongest_part() -> None:
    """The peer tables are still full."""
    world = worlds.partitioned(healthy(), ("val1", "val4"), ("val2", "val3"))
    now, after = supposed(world, stops=("val2",)).stages
    assert now.verdict == "blocks stand: 50 of 100 power vote together, 67 are needed"
    assert (now.health, after.health) == (DOWN, DOWN)


def test_a_machine_with_two_names_stops_once() -> None:
    """Its other name is no second signer."""
    world = named_twice(healthy(), "val2", "val2-again")
    found = supposed(world, stops=("val2-again",))
    assert [power(stage)[2] for stage in found.stages] == [100, 70]
    assert not any("one key" in note for note in found.notes)


def test_a_height_without_a_round_is_come_back_to_by_the_logs() -> None:
    """All signed in round 7 of 114 and have their logs; with a round that is named, they refuse."""
    world = healthy(standby=0)
    for host in ("val1", "val2", "val3", "val4"):
        world = signed(world, host, 7, 3, log=1000)
    free = supposed(world, settings={"height": "114"}).stages[-1]
    assert free.verdict.startswith("100 of 100 can sign at 114/7")
    bound = supposed(world, settings={"height": "114/0"}).stages[-1]
    assert bound.verdict.startswith("0 of 100 can sign at 114/0; 100 would refuse until round 7")
    assert (free.health, bound.health) == (WELL, DOWN)
    assert bound.notes[0].startswith("start them with their write-ahead logs")


def test_what_is_unknown_is_worse_than_what_goes_on_with_less() -> None:
    world = worlds.change(
        healthy(), "val1", lambda r: replace(r, sign_state=worlds.unknown("no answer"))
    )
    found = supposed(world, stops=("val4",), settings={"height": "200"})
    assert [stage.health for stage in found.stages] == [WELL, DEGRADED, UNKNOWN]
    assert found.worst is UNKNOWN


def test_a_host_whose_peers_were_not_read_reaches_who_is_not_cut_from_it() -> None:
    """val1 is started: its peers are not known. Cut from all others, it votes alone."""
    others = ("val2", "val3", "val4", "full1")
    world = quorum_lost()
    assert power(supposed(world, "INC-001", cuts=(("val1", "val2"),)).stages[-1])[2] == 100
    cuts = tuple(("val1", other) for other in others)
    last = supposed(world, "INC-001", cuts=cuts).stages[-1]
    assert last.health is DOWN
    assert power(last)[2] == 60


def test_the_title_says_what_is_supposed() -> None:
    found = supposed(healthy(), stops=("val4", "full1"), cuts=(("val1", "val2"),))
    assert found.title == "val4, full1 stop; the link val1:val2 breaks"
    assert [stage.title for stage in found.stages[1:]] == [
        "val4, full1 stop",
        "the link val1:val2 breaks",
    ]


def test_a_rollback_holds_everybody_in_between() -> None:
    """No power votes from the first stage to the last, and whether the new states agree is not
    known before the block is executed."""
    world = worlds.split(healthy(), ("val1",), ("val2", "val3", "val4", "full1"))
    _, held, back, again = supposed(world, "INC-001").stages
    assert [power(stage) for stage in (held, back, again)] == [(100, 0, 0), (0, 0, 0), (0, 0, 100)]
    assert "nobody starts them" in held.notes[0]
    assert (again.health, again.verdict) == (
        UNKNOWN,
        "enough power votes; blocks go on if their new states agree",
    )
    assert again.notes[0].startswith("100 of 100 can sign at 114/")
