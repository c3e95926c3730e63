"""What a node claims with a commit and a validator set, and the single signatures in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from remediations.systems.comet.blocks import BlockId, Header, Vote, VoteType
from remediations.systems.comet.proof.hashes import header_hash, vote_bytes
from remediations.systems.comet.proof.members import Member, Members
from remediations.systems.comet.proof.protobuf import Malformed, base64_bytes
from remediations.systems.comet.values import BlockIdFlag, Commit, CommitSignature

NO_TIME = "0001-01-01T00:00:00Z"
"""The time of a vote that is absent."""

_FLAGS = frozenset(BlockIdFlag)


@dataclass(frozen=True)
class Flaw:
    """A field that is not what was signed. `field` is its place in the answers, `says` a clause."""

    field: str
    says: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.field}: {self.says}"


@dataclass(frozen=True)
class Claim:
    """A commit with its header, and the set whose it is said to be."""

    chain_id: str
    commit: Commit
    header: Header
    block: BlockId
    members: Members

    @cached_property
    def hashed(self) -> str:
        """The hash of the header.

        Raises:
            Malformed: a field does not have its form.
        """
        return header_hash(self.header)

    @cached_property
    def of_set(self) -> bool:
        """Whether the set is the one that the header names."""
        return self.members.hash == self.header.validators_hash

    def vote(self, index: int) -> Vote:
        """The vote that signature number `index` is said to be of."""
        signature = self.commit.signatures[index]
        return Vote(
            type=VoteType.PRECOMMIT,
            height=self.commit.height,
            round=self.commit.round,
            block=self.block if signature.for_block else None,
            timestamp=signature.timestamp,
            signature=signature.signature,
        )

    def voted(self) -> list[int]:
        """The places of signatures that can be tried: of members whose keys can be verified."""
        pairs = zip(self.commit.signatures, self.members.members, strict=False)
        return [i for i, (shown, member) in enumerate(pairs) if shown.voted and verifiable(member)]

    def made(self, index: int, vote: Vote) -> bool:
        """Whether member number `index` signed that vote."""
        return signed_by(self.members.members[index], vote, self.chain_id)

    def place_flaw(self, index: int) -> Flaw | None:
        """What is wrong with signature number `index` before it is tried."""
        shown, member = self.commit.signatures[index], self.members.members[index]
        field = f"commit.signatures[{index}]"
        if shown.flag not in _FLAGS:
            return Flaw(f"{field}.block_id_flag", "there is no such flag")
        if not shown.voted:
            beside = [name for name, there in _beside_absent(shown).items() if there]
            name = "block_id_flag" if len(beside) > 1 else "".join(beside)
            return Flaw(f"{field}.{name}", "an absent vote has none") if beside else None
        if not shown.address and not shown.signature:
            return Flaw(f"{field}.block_id_flag", "a vote has an address and a signature")
        if shown.address != member.address:
            return Flaw(
                f"{field}.validator_address",
                f"{shown.address or 'nobody'} stands where {member.address} is in the set",
            )
        return None


def _beside_absent(shown: CommitSignature) -> dict[str, bool]:
    """What comes with the flag of an absent vote, though nothing should."""
    return {
        "validator_address": bool(shown.address),
        "timestamp": shown.timestamp not in ("", NO_TIME),
        "signature": bool(shown.signature),
    }


def verifiable(member: Member) -> bool:
    """Whether signatures of this member can be verified."""
    return member.key.can_verify


def signed_by(member: Member, vote: Vote, chain_id: str) -> bool:
    """Whether the member's key made the vote's signature; False for what has no form."""
    try:
        return member.key.signed(vote_bytes(vote, chain_id), base64_bytes(vote.signature))
    except Malformed:
        return False
