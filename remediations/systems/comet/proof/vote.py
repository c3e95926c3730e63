"""The bytes that the signature of a vote is made over."""

from __future__ import annotations

from remediations.systems.comet.blocks import Vote
from remediations.systems.comet.proof.hashes import block_id_bytes
from remediations.systems.comet.proof.protobuf import (
    bytes_field,
    delimited,
    fixed_field,
    message_field,
    number_field,
    text_bytes,
    timestamp,
)


def vote_bytes(vote: Vote, chain_id: str) -> bytes:
    """The bytes that were signed.

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
