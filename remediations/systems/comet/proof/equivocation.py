"""Two signatures of one key over different blocks at one height, round and type.

Nobody can make such a pair but the holder of the key, so it does not matter who shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from remediations.systems.comet.blocks import DuplicateVotes, Vote, VoteType
from remediations.systems.comet.proof.claim import signed_by
from remediations.systems.comet.proof.keys import key_of
from remediations.systems.comet.proof.members import Member
from remediations.systems.comet.proof.protobuf import Malformed
from remediations.systems.comet.values import Commit, Validator, ValidatorSet
from remediations.values.part import Kinded

MOST_PAIRS = 200
"""So many pairs of votes of two commits are verified."""


class Equivocation(Kinded, frozen=True, kw_only=True):
    """A proof that can be verified by anybody: the key, and both votes as they were signed."""

    KIND: ClassVar[str] = "comet.equivocation/1"

    chain_id: str
    address: str
    key_type: str
    pub_key: str
    first: Vote
    second: Vote


def is_proven(pair: Equivocation) -> bool:
    """Whether the key of that address signed both votes, and both at once break the rules."""
    first, second = pair.first, pair.second
    if (first.type, first.height, first.round) != (second.type, second.height, second.round):
        return False
    if first.block == second.block:
        return False
    shown = Validator(address=pair.address, power=0, key_type=pair.key_type, pub_key=pair.pub_key)
    try:
        member = Member(address=shown.address, key=key_of(shown), power=0)
        if member.key.address != member.address:
            return False
    except Malformed:
        return False
    return all(signed_by(member, vote, pair.chain_id) for vote in (first, second))


def in_commits(
    one: Commit, other: Commit, members: ValidatorSet, chain_id: str
) -> tuple[Equivocation, ...]:
    """Who signed different things in two commits of one height and round. Only pairs that differ
    are verified, so two commits that agree cost nothing; of many, those with the most power."""
    if (one.height, one.round) != (other.height, other.round):
        return ()
    known = {validator.address: validator for validator in members.validators}
    votes = dict(_votes(one))
    pairs = [
        _pair(known[address], first, second, chain_id)
        for address, second in _votes(other)
        if (first := votes.get(address)) is not None
        and first.block != second.block
        and address in known
    ]
    heaviest = sorted(pairs, key=lambda pair: -known[pair.address].power)[:MOST_PAIRS]
    return tuple(pair for pair in heaviest if is_proven(pair))


def in_evidence(
    evidence: DuplicateVotes, members: ValidatorSet, chain_id: str
) -> Equivocation | None:
    """What evidence in a block proves; None if the validator's key did not sign it, or if that key
    is not in the set."""
    for validator in members.validators:
        if validator.address == evidence.address:
            pair = _pair(validator, evidence.first, evidence.second, chain_id)
            return pair if is_proven(pair) else None
    return None


def _votes(commit: Commit) -> Iterator[tuple[str, Vote]]:
    """Address → its precommit."""
    for shown in commit.signatures:
        if shown.voted and shown.signature and (commit.block_id or not shown.for_block):
            yield (
                shown.address,
                Vote(
                    type=VoteType.PRECOMMIT,
                    height=commit.height,
                    round=commit.round,
                    block=commit.block_id if shown.for_block else None,
                    timestamp=shown.timestamp,
                    signature=shown.signature,
                ),
            )


def _pair(holder: Validator, first: Vote, second: Vote, chain_id: str) -> Equivocation:
    return Equivocation(
        chain_id=chain_id,
        address=holder.address,
        key_type=holder.key_type,
        pub_key=holder.pub_key,
        first=first,
        second=second,
    )
