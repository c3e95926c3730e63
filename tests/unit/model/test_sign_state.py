"""The sign state, checked against the bytes that were signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from remediations.systems.comet.sign_state import (
    SignedType,
    SignState,
    SignStateError,
    decode_sign_bytes,
    parse_sign_state,
)

BLOCK = bytes(range(32))


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number: int, wire_type: int, payload: bytes) -> bytes:
    return varint(number << 3 | wire_type) + payload


def signed(
    kind: int, height: int, round_: int, block: bytes | None, stamp: bytes | None = None
) -> bytes:
    """A CanonicalVote or CanonicalProposal, with its length before it (CometBFT 0.38)."""
    body = field(1, 0, varint(kind)) + field(2, 1, height.to_bytes(8, "little"))
    if round_:
        body += field(3, 1, round_.to_bytes(8, "little"))
    if kind == SignedType.PROPOSAL:
        body += field(4, 0, varint(2**64 - 1))
    if block is not None:
        parts = field(1, 0, varint(1)) + field(2, 2, varint(32) + BLOCK)
        block_id = field(1, 2, varint(32) + block) + field(2, 2, varint(len(parts)) + parts)
        place = 5 if kind == SignedType.PROPOSAL else 4
        body += field(place, 2, varint(len(block_id)) + block_id)
    if stamp is not None:
        place = 6 if kind == SignedType.PROPOSAL else 5
        body += field(place, 2, varint(len(stamp)) + stamp)
    chain_id = b"virtengine-lab-1"
    body += field(6 if kind != SignedType.PROPOSAL else 7, 2, varint(len(chain_id)) + chain_id)
    return varint(len(body)) + body


def state_file(height: object, round_: object, step: object, sign_bytes: bytes = b"") -> str:
    content = {"height": height, "round": round_, "step": step}
    if sign_bytes:
        content |= {"signature": "AAAA", "signbytes": sign_bytes.hex().upper()}
    return json.dumps(content)


@pytest.mark.parametrize(
    ("kind", "step"),
    [(SignedType.PROPOSAL, 1), (SignedType.PREVOTE, 2), (SignedType.PRECOMMIT, 3)],
    ids=["proposal", "pre", "com"],
)
def test_the_signed_block_is_read(kind: int, step: int) -> None:
    """From a proposal as from votes; height and round must be those of the file."""
    state = parse_sign_state(state_file("113", 2, step, signed(kind, 113, 2, BLOCK)))
    assert state == SignState(
        height=113, round=2, step=step, block=BLOCK.hex().upper(), chain_id="virtengine-lab-1"
    )
    assert state.hrs == (113, 2, step)


@pytest.mark.parametrize("kind", [SignedType.PROPOSAL, SignedType.PRECOMMIT])
def test_when_it_was_signed_is_read(kind: int) -> None:
    """The whole seconds of what was signed. A time that is none, or an odd one, decides nothing."""
    at = datetime(2026, 11, 25, 12, 0, 3, tzinfo=UTC)
    step = 1 if kind == SignedType.PROPOSAL else 3

    def when(stamp: bytes | None) -> datetime | None:
        text = state_file("113", 2, step, signed(kind, 113, 2, BLOCK, stamp))
        return parse_sign_state(text).signed_at

    seconds = field(1, 0, varint(int(at.timestamp())))
    assert when(seconds + field(2, 0, varint(5))) == at
    for odd in (None, b"", b"\x08", field(1, 0, varint(2**64 - 1)), field(2, 0, varint(5))):
        assert when(odd) is None


def test_a_nil_vote_has_no_block() -> None:
    """Round 0 is left out of the bytes, as protobuf does with zeros."""
    assert (
        parse_sign_state(state_file("113", 0, 2, signed(SignedType.PREVOTE, 113, 0, None))).block
        == ""
    )


def test_a_key_that_never_signed_is_at_zero() -> None:
    """The file of a new key."""
    assert parse_sign_state(state_file("0", 0, 0)).hrs == (0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "\0" * 40,
        "[" * 100_000,
        '{"height": "1", "round": 0}',
        state_file("-1", 0, 0),
        state_file("1", 0, 4),
        state_file(1.5, 0, 2),
        state_file(True, 0, 2),
        state_file("1_000", 0, 2),
        state_file("9" * 30, 0, 2),
        state_file("x", 0, 0),
        state_file(None, 0, 0),
        state_file("114", 2, 2, signed(SignedType.PREVOTE, 113, 2, BLOCK)),
        state_file("113", 1, 2, signed(SignedType.PREVOTE, 113, 2, BLOCK)),
        state_file("113", 2, 2, signed(SignedType.PREVOTE, 113, 2, BLOCK)[:-3]),
        state_file("113", 2, 2, b"\x05\x00"),
        '{"height": "1", "round": 0, "step": 2, "signbytes": "xyz"}',
        '{"height": "1", "round": 0, "step": 2, "signbytes": 7}',
    ],
)
def test_anything_else_is_not_a_sign_state(text: str) -> None:
    """Half a file, zeros, other types, or bytes that were signed for another height."""
    with pytest.raises(SignStateError):
        parse_sign_state(text)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 12, b"\x02\x0f\x00", b"\x01\x0a"])
def test_bytes_that_end_early_are_refused(data: bytes) -> None:
    """One kind of error, whatever they are."""
    with pytest.raises(SignStateError):
        decode_sign_bytes(data)
