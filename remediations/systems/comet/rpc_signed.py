"""CometBFT RPC answers that hold signatures, with all that was signed. Pure.

The rules for what comes from a node are those of `systems.comet.rpc_envelope`. Nothing is verified
here (`systems.comet.proof`): an answer that falsifies its block is as well-formed as any.
"""

from __future__ import annotations

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.systems.comet.blocks import BlockId, DuplicateVotes, Header, Vote
from remediations.systems.comet.rpc_envelope import result_of, shared
from remediations.systems.comet.values import Commit, CommitSignature

# Made once, at import (systems.comet.rpc_envelope).
_BLOCK = msgspec.json.Decoder(shapes.BlockAnswer, strict=False)
_COMMIT = msgspec.json.Decoder(shapes.CommitAnswer, strict=False)


@shared
def parse_commit(text: bytes) -> Commit:
    """`/commit?height=`.

    Raises:
        RpcError: the answer is malformed.
    """
    raw = result_of(text, _COMMIT).signed_header
    return Commit(
        height=raw.commit.height,
        round=raw.commit.round,
        signatures=tuple(
            CommitSignature(
                address=signature.validator_address.upper(),
                flag=signature.block_id_flag,
                timestamp=signature.timestamp,
                signature=signature.signature or "",
            )
            for signature in raw.commit.signatures
        ),
        block_id=None if raw.commit.block_id is None else _block_id(raw.commit.block_id),
        header=None if raw.header is None else _header(raw.header),
    )


def parse_evidence(text: bytes) -> tuple[DuplicateVotes, ...]:
    """`/block?height=`: who is said to have signed twice, with both votes.

    Raises:
        RpcError: the answer is malformed.
    """
    return tuple(
        DuplicateVotes(
            address=found.value.vote_a.validator_address.upper(),
            first=_vote(found.value.vote_a),
            second=_vote(found.value.vote_b),
        )
        for found in result_of(text, _BLOCK).block.evidence.evidence or []
        if found.value.vote_a is not None and found.value.vote_b is not None
    )


def _vote(raw: shapes.VoteShape) -> Vote:
    return Vote(
        type=raw.type,
        height=raw.height,
        round=raw.round,
        block=_block_id(raw.block_id) if raw.block_id.hash else None,
        timestamp=raw.timestamp,
        signature=raw.signature,
    )


def _block_id(raw: shapes.WholeBlockId) -> BlockId:
    return BlockId(
        hash=raw.hash.upper(),
        parts_total=raw.parts.total,
        parts_hash=raw.parts.hash.upper(),
    )


def _header(raw: shapes.WholeHeader) -> Header:
    return Header(
        version_block=raw.version.block,
        version_app=raw.version.app,
        chain_id=raw.chain_id,
        height=raw.height,
        time=raw.time,
        last_block_id=_block_id(raw.last_block_id),
        last_commit_hash=raw.last_commit_hash.upper(),
        data_hash=raw.data_hash.upper(),
        validators_hash=raw.validators_hash.upper(),
        next_validators_hash=raw.next_validators_hash.upper(),
        consensus_hash=raw.consensus_hash.upper(),
        app_hash=raw.app_hash.upper(),
        last_results_hash=raw.last_results_hash.upper(),
        evidence_hash=raw.evidence_hash.upper(),
        proposer_address=raw.proposer_address.upper(),
    )
