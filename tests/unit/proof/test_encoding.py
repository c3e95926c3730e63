"""What is hashed and signed, held against the figures that CometBFT's own tests publish."""

from __future__ import annotations

import hashlib

import pytest

from remediations.systems.comet.blocks import BlockId, Header, Vote
from remediations.systems.comet.proof.hashes import header_hash, merkle_root, vote_bytes
from remediations.systems.comet.proof.protobuf import Malformed, timestamp, varint

ZERO_TIME = "0001-01-01T00:00:00Z"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest().upper()


def of_cometbft() -> Header:
    """The header of CometBFT's `TestHeaderHash`."""
    return Header(
        version_block=1,
        version_app=2,
        chain_id="chainId",
        height=3,
        time="2019-10-13T16:14:44Z",
        last_block_id=BlockId(hash="00" * 32, parts_total=6, parts_hash="00" * 32),
        last_commit_hash=sha256("last_commit_hash"),
        data_hash=sha256("data_hash"),
        validators_hash=sha256("validators_hash"),
        next_validators_hash=sha256("next_validators_hash"),
        consensus_hash=sha256("consensus_hash"),
        app_hash=sha256("app_hash"),
        last_results_hash=sha256("last_results_hash"),
        evidence_hash=sha256("evidence_hash"),
        proposer_address=sha256("proposer_address")[:40],
    )


def vote(**changed: object) -> Vote:
    fields = {
        "type": 2,
        "height": 1,
        "round": 1,
        "block": None,
        "timestamp": ZERO_TIME,
        "signature": "",
    }
    return Vote(**{**fields, **changed})  # type: ignore[arg-type]


def test_the_hash_of_a_header_is_that_of_cometbft() -> None:
    """The figure of `TestHeaderHash`."""
    expected = "F740121F553B5418C3EFBD343C2DBFE9E007BB67B0D020A0741374BAB65242A4"
    assert header_hash(of_cometbft()) == expected


@pytest.mark.parametrize(
    ("shown", "chain_id", "expected"),
    [
        (
            vote(),
            "",
            "21 08 02 11 0100000000000000 19 0100000000000000 2a 0b 088092b8c398feffffff01",
        ),
        (
            vote(type=1),
            "",
            "21 08 01 11 0100000000000000 19 0100000000000000 2a 0b 088092b8c398feffffff01",
        ),
        (
            vote(type=0),
            "test_chain_id",
            "2e 11 0100000000000000 19 0100000000000000 2a 0b 088092b8c398feffffff01"
            "32 0d 746573745f636861696e5f6964",
        ),
        (vote(height=0, round=0, type=0), "", "0d 2a 0b 088092b8c398feffffff01"),
    ],
)
def test_the_bytes_of_a_vote_are_those_of_cometbft(
    shown: Vote, chain_id: str, expected: str
) -> None:
    """The figures of `TestVoteSignBytesTestVectors`; nil votes have no block id."""
    assert vote_bytes(shown, chain_id) == bytes.fromhex(expected)


@pytest.mark.parametrize("size", range(70))
def test_a_tree_is_divided_at_the_largest_power_of_two(size: int) -> None:
    """Level by level comes to what RFC 6962 defines by division."""
    leaves = [str(number).encode() for number in range(size)]

    def divided(part: list[bytes]) -> bytes:
        if len(part) == 1:
            return hashlib.sha256(b"\0" + part[0]).digest()
        half = 1 << (len(part) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + divided(part[:half]) + divided(part[half:])).digest()

    assert merkle_root(leaves) == (divided(leaves) if leaves else hashlib.sha256(b"").digest())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-25",
        "2026-13-25T00:00:00Z",
        "2026-11-25T00:00:61Z",
        "2026-11-25T00:00:00",
        "2026-11-25T00:00:00+01:00",
        "2026-11-25T00:00:00.1234567890Z",
        "2026-11-25T00:00:00Z\n",
        "٢026-11-25T00:00:00Z",
    ],
)
def test_a_time_of_another_form_is_refused(text: str) -> None:
    """Nothing is cut to fit: a hash over a guess would accuse an honest node."""
    with pytest.raises(Malformed):
        timestamp(text)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40])
def test_a_number_of_more_bits_is_refused(number: int) -> None:
    """Also one that came from a file."""
    with pytest.raises(Malformed):
        varint(number)
