"""The evidence in a block names the validator: proven by its votes, or told by two witnesses."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.blocks import DuplicateVotes
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.signed import SignedChain, hash_of
from tests.worlds.healthy import healthy
from tests.worlds.signed import signed, signers_of, tells
from tests.worlds.signing import evidence_in, powerless

HEIGHT = worlds.HEIGHT - 2
ALL = ("val1", "val2", "val3", "full1")


def twice(chain: SignedChain, index: int, *, made_by: int | None = None) -> DuplicateVotes:
    """Validator number `index` signed two blocks, or `made_by` says so."""
    signer = index if made_by is None else made_by
    one, other = chain.header(HEIGHT), chain.header(HEIGHT, app_hash=hash_of("another"))
    return DuplicateVotes(
        address=chain.signers[index].address,
        first=chain.vote(index, one),
        second=chain.vote(signer, other),
    )


def shown(world: CometReading, evidence: DuplicateVotes, *hosts: str) -> CometReading:
    """These hosts show a block with that evidence."""
    world = evidence_in(world, worlds.HEIGHT - 1)
    told = worlds.known((evidence,))
    for host in hosts:
        world = tells(world, host, lambda said: replace(said, evidence=told))
    return world


def test_one_host_that_shows_it_proves_it() -> None:
    """By both votes and the key of the set, whoever shows them; and the validator is named."""
    chain = signers_of(healthy())
    finding = diagnose(shown(signed(healthy()), twice(chain, 3), "full1"))
    assert finding.chain is ChainClass.DOUBLE_SIGNING
    assert finding.node("val4").condition is NodeCondition.DOUBLE_SIGNING
    assert "proven by both signatures" in finding.node("val4").cause


def test_what_one_host_made_up_accuses_nobody() -> None:
    """A vote that the validator did not sign, shown by one of several witnesses."""
    chain = signers_of(healthy())
    finding = diagnose(shown(signed(healthy()), twice(chain, 3, made_by=2), "full1"))
    assert finding.node("val4").condition is NodeCondition.HEALTHY
    assert "val4" not in finding.explanation


def test_of_a_key_that_is_out_of_the_set_witnesses_tell() -> None:
    """No set that is shown has it any more, so its votes cannot be verified; it is history."""
    chain = signers_of(healthy())
    world = shown(powerless(signed(healthy()), "val4"), twice(chain, 3), *ALL)
    finding = diagnose(world)
    assert finding.chain is ChainClass.DEGRADED
    assert finding.node("val4").condition is NodeCondition.NO_POWER
    assert f"two precommits at height {HEIGHT}" in finding.node("val4").cause
    assert "that is evidence in a block" in finding.node("val4").cause
    assert "Do not unjail it." in finding.node("val4").by_hand
    assert "The key of val4 signed twice" in finding.explanation
