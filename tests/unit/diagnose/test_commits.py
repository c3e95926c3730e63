"""Who signed which of the last blocks: commits of hosts at different heights tell it together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.guards.signing import sign_state_sound
from remediations.playbooks.chain.situation import situation
from remediations.systems.comet.reading import ChainView, CometReading, sealed
from remediations.values.reading import Known
from tests import worlds
from tests.signed import SignedChain
from tests.worlds import healthy, stopped
from tests.worlds.signed import commit_of, signed, signers_of, tells

POWERS = pytest.mark.parametrize("powers", [worlds.POWERS, (50,) * 20 + (5,) * 80], ids=len)


def at_height(world: CometReading, chain: SignedChain, height: int, *absent: int) -> CometReading:
    """full1 shows the commit of `height`, which these validators did not sign."""

    def lower(told: ChainView) -> ChainView:
        assert isinstance(told.commit, Known)
        return replace(told, commit=worlds.known(replace(told.commit.value, height=height)))

    def older(told: ChainView) -> ChainView:
        only = replace(world, hosts=(tells(world, "full1", lower).host("full1"),))
        return replace(told, commit=commit_of(only, chain, absent=absent))

    return tells(world, "full1", older)


def newest_without(world: CometReading, chain: SignedChain, *absent: int) -> CometReading:
    """All show the newest commit, which these validators did not sign."""
    commit = commit_of(world, chain, absent=absent)
    for reading in world.hosts:
        if worlds.answers(reading):
            world = tells(world, reading.host, lambda told: replace(told, commit=commit))
    return world


@POWERS
def test_hosts_at_different_heights_tell_together(powers: tuple[int, ...]) -> None:
    """The newest commit lacks its signature; the older one that another host shows has it."""
    chain = signers_of(healthy(powers))
    world = newest_without(signed(healthy(powers), chain), chain, 3)
    assert diagnose(world).commits == (116,)
    assert diagnose(world).node("val4").last_signed is None
    both = at_height(world, chain, 110)
    finding = diagnose(both)
    assert finding.commits == (110, 116)
    assert finding.node("val4").last_signed == 110
    assert finding.node("val1").last_signed == 116


def test_a_proven_commit_counts_whoever_shows_it() -> None:
    """The host alters another field, so it is no witness; the signatures are what they are."""
    chain = signers_of(healthy())
    world = at_height(newest_without(signed(healthy()), chain, 3), chain, 110)

    def forged(told: ChainView) -> ChainView:
        assert isinstance(told.blocks, Known)
        metas = [replace(meta, block_hash="AB" * 32) for meta in told.blocks.value]
        return replace(told, blocks=worlds.known(tuple(metas)))

    finding = diagnose(tells(world, "full1", forged))
    assert "full1" not in finding.witnesses
    assert finding.node("val4").last_signed == 110


def test_a_commit_that_a_liar_tells_does_not_count() -> None:
    """Its signatures are of another block: it would have the key remember what it never signed."""

    def boast(told: ChainView) -> ChainView:
        assert isinstance(told.commit, Known)
        return replace(told, commit=worlds.known(replace(told.commit.value, height=1_000_000)))

    finding = diagnose(tells(signed(healthy()), "full1", boast))
    assert finding.commits == (116,)
    assert finding.node("val1").last_signed == 116


def test_the_guard_asks_the_same_memory() -> None:
    """A sign state below the older commit is refused (G20), though the newest one lacks its key."""
    chain = signers_of(healthy())
    world = signed(stopped(healthy(), "val4"), chain)
    world = at_height(newest_without(world, chain, 3), chain, 110)
    for height, outcome in ((109, "block"), (110, "pass")):
        scene = situation(sealed(worlds.sign_state(world, "val4", height)), frozenset())
        result = sign_state_sound(scene, scene.observation.host("val4"))
        assert result.outcome == outcome, result
        assert "the chain saw it sign 110" in result.got
