"""What is hashed and signed: a header, a validator set and a vote, in CometBFT's encoding.

The root of a Merkle tree is that of RFC 6962: leaves and nodes have different prefixes, and a tree
is divided at the largest power of two below its size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from remediations.systems.comet.blocks import BlockId, Header, Vote
from remediations.systems.comet.proof.keys import PublicKey
from remediations.systems.comet.proof.protobuf import (
    bytes_field,
    delimited,
    fixed_field,
    hex_bytes,
    message_field,
    number_field,
    text_bytes,
    timestamp,
)


def header_hash(header: Header) -> str:
    """The hash of a header, upper-case hex: that of the block.

    Raises:
        Malformed: a field does not have its form.
    """
    version = number_field(1, header.version_block) + number_field(2, header.version_app)
    hashes = (
        header.last_commit_hash,
        header.data_hash,
        header.validators_hash,
        header.next_validators_hash,
        header.consensus_hash,
        header.app_hash,
        header.last_results_hash,
        header.evidence_hash,
        header.proposer_address,
    )
    leaves = (
        version,
        bytes_field(1, text_bytes(header.chain_id)),
        number_field(1, header.height),
        timestamp(header.time),
        block_id_bytes(header.last_block_id),
        *(bytes_field(1, hex_bytes(text)) for text in hashes),
    )
    return merkle_root(leaves).hex().upper()


def block_id_bytes(block: BlockId) -> bytes:
    """A block id within a header and within a vote.

    Raises:
        Malformed: a field does not have its form.
    """
    parts = number_field(1, block.parts_total) + bytes_field(2, hex_bytes(block.parts_hash))
    return bytes_field(1, hex_bytes(block.hash)) + message_field(2, parts)


def validators_hash(members: Sequence[tuple[PublicKey, int]]) -> str:
    """The hash of a validator set, keys and powers in the set's order, upper-case hex.

    Raises:
        Malformed: a key or a power does not have its form.
    """
    leaves = [message_field(1, key.encoded()) + number_field(2, power) for key, power in members]
    return merkle_root(leaves).hex().upper()


def vote_bytes(vote: Vote, chain_id: str) -> bytes:
    """The bytes that the signature of a vote is made over.

    Raises:
        Malformed: a field does not have its form.
    """
    block = b"" if vote.block is None else message_field(4, block_id_bytes(vote.block))
    return delimited(
        number_field(1, vote.type)
        + fixed_field(2, vote.height)
        + fixed_field(3, vote.round)
        + block
        + message_field(5, timestamp(vote.timestamp))
        + bytes_field(6, text_bytes(chain_id))
    )


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root; that of no leaves is the hash of nothing. Linear in the leaves.

    Level by level, with an odd last one carried upwards: the same tree as the divided one.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        odd = level[len(level) & ~1 :]
        level = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in pairs] + odd
    return level[0]
