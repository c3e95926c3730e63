"""What a signer hands in is taken only if it is the planned transaction."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from remediations.systems.transactions.signed import (
    MOST_BYTES,
    Flaw,
    NotSigned,
    read_signed,
    refusal_of,
)
from remediations.values.protobuf import write_bytes
from remediations.values.transaction import SignMode, TransactionError, Unsigned, any_bytes
from tests.unit.transactions.vectors import REVOKES, VECTORS, Vector

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one.name)
def test_what_the_sdk_signs_is_taken_in_both_forms(vector: Vector) -> None:
    """And what is sent is, byte for byte, what the SDK would have sent."""
    for text in (vector.json, vector.base64):
        signed = read_signed(text.encode())
        assert refusal_of(signed, vector.unsigned) is None
        sent = vector.unsigned.signed(signed.mode, signed.signature)
        assert base64.b64encode(sent).decode() == vector.base64


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({"memo": "another"}, Flaw.CONTENT),
        ({"timeout_height": 501}, Flaw.CONTENT),
        ({"messages": VECTORS[2].unsigned.messages}, Flaw.CONTENT),
        ({"public_key": "02" + "ab" * 32}, Flaw.KEY),
        ({"sequence": 8}, Flaw.SEQUENCE),
        ({"fee": "5001uve"}, Flaw.FEE),
        ({"gas": 200_001}, Flaw.FEE),
        ({"chain_id": "two-1"}, Flaw.SIGNATURE),
        ({"account_number": 4}, Flaw.SIGNATURE),
    ],
    ids=lambda one: str(one)[:40],
)
def test_each_mismatch_has_its_own_refusal(changed: dict[str, object], flaw: Flaw) -> None:
    """Signed as the vector says, and planned otherwise in one thing."""
    planned = msgspec.structs.replace(REVOKES.unsigned, **changed)
    for text in (REVOKES.json, REVOKES.base64):
        refusal = refusal_of(read_signed(text.encode()), planned)
        assert refusal is not None
        assert refusal.flaw is flaw
        assert refusal.got
        assert refusal.expected


def test_the_other_value_of_s_is_refused() -> None:
    """The chain would not take it either."""
    tree = json.loads(REVOKES.json)
    raw = base64.b64decode(tree["signatures"][0])
    high = (ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    tree["signatures"] = [base64.b64encode(raw[:32] + high).decode()]
    refusal = refusal_of(read_signed(json.dumps(tree).encode()), REVOKES.unsigned)
    assert refusal is not None
    assert refusal.flaw is Flaw.SIGNATURE


def _changed(path: str, value: object) -> bytes:
    tree = json.loads(REVOKES.json)
    at = tree
    *before, last = path.split(".")
    for name in before:
        at = at[int(name)] if isinstance(at, list) else at[name]
    at[last] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"{" * 5000,
        b"not base64 !",
        b"AAAA",
        b"x" * (MOST_BYTES + 1),
        json.dumps({**json.loads(REVOKES.json), "signatures": []}).encode(),
        _changed("body.unordered", True),
        _changed("body.extension_options", [{"@type": "/x"}]),
        _changed("body.messages", [{"@type": "/cosmos.bank.v1beta1.MsgSend"}]),
        _changed("body.timeout_height", "many"),
        _changed("auth_info.tip", {"tipper": "x"}),
        _changed("auth_info.signer_infos", []),
        _changed("auth_info.signer_infos.0.mode_info", {"multi": {}}),
        base64.b64encode(base64.b64decode(REVOKES.base64) + write_bytes(9, b"more")),
    ],
    ids=lambda one: one[:30].decode(),
)
def test_what_is_no_transaction_with_one_signature_is_refused(content: bytes) -> None:
    """In words, and never with another error."""
    with pytest.raises(NotSigned):
        read_signed(content)


def test_a_payer_is_another_fee() -> None:
    """Somebody else's money is not in the plan."""
    changed = _changed("auth_info.fee", {"amount": [], "gas_limit": "200000", "payer": "ve1x"})
    refusal = refusal_of(read_signed(changed), REVOKES.unsigned)
    assert refusal is not None
    assert refusal.flaw is Flaw.FEE


def test_no_bytes_of_an_unknown_message_or_field() -> None:
    """A field that is not known would be left out of what is signed."""
    with pytest.raises(TransactionError):
        any_bytes({"@type": "/cosmos.bank.v1beta1.MsgSend"})
    with pytest.raises(TransactionError, match="no field memo"):
        any_bytes({"@type": REVOKES.unsigned.trees[0]["@type"], "memo": "x"})


def test_the_digest_is_of_everything() -> None:
    """No two transactions have one name."""
    planned = REVOKES.unsigned
    changes = {"chain_id": "x", "account_number": 9, "sequence": 9, "memo": "x", "fee": "1uve"}
    others = [msgspec.structs.replace(planned, **{key: value}) for key, value in changes.items()]
    digests = {planned.digest, *(one.digest for one in others)}
    assert len(digests) == len(changes) + 1
    assert isinstance(planned, Unsigned)
    assert planned.sign_bytes(SignMode.AMINO_JSON).startswith(b'{"account_number":"3"')
