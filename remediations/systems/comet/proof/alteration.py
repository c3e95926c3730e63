"""Which field of an answer was altered, where what it says does not fit together.

A hash only says that something differs. So the fields whose true value can be known otherwise are
put back one at a time: the one with which all fits again is the one that was altered.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from remediations.systems.comet.proof.claim import Claim, Flaw
from remediations.systems.comet.proof.hashes import header_hash

_ROUNDS = 16
"""So many rounds are tried where a commit's round may be wrong."""
_FEW = 3
"""So many signatures tell what all of them are for."""
_MEMBERS = 200
"""So many members are tried as the proposer."""
_EMPTY = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
"""The hash of no transactions, results or evidence."""
_UNFIT = "it does not fit the hash of the block that was signed"


def structure_flaws(claim: Claim) -> tuple[Flaw, ...]:
    """What does not fit, before any signature counts.

    Raises:
        Malformed: a field does not have its form.
    """
    if claim.hashed != claim.block.hash:
        return (_header_or_id(claim),)
    if claim.header.chain_id != claim.chain_id:
        return (Flaw("header.chain_id", f"the block is one of chain {claim.header.chain_id}"),)
    if claim.header.height != claim.commit.height:
        return (Flaw("commit.height", f"the header is that of height {claim.header.height}"),)
    if claim.of_set:
        says = "it is not the address of the public key beside it"
        return tuple(Flaw(f"validators[{i}].address", says) for i in claim.members.foreign)
    return tuple(_set_flaws(claim))


def _header_or_id(claim: Claim) -> Flaw:
    """The header is not what the block id names: one of the two was altered."""
    real = replace(claim.block, hash=claim.hashed)
    if any(claim.made(i, replace(claim.vote(i), block=real)) for i in _for_block(claim)):
        return Flaw("commit.block_id.hash", "the signatures are for the hash of the header")
    for field, value in _known_otherwise(claim):
        if header_hash(replace(claim.header, **{field: value})) == claim.block.hash:
            return Flaw(f"header.{field}".replace("version_", "version."), _UNFIT)
    return Flaw("header", _UNFIT)


def _known_otherwise(claim: Claim) -> Iterator[tuple[str, object]]:
    """The fields of a header with the values that they have elsewhere."""
    header = claim.header
    yield "chain_id", claim.chain_id
    yield "height", claim.commit.height
    for field in ("validators_hash", "next_validators_hash"):
        yield field, claim.members.hash
        yield field, header.validators_hash
        yield field, header.next_validators_hash
    for field in ("data_hash", "last_results_hash", "evidence_hash"):
        yield field, _EMPTY
    for member in claim.members.members[:_MEMBERS]:
        yield "proposer_address", member.address
    yield "version_block", 11


def _set_flaws(claim: Claim) -> Iterator[Flaw]:
    """The set is not the one that the header names; that of another height may differ."""
    says = "it is not the public key of the address beside it"
    for index in claim.members.foreign:
        yield Flaw(f"validators[{index}].pub_key", says)
    if not claim.members.foreign and claim.members.height == claim.commit.height:
        yield Flaw(
            "validators.voting_power",
            "powers, or the order, do not fit the hash of the set in the signed header",
        )


def common_flaw(claim: Claim) -> Flaw | None:
    """The field that all signatures share, where several were tried and none fits."""
    tried = _for_block(claim)
    if len(tried) < 2:
        return None
    for number in range(_ROUNDS):
        if any(claim.made(i, replace(claim.vote(i), round=number)) for i in tried):
            return Flaw("commit.round", f"the signatures are those of round {number}")
    return Flaw("commit.block_id.parts", "no signature fits it, nor any of the first rounds")


def signature_flaw(claim: Claim, index: int) -> Flaw:
    """Why a signature does not fit: for the block and for nil are told apart."""
    vote, field = claim.vote(index), f"commit.signatures[{index}]"
    other = replace(vote, block=None if vote.block is not None else claim.block)
    if claim.made(index, other):
        meant = "nil" if other.block is None else "the block"
        return Flaw(f"{field}.block_id_flag", f"the signature is one for {meant}")
    address = claim.members.members[index].address
    return Flaw(f"{field}.signature", f"it, or its timestamp, is not what {address} signed")


def _for_block(claim: Claim) -> list[int]:
    """The places of a few signatures for the block that can be tried."""
    return [i for i in claim.voted() if claim.commit.signatures[i].for_block][:_FEW]
