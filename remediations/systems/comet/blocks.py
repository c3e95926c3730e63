"""What a block's signatures are made over: its header, and how a vote names a block.

All is kept as the node wrote it: hashes are upper-case hex, times RFC 3339 with up to nine
decimals, since a hash over less would be another one.
"""

from __future__ import annotations

from enum import IntEnum

from remediations.values.record import Record


class BlockId(Record, frozen=True, kw_only=True):
    """What a vote is for: the header's hash, and the number and the root of the block's parts."""

    hash: str
    parts_total: int
    parts_hash: str


class Header(Record, frozen=True, kw_only=True):
    """A block's header, in the order in which its fields are hashed. `app_hash` is the
    application's hash *before* this block."""

    version_block: int
    version_app: int
    chain_id: str
    height: int
    time: str
    last_block_id: BlockId
    last_commit_hash: str
    data_hash: str
    validators_hash: str
    next_validators_hash: str
    consensus_hash: str
    app_hash: str
    last_results_hash: str
    evidence_hash: str
    proposer_address: str


class VoteType(IntEnum):
    """What is voted, as CometBFT numbers it (`types.SignedMsgType`)."""

    PREVOTE = 1
    PRECOMMIT = 2


class Vote(Record, frozen=True, kw_only=True):
    """One signed vote, `type` is a `VoteType`; `block` is None for nil. `signature` is base64."""

    type: int
    height: int
    round: int
    block: BlockId | None
    timestamp: str
    signature: str


class DuplicateVotes(Record, frozen=True, kw_only=True):
    """Two votes that a validator is said to have signed, though they exclude each other: what a
    block has as evidence (CometBFT's `DuplicateVoteEvidence`)."""

    address: str
    first: Vote
    second: Vote


class PinnedBlock(Record, frozen=True, kw_only=True):
    """A block that is believed by its hash, because a person said so."""

    height: int
    hash: str
