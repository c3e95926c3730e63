"""What a header's hash and a validator set's hash are made of."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.systems.comet.blocks import BlockId, Header
from remediations.systems.comet.proof.keys import PublicKey
from remediations.systems.comet.proof.merkle import merkle_root
from remediations.systems.comet.proof.protobuf import (
    bytes_field,
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
