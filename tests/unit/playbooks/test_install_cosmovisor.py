"""A chosen program for nodes below cosmovisor: where it goes, and what refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from remediations.playbooks.chain.actions import INSTALL, INSTALL_BELOW, UPGRADE_BELOW
from remediations.playbooks.chain.baseline import ChainBaseline, baseline
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.cosmovisor import BACKUP_S, place_of, upgrade_of
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.guards.table import INSTALL_BELOW_GUARDS
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.former_program import PlannedFormerBelow
from remediations.systems.comet.install_below import PlannedBelow
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import Process
from remediations.values.reading import Known
from tests import worlds
from tests.unit.playbooks.test_install import (
    ALL,
    BLOCK,
    NEW,
    PASS,
    UNKNOWN,
    UPGRADE,
    blocking,
    branch,
    brought,
    chosen,
    everywhere,
    judged,
    panicked,
)
from tests.worlds.everybody import everybody_down
from tests.worlds.wrapped import INFO

NOT_THERE = (
    "Error: binary not present, downloading disabled: stat /h/cosmovisor/upgrades/v2/bin/ve: no "
    "such file or directory"
)
OTHER = "d" * 64


def waiting(*hosts: str, **told: Any) -> CometReading:  # noqa: ANN401 - fields of Cosmovisor
    """All fail at the upgrade, and these (or all) run below cosmovisor."""
    return worlds.below_cosmovisor(panicked(line=UPGRADE), *(hosts or ALL), asked="v2", **told)


def root(chain: ChainSituation, host: str) -> str:
    unit = chain.observation.host(host).unit
    assert isinstance(unit, Known)
    return f"{unit.value.home}/cosmovisor"


def planned(chain: ChainSituation, host: str) -> PlannedBelow:
    """What the deploy is told, made from facts alone."""
    facts = {fact.name: fact.value for fact in INSTALL_BELOW.facts(chain, host)}
    return PlannedBelow.from_data(INSTALL_BELOW.data(facts, host))


def test_an_upgrade_goes_to_its_place() -> None:
    """On all together; the gate is above the block that waits; the checks look at cosmovisor."""
    chain = chosen(waiting())
    assert chain.finding.chain is ChainClass.UPGRADE_NEEDED
    proposal = branch(chain).propose(chain)
    (stage,) = proposal.stages
    assert {move.action for move in stage.moves} == {UPGRADE_BELOW}
    assert UPGRADE_BELOW.undone_by is None
    assert stage.gate.asks.read(Advances).height == max(114, chain.finding.height)
    assert {check.id for check in proposal.checks} >= {"P27", "P28"}
    assert "v2" in proposal.title
    assert blocking(chain) == set()
    place = planned(chain, "val1").place
    assert place.place == f"{root(chain, 'val1')}/upgrades/v2/bin/{place.name}"
    assert place.current == f"{root(chain, 'val1')}/genesis/bin/{place.name}"
    assert (place.upgrade, place.replaces, place.upgrade_info) == ("v2", "", INFO)
    (stood, *_) = baseline(chain, proposal)
    told = stood.read(ChainBaseline)
    assert {one.host for one in told.selected} == set(ALL)
    assert {one.path for one in told.selected if one.host == "val1"} == {place.place}
    assert {one.sha256 for one in told.installed} == {NEW}


def test_nodes_with_and_without_cosmovisor_are_in_one_plan() -> None:
    """Each gets its own action."""
    chain = chosen(waiting("val2"))
    moves = {move.target: move.action for move in branch(chain).propose(chain).moves}
    assert moves == dict.fromkeys(ALL, INSTALL) | {"val2": UPGRADE_BELOW}
    assert blocking(chain) == set()


def test_a_patched_program_takes_the_place_of_the_one_in_use() -> None:
    """No upgrade waits; or it was done, and its program fails."""
    chain = chosen(worlds.below_cosmovisor(panicked(), *ALL))
    assert blocking(chain) == set()
    place = planned(chain, "val1").place
    assert place.place == place.current
    assert (place.upgrade, place.replaces, place.upgrade_info) == ("", place.current_sha256, "")
    assert {move.action for move in branch(chain).propose(chain).moves} == {INSTALL_BELOW}
    back = INSTALL_BELOW.undone_by
    assert back is not None
    facts = {fact.name: fact.value for fact in INSTALL_BELOW.facts(chain, "val1")}
    former = PlannedFormerBelow.from_data(back.data(facts, "val1")).below
    assert (former.place.place, former.place.sha256) == (place.place, place.current_sha256)
    assert (former.place.replaces, former.place.current_sha256) == (NEW, NEW)
    assert (former.node.stands_at, former.node.invocation) == (chain.finding.height, "")


def test_nobody_answers_where_cosmovisor_ends_every_daemon() -> None:
    """The journal has cosmovisor's words only; powers are those of the genesis file."""
    world = everybody_down()
    for host in ALL:
        was = world.host(host)
        world = worlds.change(
            worlds.crash_looping(world, host, NOT_THERE),
            host,
            lambda one, was=was: replace(one, sign_state=was.sign_state, genesis=was.genesis),  # type: ignore[misc]
        )
    world = everywhere(worlds.below_cosmovisor(world, *ALL, asked="v2"), brought(NEW))
    chain = chosen(world)
    assert chain.finding.chain is ChainClass.UPGRADE_NEEDED
    assert chain.finding.total_power == 100
    proposal = branch(chain).propose(chain)
    assert proposal.stages[0].gate.asks.read(Advances).height == 114
    assert "P4" not in {check.id for check in proposal.checks}
    assert "powers are those of the first block" in proposal.warnings[0]


def test_a_node_that_did_not_get_there_takes_the_name_of_the_others() -> None:
    """It is down for another reason; its own file does not name the upgrade."""
    others = ("val1", "val2", "val3", "full1")
    world = worlds.panicked(worlds.stopped(worlds.healthy(), "val4"), *others, lines=(UPGRADE,))
    world = worlds.below_cosmovisor(everywhere(world, brought(NEW)), *others, asked="v2")
    world = worlds.below_cosmovisor(world, "val4")
    chain = chosen(world)
    assert upgrade_of(chain, "val4") == "v2"
    place = place_of(chain, "val4")
    assert place is not None
    assert (place.upgrade, place.has) == ("v2", "")
    there = chosen(worlds.below_cosmovisor(world, "val4", placed=("v2",)))
    assert judged(there)["G98", "val4"].outcome is UNKNOWN


def test_a_copy_of_the_data_takes_time_and_is_warned_of() -> None:
    """cosmovisor makes it before it switches, not where the program in use is replaced."""
    plain, copied = chosen(waiting()), chosen(waiting(backup=True))
    before, after = (branch(one).propose(one) for one in (plain, copied))
    assert after.stages[0].gate.timeout_s == before.stages[0].gate.timeout_s + BACKUP_S
    assert sum("must never be put back" in line for line in after.warnings) == len(ALL)
    assert planned(copied, "val1").place.backup == 1
    patched = chosen(worlds.below_cosmovisor(panicked(), *ALL, backup=True))
    assert planned(patched, "val1").place.backup == 0


Told = Callable[[CometReading], CometReading]


def told(host: str = "val2", **fields: Any) -> Told:  # noqa: ANN401
    return lambda world: worlds.below_cosmovisor(world, host, **{"asked": "v2", **fields})


def unread(world: CometReading) -> CometReading:
    def forget(reading: HostReading) -> HostReading:
        return replace(reading, cosmovisor=worlds.unknown("time limit"))

    return worlds.change(world, "val2", forget)


def older(world: CometReading) -> CometReading:
    return worlds.change(world, "val2", lambda reading: replace(reading, cosmovisor=UNSET))


@pytest.mark.parametrize(
    ("change", "guard", "outcome", "got"),
    [
        (told(asked=""), "G95", BLOCK, "upgrade-info.json is not there"),
        (told(asked="v3"), "G95", BLOCK, "upgrade-info.json names v3, the journal v2"),
        (unread, "G95", UNKNOWN, "time limit"),
        (older, "G95", UNKNOWN, "not read by the version"),
        (told(leads=""), "G96", BLOCK, "where nothing is"),
        (told(link="", leads=""), "G96", BLOCK, "no link current"),
        (told(leads="/usr/local"), "G96", BLOCK, "is "),
        (unread, "G96", UNKNOWN, "time limit"),
        (told(home="/other"), "G97", BLOCK, "DAEMON_HOME=/other"),
        (told(name=""), "G97", BLOCK, "DAEMON_NAME=(not set)"),
        (told(config_file=True), "G97", BLOCK, "--cosmovisor-config"),
        (unread, "G97", UNKNOWN, "time limit"),
        (told(place_sha256=OTHER), "G98", BLOCK, OTHER),
        (unread, "G98", UNKNOWN, "not known"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(
    change: Told, guard: str, outcome: object, got: str
) -> None:
    """By its own guard, with what was found and what to do; the same guard passes elsewhere."""
    guards = judged(chosen(change(waiting())))
    found = guards[guard, "val2"]
    assert found.outcome is outcome
    assert got in found.got
    assert found.next_step
    assert guards[guard, "val1"].outcome is PASS


def test_a_name_that_is_no_directory_is_refused() -> None:
    """cosmovisor escapes it; this program does not."""
    chain = chosen(worlds.below_cosmovisor(panicked(), "val2", asked="v 2/x"))
    assert judged(chain)["G95", "val2"].outcome is BLOCK


def test_the_chosen_program_in_its_place_passes() -> None:
    """Somebody put it there by hand: it is only started."""
    chain = chosen(waiting(place_sha256=NEW))
    assert blocking(chain) == set()
    assert planned(chain, "val1").place.replaces == NEW


def test_the_child_of_cosmovisor_is_no_stranger() -> None:
    """Another process on the home is."""

    def runs(*, of_unit: bool) -> Callable[[HostReading], HostReading]:
        child = Process(pid=77, state="S", started=9, command="/h/ve start", of_unit=of_unit)

        def change(reading: HostReading) -> HostReading:
            assert isinstance(reading.processes, Known)
            return replace(reading, processes=worlds.known((*reading.processes.value, child)))

        return change

    own = chosen(worlds.change(waiting(), "val2", runs(of_unit=True)))
    other = chosen(worlds.change(waiting(), "val2", runs(of_unit=False)))
    assert judged(own)["G4", "val2"].outcome is PASS
    assert judged(other)["G4", "val2"].outcome is BLOCK


def test_g63_is_asked_of_other_wrappers_only() -> None:
    """Its place have those that know cosmovisor; and cosmovisor itself is never swapped."""
    chain = chosen(waiting("val2"))
    guards = judged(chain)
    assert ("G63", "val2") not in guards
    assert guards["G63", "val1"].outcome is PASS
    assert len(INSTALL_BELOW_GUARDS) > 4
