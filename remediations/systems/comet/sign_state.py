"""`priv_validator_state.json`: it alone keeps a key from signing twice.

Never lowered, never deleted, never copied from elsewhere
(docs/rules/hazards.md#lowered-sign-state).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from remediations.values.lines import TextError
from remediations.values.record import Moment, Record

_HASH_PREFIX = b"\x0a\x20"
MAX_DIGITS = 19
MAX_CHAIN_ID = 64
"""Longer than CometBFT allows (`types.MaxChainIDLen`)."""


class SignedType(IntEnum):
    """What kind of message was signed, as its bytes say (`types.SignedMsgType`)."""

    PREVOTE = 1
    PRECOMMIT = 2
    PROPOSAL = 32


class SignStep(IntEnum):
    """The steps that a sign state counts (`privval.stepPropose` and so on); 0 where there was
    none."""

    PROPOSAL = 1
    PREVOTE = 2
    PRECOMMIT = 3


class SignStateError(TextError):
    """The bytes are not a sign state. The message says why, and never repeats them."""


class SignState(Record, frozen=True, kw_only=True):
    """The last thing this key signed. `step` is a `SignStep`, 0 for none.

    `block` is the hash that the last vote was for: "" for nil, or if nothing was signed.
    `signed_at` is the time in what was signed, by the signer's clock; None if that has none.
    `chain_id` is the chain that it was signed for; unset where the file has no signed bytes, and in
    observations of before it was read.
    """

    height: int
    round: int
    step: int
    block: str
    signed_at: Moment | None = None
    chain_id: str | UnsetType = UNSET

    @property
    def hrs(self) -> tuple[int, int, int]:
        """Height, round, step: what must never decrease."""
        return (self.height, self.round, self.step)


class SignedVote(NamedTuple):
    """What the bytes of a CanonicalVote or CanonicalProposal say."""

    kind: int
    height: int
    round: int
    block: str
    at: datetime | None
    chain_id: str


def parse_sign_state(text: str) -> SignState:
    """The text of the file as a value, checked against the bytes that were signed.

    Raises:
        SignStateError: it is not JSON, a field is missing or not a whole number, or height or round
            differ between the file and the signed bytes.
    """
    try:
        raw = json.loads(text)
        height, round_, step = (_whole(raw, name) for name in ("height", "round", "step"))
        sign_bytes = bytes.fromhex(raw.get("signbytes") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SignStateError(f"no sign state: {error}") from error
    if step > SignStep.PRECOMMIT:
        raise SignStateError("impossible step: above 3")
    if not sign_bytes:
        return SignState(height=height, round=round_, step=step, block="")
    vote = decode_sign_bytes(sign_bytes)
    if (vote.height, vote.round) != (height, round_):
        raise SignStateError(
            f"the file says {height}/{round_}, the signed bytes say {vote.height}/{vote.round}"
        )
    return SignState(
        height=height,
        round=round_,
        step=step,
        block=vote.block,
        signed_at=vote.at,
        chain_id=vote.chain_id,
    )


def _whole(raw: Mapping[str, object], name: str) -> int:
    """A number as CometBFT writes it, plain or as decimal digits, of 63 bits.

    Python's own int() would also take True, 1.5 and "1_000".
    """
    value = raw[name]
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"{name} is not a whole number from 0 to 2^63")
    return value


def decode_sign_bytes(data: bytes) -> SignedVote:
    """The length-prefixed protobuf of a CanonicalVote or CanonicalProposal.

    Raises:
        SignStateError: the bytes end early, or are not such a message.
    """
    try:
        return _decode(data)
    except IndexError as error:
        raise SignStateError("the signed bytes end early") from error


def _decode(data: bytes) -> SignedVote:
    length, at = _varint(data, 0)
    if at + length != len(data):
        raise SignStateError(f"{len(data) - at} signed bytes, {length} announced")
    numbers: dict[int, int] = {}
    blobs: dict[int, bytes] = {}
    while at < len(data):
        key, at = _varint(data, at)
        field, wire_type = key >> 3, key & 7
        if wire_type == 0:
            numbers[field], at = _varint(data, at)
        elif wire_type == 1:
            numbers[field] = int.from_bytes(data[at : at + 8], "little", signed=True)
            at += 8
        elif wire_type == 2:
            size, at = _varint(data, at)
            blobs[field] = data[at : at + size]
            at += size
        else:
            raise SignStateError(f"unknown wire type {wire_type} in the signed bytes")
    kind = numbers.get(1, 0)
    block_id = blobs.get(5 if kind == SignedType.PROPOSAL else 4, b"")
    block = block_id[2:34].hex().upper() if block_id.startswith(_HASH_PREFIX) else ""
    stamp = blobs.get(6 if kind == SignedType.PROPOSAL else 5, b"")
    chain = blobs.get(7 if kind == SignedType.PROPOSAL else 6, b"")[:MAX_CHAIN_ID]
    return SignedVote(
        kind,
        numbers.get(2, 0),
        numbers.get(3, 0),
        block,
        _seconds(stamp),
        chain.decode("ascii", "replace"),
    )


def _seconds(stamp: bytes) -> datetime | None:
    """The whole seconds of a google.protobuf.Timestamp; None if it has none, or odd ones: a time
    is for people only, and decides nothing."""
    if stamp[:1] != b"\x08":
        return None
    try:
        return datetime.fromtimestamp(_varint(stamp, 1)[0], UTC)
    except (IndexError, OverflowError, ValueError, OSError, SignStateError):
        return None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise SignStateError("a number in the signed bytes is too long")
