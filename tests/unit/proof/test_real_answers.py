"""Answers of a real node (CometBFT 0.38, recorded in the lab): what its validators signed.

Nothing here was made with the encodings that are tested.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.proof.commit import prove
from remediations.systems.comet.proof.trust import is_pinned

ANSWERS = Path(__file__).parent / "answers"
CHAIN = "virtengine-lab-1"
BLOCK = "688B3A99F2FF42FCDD7D22514A52420069EEB5411ED4F413E68D8FCE6BEC7A1F"
COMMIT = rpc_signed.parse_commit((ANSWERS / "commit.json").read_bytes())
MEMBERS = rpc.parse_validators((ANSWERS / "validators.json").read_bytes())


def test_a_block_of_a_real_chain_is_proven() -> None:
    """Header hash, validator set's hash, addresses and all signatures fit."""
    proof = prove(COMMIT, MEMBERS, CHAIN)
    assert proof.block is not None
    assert proof.flaws == ()
    assert (proof.block.height, proof.block.block_id.hash) == (3, BLOCK)
    assert (proof.block.signed, proof.block.total, proof.block.verified) == (100, 100, 4)


def test_it_can_be_pinned() -> None:
    """By what its operator would write into the inventory."""
    assert COMMIT.header is not None
    assert is_pinned(PinnedBlock(height=3, hash=BLOCK), COMMIT.header, MEMBERS)


def test_one_nanosecond_more_is_another_block() -> None:
    """Times are kept to the last digit."""
    assert COMMIT.header is not None
    later = replace(COMMIT.header, time=COMMIT.header.time.replace("522Z", "523Z"))
    proof = prove(replace(COMMIT, header=later), MEMBERS, CHAIN)
    assert proof.block is None
    assert [flaw.field for flaw in proof.flaws] == ["header"]
