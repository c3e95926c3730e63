"""Hosts of the inventory that tell nothing of themselves are named as that, never as strangers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.guards.power import inventory_covers_quorum
from remediations.playbooks.chain.present import present
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.values.reading import Known, Why
from tests import worlds
from tests.unit.plan.cases import case_of, quorum_lost
from tests.worlds import healthy, node_id_of, stopped

DENIED = worlds.unknown("permission denied", Why.DENIED)


def without_sudo(world: CometReading, host: str) -> CometReading:
    """What root reads is not read."""

    def blind(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        session = worlds.known(replace(reading.session.value, sudo=False))
        return replace(reading, session=session, key=DENIED, sign_state=DENIED, journal=DENIED)

    return worlds.change(world, host, blind)


def masked(world: CometReading, host: str) -> CometReading:
    """A masked unit has no command line, so its home is not known."""
    absent = worlds.unknown("home not known", Why.NO_HOME)
    return worlds.change(
        worlds.disabled(world, host, enabled="masked"),
        host,
        lambda r: replace(r, key=absent, sign_state=absent),
    )


def test_a_chain_that_is_well_names_where_nobody_can_act() -> None:
    """It is well: the nodes answer. But the next incident would find the login without sudo."""
    finding = diagnose(without_sudo(without_sudo(healthy(), "val3"), "full1"))
    assert finding.chain is ChainClass.HEALTHY
    assert "no sudo on full1, val3" in finding.explanation
    assert "give operator sudo on val3 (`remediate doctor` says how)" in finding.next_step
    assert finding.node("val3").cause.endswith("no sudo: nothing else was read")
    assert "sudo" not in diagnose(healthy()).explanation


@pytest.mark.parametrize("powers", [(40, 30, 20, 10), (60,) + (1,) * 99], ids=len)
def test_without_sudo_the_key_is_unread_and_not_missing(powers: tuple[int, ...]) -> None:
    """The next step is sudo, not another host in the inventory."""
    finding = diagnose(without_sudo(stopped(healthy(powers), "val1"), "val1"))
    said = f"{powers[0]} of {sum(powers)} power: its key could not be read (val1: no sudo)"
    assert said in finding.explanation
    assert finding.next_step.startswith("give operator sudo on val1")
    rows = {row.title: row.text for row in present(finding).rows}
    assert rows["unseen"].endswith("its key could not be read (val1: no sudo)")


def test_a_masked_unit_hides_its_key() -> None:
    """It says who has to be asked, and how the home can be told."""
    finding = diagnose(masked(healthy(), "val1"))
    assert "val1: virtengine.service is masked" in finding.explanation
    assert "pin `home:` of val1" in finding.next_step


def test_a_key_that_is_not_there_or_elsewhere_is_told_as_that() -> None:
    """The host is in the inventory: it lacks its file, or a signer has its key."""
    lost = diagnose(worlds.key_missing(healthy(), "val1"))
    assert "its key could not be read (val1: there is no key file)" in lost.explanation
    assert "priv_validator_key.json of val1 back" in lost.next_step
    remote = worlds.configured(stopped(healthy(), "val1"), "val1", remote_signer="tcp://h:1")
    finding = diagnose(remote)
    assert "val1: a remote signer holds it" in finding.explanation
    assert finding.next_step.startswith("check the remote signer of val1")


def test_power_on_no_host_at_all_is_told_as_that() -> None:
    """Nobody hides a key: then the inventory lacks a host."""
    world = stopped(healthy(hosts=3), "val1")
    assert "10 of 100 power on no host of the inventory" in diagnose(world).explanation


def test_the_guard_asks_for_keys_and_not_for_hosts() -> None:
    """The same words where a plan is refused."""
    world = without_sudo(without_sudo(stopped(healthy(), "val1"), "val1"), "val2")
    chain = situation(sealed(world), frozenset())
    result = inventory_covers_quorum(chain, case_of(quorum_lost()).proposal)
    assert result is not None
    assert "val1: no sudo" in result.next_step


def known_only_through_others(world: CometReading, host: str, moniker: str = "") -> CometReading:
    """SSH fails, and the others still list it, by another name if one is given."""
    world = worlds.unreachable(world, host, alive=True)
    if not moniker:
        return world

    def renamed(reading: HostReading) -> HostReading:
        if not isinstance(reading.chain.peers, Known):
            return reading
        peers = tuple(
            replace(p, moniker=moniker, remote_ip="10.9.9.9")
            if p.node_id == node_id_of(host)
            else p
            for p in reading.chain.peers.value
        )
        return replace(reading, chain=replace(reading.chain, peers=worlds.known(peers)))

    return replace(world, hosts=tuple(map(renamed, world.hosts)))


def test_a_host_that_cannot_be_read_is_not_a_stranger() -> None:
    """By its name among the peers; or because it is the only one that it can be."""
    for moniker in ("", "sunflower"):
        finding = diagnose(known_only_through_others(healthy(), "val1", moniker))
        (peer,) = finding.unlisted
        assert peer.may_be == ("val1",)
        (table,) = present(finding).tables
        assert table.rows[0][-1] == "may be val1, which could not be read"


def test_its_address_tells_which_host_it_is() -> None:
    """By where SSH leads, and where the others dial it."""
    world = known_only_through_others(healthy(), "val1", "sunflower")
    world = known_only_through_others(world, "val2", "daisy")
    both = diagnose(world)
    assert {peer.may_be for peer in both.unlisted} == {("val1", "val2")}
    peers = (f"{node_id_of('val1')}@val1.example:26666",)
    told = diagnose(worlds.configured(world, "full1", persistent_peers=peers))
    assert {peer.node_id: peer.may_be for peer in told.unlisted} == {
        node_id_of("val1"): ("val1",),
        node_id_of("val2"): ("val2",),
    }


def with_node_id(world: CometReading, host: str) -> CometReading:
    """The node key of `host` could be read, though nothing answers there."""

    def tell(reading: HostReading) -> HostReading:
        assert isinstance(reading.key, Known)
        return replace(
            reading, key=worlds.known(replace(reading.key.value, node_id=node_id_of(host)))
        )

    return worlds.change(world, host, tell)


@pytest.mark.parametrize("powers", [worlds.POWERS, (50,) * 20 + (5,) * 80], ids=len)
def test_a_host_whose_node_key_was_read_is_known_to_all(powers: tuple[int, ...]) -> None:
    """It answers nothing, and others still list it: by its own key it is no peer from outside."""
    world = worlds.frozen(healthy(powers), "val1")
    assert node_id_of("val1") in {peer.node_id for peer in diagnose(world).unlisted}
    finding = diagnose(with_node_id(world, "val1"))
    assert finding.unlisted == ()
    assert {node_id for part in finding.components for node_id in part.unlisted} == set()


def test_a_stranger_stays_one() -> None:
    """No host of the inventory is unread: then it is not in it."""
    world = healthy()
    finding = diagnose(replace(world, hosts=tuple(r for r in world.hosts if r.host != "full1")))
    (peer,) = finding.unlisted
    assert peer.may_be == ()
    assert present(finding).tables[0].rows[0][-1] == "no"


def test_without_sudo_nobody_sees_of_which_program_a_process_is() -> None:
    """So nothing is said about a wrapper: a daemon that a small program in front of it became
    (`env`, `nice`) would look as if it had ended."""
    world = worlds.wrapper_alone(healthy(), "val4")
    assert diagnose(world).node("val4").condition is NodeCondition.WRAPPER_ALONE
    condition = diagnose(without_sudo(world, "val4")).node("val4").condition
    assert condition is not NodeCondition.WRAPPER_ALONE
