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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from remediations.values.multisig import MULTISIG, SECP256K1, Multisig, places, read_key
from remediations.values.protobuf import (
    ProtobufError,
    read_all,
    read_fields,
    read_number,
    read_one,
    write_bytes,
    write_number,
)
from remediations.values.transaction import (
    FEE,
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
    """The parts of one. `public_key` is hex, or the text of a `Multisig`; `fee` are the bytes of
    the fee. `members` are the signatures of a multisig by the places of who signed."""

    body: bytes
    public_key: str
    mode: SignMode
    sequence: int
    fee: bytes
    signature: bytes
    members: Mapping[int, bytes] = field(default_factory=dict)

    def to_send(self, planned: Unsigned) -> bytes:
        """The bytes that are sent: made from the plan, with the signatures that fit."""
        if planned.multisig is None:
            return planned.signed(self.mode, self.signature)
        return planned.signed_by(self.members)


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
        NotSigned: it is no transaction of one signer, in JSON or base64.
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
    if planned.multisig is not None:
        return _refusal_of_members(signed, planned, planned.multisig)
    if not is_signature(signed.signature, planned.sign_bytes(signed.mode), planned.public_key):
        return Refusal(
            flaw=Flaw.SIGNATURE,
            got="the signature does not fit: it is for another chain or account number, or damaged",
            expected=f"--chain-id {planned.chain_id} --account-number {planned.account_number}",
        )
    return None


def _refusal_of_members(signed: Signed, planned: Unsigned, key: Multisig) -> Refusal | None:
    """Why not enough of the members have signed exactly this; None if they have."""
    message = planned.sign_bytes(SignMode.AMINO_JSON)
    bad = [
        key.members[place]
        for place, signature in signed.members.items()
        if not is_signature(signature, message, key.members[place])
    ]
    if not bad and len(signed.members) >= key.threshold:
        return None
    wrong = f"; those of {', '.join(bad)} do not fit" if bad else ""
    return Refusal(
        flaw=Flaw.SIGNATURE,
        got=f"{len(signed.members)} signatures of members{wrong}",
        expected=f"{key.threshold} at least, each for --chain-id {planned.chain_id} "
        f"--account-number {planned.account_number} --sequence {planned.sequence}",
    )


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
    key = read_key(read_one(signers[0], 1))
    body, fee = read_one(raw, 1), read_one(auth_info, 2)
    how, sequence = read_one(signers[0], 2), read_number(signers[0], 3)
    several = Multisig.parse(key)
    if several is not None:
        multi = read_one(how, 2)
        modes = [read_number(read_one(one, 1), 1) for one in read_all(multi, 2)]
        array = places(read_one(multi, 1), len(several.members))
        return _of_members(key, array, modes, signatures[0], body, sequence, fee)
    return Signed(
        body=body,
        public_key=key,
        mode=_mode(_MODES.get(read_number(read_one(how, 1), 1))),
        sequence=sequence,
        fee=fee,
        signature=signatures[0],
    )


_MODES = {one.number: one.value for one in SignMode}


def _of_members(
    key: str,
    array: Sequence[int],
    modes: Sequence[int],
    signature: bytes,
    body: bytes,
    sequence: int,
    fee: bytes,
) -> Signed:
    """The parts of one that members have signed.

    Raises:
        NotSigned: not every member that is said to have signed has a signature, of the one way.
    """
    signatures = read_all(signature, 1)
    if not len(array) == len(modes) == len(signatures):
        raise NotSigned(f"{len(signatures)} signatures of {len(array)} members")
    if any(mode != SignMode.AMINO_JSON.number for mode in modes):
        raise NotSigned(f"a member that has not signed in {SignMode.AMINO_JSON}")
    return Signed(
        body=body,
        public_key=key,
        mode=SignMode.AMINO_JSON,
        sequence=sequence,
        fee=fee,
        signature=signature,
        members=dict(zip(array, signatures, strict=True)),
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
    body_of = body_bytes(body["messages"], body["memo"], _number(body["timeout_height"]))
    sequence, fee = _number(signer["sequence"]), _fee(auth_info["fee"])
    raw, how = base64.b64decode(signature, validate=True), signer["mode_info"]
    key = _key(signer["public_key"])
    several = Multisig.parse(key)
    if several is not None:
        multi = how["multi"]
        modes = [_mode(one["single"]["mode"]).number for one in multi["mode_infos"]]
        array = places(_bits(multi["bitarray"]), len(several.members))
        return _of_members(key, array, modes, raw, body_of, sequence, fee)
    return Signed(
        body=body_of,
        public_key=key,
        mode=_mode(how["single"]["mode"]),
        sequence=sequence,
        fee=fee,
        signature=raw,
    )


def _key(tree: dict[str, Any]) -> str:
    """The text of a key in JSON.

    Raises:
        NotSigned: it is neither one of secp256k1 nor several of them.
    """
    if tree["@type"] == SECP256K1:
        return base64.b64decode(tree["key"], validate=True).hex()
    if tree["@type"] != MULTISIG:
        raise NotSigned("a key that is neither one of secp256k1 nor several of them")
    members = [_key(one) for one in tree["public_keys"] if one["@type"] == SECP256K1]
    key = Multisig(int(tree["threshold"]), tuple(members))
    if len(members) != len(tree["public_keys"]) or Multisig.parse(key.text) is None:
        raise NotSigned(f"no key of several: {key.flaw or 'its members are odd'}")
    return key.text


def _bits(tree: dict[str, Any]) -> bytes:
    """A compact array of bits in JSON, as bytes."""
    elements = base64.b64decode(tree["elems"], validate=True)
    return write_number(1, int(tree["extra_bits_stored"])) + write_bytes(2, elements)


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
