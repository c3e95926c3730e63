"""A signed transaction that somebody hands in, and whether it is the planned one. Pure.

Taken are the two forms that the chain's own program writes: JSON (`tx sign`) and the bytes in
base64 (`tx encode`). From either the same parts are read, and compared with what was planned, one
after the other, so that each mismatch has its own words. What is sent is never what was handed in,
but what is made from the plan with the signature that was found to fit.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from remediations.values.protobuf import (
    ProtobufError,
    read_all,
    read_fields,
    read_number,
    read_one,
    read_text,
)
from remediations.values.transaction import (
    FEE,
    SECP256K1,
    SignMode,
    TransactionError,
    Unsigned,
    body_bytes,
)

MOST_BYTES = 65536
_NUMBER = re.compile("[0-9]{1,18}")
_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""Of secp256k1. The chain takes the lower of the two values of `s` only."""


class Flaw(StrEnum):
    """Why a signed transaction is not taken."""

    MALFORMED = "malformed"
    CONTENT = "content"
    KEY = "key"
    SEQUENCE = "sequence"
    FEE = "fee"
    SIGNATURE = "signature"


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The parts of one. `public_key` is hex; `fee` are the bytes of the fee."""

    body: bytes
    public_key: str
    mode: SignMode
    sequence: int
    fee: bytes
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why one is not taken: what it has, and what the plan says."""

    flaw: Flaw
    got: str
    expected: str


class NotSigned(ValueError):
    """It is no signed transaction. The message says what is expected."""


def read_signed(content: bytes) -> Signed:
    """The parts of what was handed in.

    Raises:
        NotSigned: it is no transaction with one signature, in JSON or base64.
    """
    if len(content) > MOST_BYTES:
        raise NotSigned(f"more than {MOST_BYTES} bytes")
    text = content.decode("utf-8", "replace").strip()
    try:
        return _of_json(text) if text.startswith("{") else _of_base64(text)
    except (ProtobufError, TransactionError) as error:
        raise NotSigned(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        told = str(error) if isinstance(error, NotSigned) else type(error).__name__
        raise NotSigned(f"not a transaction that `tx sign` or `tx encode` wrote ({told})") from None


def refusal_of(signed: Signed, planned: Unsigned) -> Refusal | None:
    """Why it is not the planned transaction, signed by the planned key for this chain; None if it
    is."""
    if signed.body != planned.body:
        return Refusal(
            flaw=Flaw.CONTENT,
            got="other messages, memo or timeout height",
            expected=f"the planned ones: {planned.messages}, memo {planned.memo!r}",
        )
    if signed.public_key != planned.public_key:
        return Refusal(
            flaw=Flaw.KEY,
            got=f"signed by the key {signed.public_key}",
            expected=f"the key of {planned.account}: {planned.public_key}",
        )
    if signed.sequence != planned.sequence:
        return Refusal(
            flaw=Flaw.SEQUENCE,
            got=f"signed for sequence {signed.sequence}",
            expected=f"sequence {planned.sequence}",
        )
    if signed.fee != read_one(planned.auth_info(signed.mode), 2):
        return Refusal(
            flaw=Flaw.FEE,
            got="another fee, gas, payer or granter",
            expected=f"fee {planned.fee or 'none'}, gas {planned.gas}, no payer, no granter",
        )
    if not is_signature(signed.signature, planned.sign_bytes(signed.mode), planned.public_key):
        return Refusal(
            flaw=Flaw.SIGNATURE,
            got="the signature does not fit: it is for another chain or account number, or damaged",
            expected=f"--chain-id {planned.chain_id} --account-number {planned.account_number}",
        )
    return None


def is_signature(signature: bytes, message: bytes, public_key: str) -> bool:
    """Whether the chain would take it: 64 bytes, the lower `s`, by this key over this message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if len(signature) != 64:
        return False
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    if not 0 < s <= _ORDER // 2:
        return False
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256K1(), bytes.fromhex(public_key)
        )
        key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _of_base64(text: str) -> Signed:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotSigned("neither JSON nor base64") from None
    _only(raw, {1, 2, 3}, "the transaction")
    signatures = read_all(raw, 3)
    auth_info = read_one(raw, 2)
    _only(auth_info, {1, 2}, "auth_info")
    signers = read_all(auth_info, 1)
    if len(signatures) != 1 or len(signers) != 1:
        raise NotSigned(f"{len(signatures)} signatures of {len(signers)} signers, expected one")
    _only(signers[0], {1, 2, 3}, "the signer")
    key = read_one(signers[0], 1)
    if read_text(key, 1) != SECP256K1:
        raise NotSigned("a key that is not one of secp256k1 (a multisig is not taken yet)")
    mode = read_number(read_one(read_one(signers[0], 2), 1), 1)
    return Signed(
        body=read_one(raw, 1),
        public_key=read_one(read_one(key, 2), 1).hex(),
        mode=_mode({one.number: one.value for one in SignMode}.get(mode)),
        sequence=read_number(signers[0], 3),
        fee=read_one(auth_info, 2),
        signature=signatures[0],
    )


def _of_json(text: str) -> Signed:
    tree: dict[str, Any] = json.loads(text)
    body, auth_info = tree["body"], tree["auth_info"]
    for name in (
        "unordered",
        "timeout_timestamp",
        "extension_options",
        "non_critical_extension_options",
    ):
        if body.get(name):
            raise NotSigned(f"{name} is set")
    if auth_info.get("tip"):
        raise NotSigned("a tip is set")
    (signer,), (signature,) = auth_info["signer_infos"], tree["signatures"]
    if signer["public_key"]["@type"] != SECP256K1:
        raise NotSigned("a key that is not one of secp256k1 (a multisig is not taken yet)")
    return Signed(
        body=body_bytes(body["messages"], body["memo"], _number(body["timeout_height"])),
        public_key=base64.b64decode(signer["public_key"]["key"], validate=True).hex(),
        mode=_mode(signer["mode_info"]["single"]["mode"]),
        sequence=_number(signer["sequence"]),
        fee=_fee(auth_info["fee"]),
        signature=base64.b64decode(signature, validate=True),
    )


def _fee(tree: dict[str, Any]) -> bytes:
    """The bytes of a fee; such as none has that is planned where there is a payer or granter."""
    coins = tree["amount"]
    fee = "".join(f"{one['amount']}{one['denom']}" for one in coins)
    if len(coins) > 1 or not FEE.fullmatch(fee) or tree.get("payer") or tree.get("granter"):
        return b"\xff"
    like = Unsigned(
        chain_id="", account="", account_number=0, sequence=0, public_key="", messages="[]",
        fee=fee, gas=_number(tree["gas_limit"]), memo="", timeout_height=0,
    )  # fmt: skip
    return read_one(like.auth_info(SignMode.DIRECT), 2)


def _mode(name: str | None) -> SignMode:
    try:
        return SignMode(name or "")
    except ValueError:
        expected = " or ".join(SignMode)
        raise NotSigned(f"a way of signing that is not {expected}") from None


def _number(text: object) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise NotSigned("a number that is none")
    return int(text)


def _only(content: bytes, known: set[int], what: str) -> None:
    if {field.number for field in read_fields(content)} - known:
        raise NotSigned(f"{what} has a field that is not known")
