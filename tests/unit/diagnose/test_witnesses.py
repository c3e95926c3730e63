"""Whose word counts: a node that contradicts itself, or stands alone, is not a witness."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.hosts.values import ConsensusKey
from remediations.values.reading import Known
from tests import worlds
from tests.worlds import HEIGHT, healthy, stopped

World = Callable[[], CometReading]


@pytest.mark.parametrize(
    ("world", "liar", "chain", "height"),
    [
        (lambda: worlds.lying(healthy(), "val4"), "val4", ChainClass.DEGRADED, HEIGHT + 3),
        (
            lambda: worlds.lying(stopped(healthy(), "val1"), "full1"),
            "full1",
            ChainClass.QUORUM_LOST,
            HEIGHT,
        ),
        (
            lambda: worlds.lying(stopped(healthy(), "val1"), "full1", above=-100),
            "full1",
            ChainClass.QUORUM_LOST,
            HEIGHT,
        ),
    ],
    ids=["boasts while blocks go on", "boasts in a halt", "hides blocks"],
)
def test_liar_is_not_a_witness(world: World, liar: str, chain: ChainClass, height: int) -> None:
    """A node whose /status contradicts its own consensus is named and its word not used."""
    finding = diagnose(world())
    assert (finding.chain, finding.height) == (chain, height)
    assert liar not in finding.witnesses
    assert "not believed" in finding.node(liar).cause


def test_proxy_of_another_node_is_not_a_witness() -> None:
    """An RPC that answers for another node's address is not this host's word."""
    other = ConsensusKey(address="F" * 40, node_key=True)
    world = worlds.change(healthy(), "full1", lambda r: replace(r, key=worlds.known(other)))
    assert "full1" not in diagnose(world).witnesses


def test_node_alone_with_its_height_is_not_a_witness() -> None:
    """A height that peers do not see, nobody has and no commit proves is not believed."""

    def boast(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            assert isinstance(sample.app, Known)
            assert isinstance(sample.round, Known)
            samples.append(
                replace(
                    sample,
                    status=worlds.known(replace(sample.status.value, height=999), sample.at),
                    app=worlds.known(replace(sample.app.value, height=999), sample.at),
                    round=worlds.known(replace(sample.round.value, height=1000), sample.at),
                )
            )
        return replace(reading, samples=tuple(samples))

    finding = diagnose(worlds.change(worlds.halted(healthy()), "full1", boast))
    assert finding.height == HEIGHT
    assert "nobody confirms" in finding.node("full1").cause


def test_node_of_another_chain_is_not_a_witness() -> None:
    """A node on another network says nothing about this chain."""

    def stray(reading: HostReading) -> HostReading:
        status = reading.samples[-1].status
        assert isinstance(status, Known)
        wrong = worlds.known(replace(status.value, network="other-1"))
        return replace(reading, samples=tuple(replace(s, status=wrong) for s in reading.samples))

    finding = diagnose(worlds.change(healthy(), "full1", stray))
    assert "other-1" in finding.node("full1").cause
