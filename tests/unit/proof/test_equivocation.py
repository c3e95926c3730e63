"""Two signatures of one key for different blocks prove themselves, whoever shows them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.proof.equivocation import (
    Equivocation,
    in_commits,
    in_evidence,
    is_proven,
)
from remediations.systems.comet.values import ValidatorSet
from tests.signed import CHAIN, SignedChain, answer, block_with_evidence, hash_of

HEIGHT = 112
VALIDATORS = SignedChain((40, 30, 20, 10))
ONE = VALIDATORS.header(HEIGHT)
OTHER = VALIDATORS.header(HEIGHT, app_hash=hash_of("another"))


def members() -> ValidatorSet:
    return rpc.parse_validators(answer(VALIDATORS.validators(HEIGHT)))


def proof() -> Equivocation:
    """Validator number 2 signed both blocks."""
    one = rpc_signed.parse_commit(answer(VALIDATORS.commit(ONE, absent=[3])))
    other = rpc_signed.parse_commit(answer(VALIDATORS.commit(OTHER, absent=[0, 1])))
    (found,) = in_commits(one, other, members(), CHAIN)
    return found


def test_commits_of_two_blocks_show_who_signed_both() -> None:
    """Both votes are kept, so the proof can be verified again by anybody."""
    found = proof()
    assert found.address == VALIDATORS.signers[2].address
    assert found.first.block != found.second.block
    assert is_proven(found)


def test_a_vote_for_nil_beside_one_for_a_block_is_one_too() -> None:
    """In one round, a validator signs one thing only."""
    one = rpc_signed.parse_commit(answer(VALIDATORS.commit(ONE)))
    other = rpc_signed.parse_commit(answer(VALIDATORS.commit(ONE, nil=[1])))
    (found,) = in_commits(one, other, members(), CHAIN)
    assert found.address == VALIDATORS.signers[1].address


def test_another_round_is_another_vote() -> None:
    """A validator may sign another block in a later round."""
    one = rpc_signed.parse_commit(answer(VALIDATORS.commit(ONE)))
    other = rpc_signed.parse_commit(answer(VALIDATORS.commit(OTHER, round_=1)))
    assert in_commits(one, other, members(), CHAIN) == ()


def test_the_same_commit_twice_proves_nothing() -> None:
    """As most nodes show it."""
    one = rpc_signed.parse_commit(answer(VALIDATORS.commit(ONE)))
    assert in_commits(one, one, members(), CHAIN) == ()


def test_evidence_in_a_block_is_verified() -> None:
    """It holds both votes; the validator's key has to be known."""
    address = VALIDATORS.signers[3].address
    votes = VALIDATORS.vote(3, ONE), VALIDATORS.vote(3, OTHER)
    (shown,) = rpc_signed.parse_evidence(answer(block_with_evidence(address, *votes)))
    found = in_evidence(shown, members(), CHAIN)
    assert found is not None
    assert found.address == address
    assert in_evidence(replace(shown, address="0" * 40), members(), CHAIN) is None


def test_evidence_that_was_made_up_accuses_nobody() -> None:
    """A vote that another key signed is not the validator's."""
    address = VALIDATORS.signers[3].address
    votes = VALIDATORS.vote(3, ONE), VALIDATORS.vote(2, OTHER)
    (shown,) = rpc_signed.parse_evidence(answer(block_with_evidence(address, *votes)))
    assert in_evidence(shown, members(), CHAIN) is None


def test_a_block_without_evidence_accuses_nobody() -> None:
    """The list is null, or empty."""
    nothing: tuple[list[object] | None, ...] = (None, [])
    for evidence in nothing:
        empty = {"block": {"evidence": {"evidence": evidence}}}
        assert rpc_signed.parse_evidence(answer(empty)) == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"chain_id": "other-1"},
        {"address": "0" * 40},
        {"pub_key": "AAAA"},
        {"pub_key": "not base64"},
        {"key_type": "tendermint/PubKeySecp256k1"},
    ],
)
def test_a_proof_that_was_altered_is_none(changed: dict[str, str]) -> None:
    """Also one from a file."""
    assert not is_proven(replace(proof(), **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"height": 113},
        {"round": 1},
        {"type": 1},
        {"block": None},
        {"timestamp": "now"},
        {"signature": ""},
        {"height": 2**70},
    ],
)
def test_a_vote_that_was_altered_proves_nothing(changed: dict[str, object]) -> None:
    """Neither where one vote is changed, nor where both are."""
    found = proof()
    first, second = replace(found.first, **changed), replace(found.second, **changed)
    assert not is_proven(replace(found, first=first))
    assert not is_proven(replace(found, first=first, second=second))
    assert not is_proven(replace(found, second=found.first))
