"""Parses what the application of the chain stores about one validator: asked where its key has no
power.

The keys of the stores are those of the Cosmos SDK (x/slashing, x/staking, x/auth, `types/keys.go`);
relayers and light clients of other chains read them, too, so they do not change. Answers come from
a machine that may lie; the two that decide are proven against the app hash (`proof.store`).
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.systems.comet.proof.protobuf import (
    Fields,
    Malformed,
    base64_bytes,
    hex_bytes,
    one_bytes,
    one_number,
    one_text,
    one_time,
    read_fields,
)
from remediations.systems.comet.proof.store import app_hash_of
from remediations.systems.comet.rpc_envelope import RpcError, result_of
from remediations.systems.comet.staking import (
    Account,
    BondStatus,
    OperatorKey,
    Proven,
    SigningInfo,
    StakingValidator,
)
from remediations.values.bech32 import NotBech32, account_of
from remediations.values.lines import parse_pairs
from remediations.values.multisig import read_key
from remediations.values.protobuf import ProtobufError
from remediations.values.reading import Why

_ADDRESS = 20
_LONG_ADDRESS = 32
_MAX_DIGITS = 60


class _Absent(RpcError):
    """The chain told, and has none."""

    why: ClassVar[Why] = Why.ABSENT


class ProofOp(shapes.Shape):
    """One proof of an answer."""

    type: shapes.ShortText
    data: str


class ProofOps(shapes.Shape):
    """The proofs of an answer."""

    ops: Annotated[list[ProofOp], msgspec.Meta(max_length=4)] = msgspec.field(default_factory=list)


class StoreResponse(shapes.Shape):
    """`/abci_query`; fields that are zero or empty may be left out."""

    code: int = 0
    log: str = ""
    key: str | None = None
    value: str | None = None
    height: shapes.Int64 = 0
    proof: ProofOps | None = msgspec.field(default=None, name="proofOps")


class StoreAnswer(shapes.Shape):
    """`/abci_query`."""

    response: StoreResponse


# Made once, at import (systems.comet.rpc_envelope).
_ANSWER = msgspec.json.Decoder(StoreAnswer, strict=False)


def parse_signing_info(text: bytes, address: str) -> SigningInfo:
    """The signing info of a consensus address (upper-case hex).

    Raises:
        RpcError: the answer is malformed, or the chain has none.
    """
    try:
        key = b"\x01" + _prefixed(address)
        response, value = _stored(text, key, "this key was never bonded")
        fields = read_fields(value)
        return SigningInfo(
            jailed_until=one_time(fields, 4),
            tombstoned=bool(one_number(fields, 5)),
            missed=one_number(fields, 6),
            start_height=one_number(fields, 2),
            proof=_proven("slashing", key, value, response),
        )
    except Malformed as error:
        raise RpcError(f"the signing info is malformed: {error}") from error


def parse_validator(text: bytes, address: str) -> StakingValidator:
    """The validator whose consensus address is this one.

    Raises:
        RpcError: the answer is malformed, of another validator, or the chain has none.
    """
    try:
        response, value = _stored(text, None, "no validator has this key")
        fields = read_fields(value)
        public = read_fields(one_bytes(read_fields(one_bytes(fields, 2)), 2))
        of_key = hashlib.sha256(one_bytes(public, 1)).digest()[:_ADDRESS].hex().upper()
        if of_key != address:
            raise RpcError("the validator that was told has another key")
        operator, status = one_text(fields, 1), one_number(fields, 4)
        account_of(operator)
        if status not in list(BondStatus):
            raise RpcError("the validator has an unknown status")
        return StakingValidator(
            operator=operator,
            jailed=bool(one_number(fields, 3)),
            status=BondStatus(status),
            tokens=_whole(one_text(fields, 5)),
            shares=_whole(one_text(fields, 6)),
            min_self_delegation=_whole(one_text(fields, 11)),
            proof=_proven("staking", base64_bytes(response.key or ""), value, response),
        )
    except (Malformed, NotBech32) as error:
        raise RpcError(f"the validator is malformed: {error}") from error


def parse_own_shares(text: bytes) -> int:
    """The shares that the operator delegated to itself; 0 if it has none.

    Raises:
        RpcError: the answer is malformed.
    """
    try:
        _, value = _stored(text, None, "")
        return _whole(one_text(read_fields(value), 3)) if value else 0
    except Malformed as error:
        raise RpcError(f"the delegation is malformed: {error}") from error


def parse_account(text: bytes) -> Account:
    """Number, sequence and public key of an account: of a plain one, or of one that has such a one
    within (a vesting account).

    Raises:
        RpcError: the answer is malformed, or there is no account.
    """
    try:
        _, value = _stored(text, None, "the operator has no account")
        fields = _plain_account(read_fields(one_bytes(read_fields(value), 2)))
        return Account(
            number=one_number(fields, 3),
            sequence=one_number(fields, 4),
            public_key=_key_text(one_bytes(fields, 2)),
        )
    except Malformed as error:
        raise RpcError(f"the account is malformed: {error}") from error


def _key_text(boxed: bytes) -> str:
    """The text of an account's key; "" for none, and for one by which nobody signs a plan's."""
    try:
        return read_key(boxed) if boxed else ""
    except ProtobufError:
        return ""


def _plain_account(fields: Fields) -> Fields:
    """The account itself. In a plain one the first field is its address, in any other one a message
    that has, or is, a plain one."""
    for _ in range(3):
        first = one_bytes(fields, 1)
        if first.isalnum():
            return fields
        fields = read_fields(first)
    raise Malformed("its kind is not known")


def parse_operator_key(text: str) -> OperatorKey:
    """The section `operator_key`.

    Raises:
        TextError: it is malformed.
    """
    said = parse_pairs(text)
    return OperatorKey(
        in_test_keyring=said.get("keyring") == "yes", gas_price=said.get("gas_price", "")[:200]
    )


def _stored(text: bytes, key: bytes | None, absent: str) -> tuple[StoreResponse, bytes]:
    """What is stored under `key`; under any, with None. `absent` says what it means if nothing is;
    "" if that is fine."""
    response = result_of(text, _ANSWER).response
    if response.code:
        raise RpcError("the application does not answer this query")
    if key is not None and base64_bytes(response.key or "") != key:
        raise RpcError("the answer is one to another question")
    value = base64_bytes(response.value or "")
    if not value and absent:
        raise _Absent(f"the chain does not know it: {absent}")
    return response, value


def _proven(store: str, key: bytes, value: bytes, response: StoreResponse) -> Proven:
    try:
        ops = (
            [(op.type, base64_bytes(op.data)) for op in response.proof.ops]
            if response.proof
            else []
        )
        found = app_hash_of(store, key, value, ops)
    except Malformed as error:
        return Proven(height=response.height, app_hash="", flaw=str(error))
    return Proven(height=response.height, app_hash=found)


def _prefixed(address: str) -> bytes:
    content = hex_bytes(address)
    if len(content) not in (_ADDRESS, _LONG_ADDRESS):
        raise Malformed("an address has another length")
    return bytes((len(content),)) + content


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise Malformed("an amount is not a whole number")
    return int(text)
