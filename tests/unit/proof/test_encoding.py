"""What is hashed and signed, held against the figures that CometBFT's own tests publish."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.comet.blocks import BlockId, Header, Vote
from remediations.systems.comet.proof.hashes import header_hash, merkle_root, vote_bytes
from remediations.systems.comet.proof.protobuf import (
    Malformed,
    message_field,
    number_field,
    one_time,
    read_fields,
    timestamp,
    varint,
)

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


@given(st.dictionaries(st.integers(1, 2000), st.integers(0, 2**64 - 1) | st.binary(max_size=40)))
def test_what_is_written_is_read(fields: dict[int, int | bytes]) -> None:
    """Numbers and bytes, under any number of a field."""
    written = b"".join(
        varint(field << 3) + varint(value)
        if isinstance(value, int)
        else message_field(field, value)
        for field, value in fields.items()
    )
    assert read_fields(written) == {field: [value] for field, value in fields.items()}


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """They come from a machine that may send anything."""
    with suppress(Malformed):
        read_fields(content)


@pytest.mark.parametrize(
    "content",
    [b"\x08", b"\x0a\x05ab", b"\x0b", b"\x00\x01", b"\x08" + b"\xff" * 10, b"\x09\x00\x00"],
)
def test_half_a_message_is_none(content: bytes) -> None:
    """A field without its end, of a form that is not used, or without a number."""
    with pytest.raises(Malformed):
        read_fields(content)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (253402300799, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (2**62, datetime.max.replace(tzinfo=UTC)),
        (-62135596800, datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_any_size(seconds: int, told: datetime) -> None:
    """For ever is the end of the calendar, never is its beginning."""
    fields = read_fields(message_field(4, number_field(1, seconds)))
    assert one_time(fields, 4) == told
