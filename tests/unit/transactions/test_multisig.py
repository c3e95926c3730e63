"""An account of several members: enough of the declared ones have signed exactly the planned."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec
import pytest

from remediations.systems.transactions.signed import Flaw, NotSigned, read_signed, refusal_of
from remediations.systems.transactions.steps import Send
from remediations.values.bech32 import decode
from remediations.values.multisig import Multisig, places
from remediations.values.protobuf import ProtobufError, write_bytes, write_number
from remediations.values.transaction import SignMode
from tests.unit.transactions.vectors import MULTISIG, Vector

TWO_OF_THREE = MULTISIG[0]
KEY = TWO_OF_THREE.unsigned.multisig


def changed(**fields: object) -> Vector:
    """The same signatures, and another plan."""
    return TWO_OF_THREE._replace(unsigned=msgspec.structs.replace(TWO_OF_THREE.unsigned, **fields))


@pytest.mark.parametrize("vector", MULTISIG, ids=lambda one: one.name)
def test_what_the_sdk_puts_together_is_taken_in_both_forms(vector: Vector) -> None:
    """Whoever of the members has signed, and all three, too; the bytes are the SDK's."""
    for text in (vector.json, vector.base64):
        signed = read_signed(text.encode())
        assert refusal_of(signed, vector.unsigned) is None
        assert base64.b64encode(signed.to_send(vector.unsigned)).decode() == vector.base64


def test_its_members_make_the_address() -> None:
    """In their order, and with the threshold."""
    assert KEY is not None
    address = decode(TWO_OF_THREE.unsigned.account)[1]
    assert KEY.address == address
    assert Multisig(2, KEY.members[::-1]).address != address
    assert Multisig(3, KEY.members).address != address


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"memo": "another"}, Flaw.CONTENT),
        ({"sequence": 8}, Flaw.SEQUENCE),
        ({"gas": 200_001}, Flaw.FEE),
        ({"chain_id": "two-1"}, Flaw.SIGNATURE),
        ({"account_number": 4}, Flaw.SIGNATURE),
        ({"public_key": "024f4e2ad99c34d60b9ba6283c9431a8418af8673212961f97a77b6377fcd05b62"},
         Flaw.KEY),
    ],
    ids=lambda one: str(one)[:30],
)  # fmt: skip
def test_each_mismatch_has_its_own_refusal(fields: dict[str, object], flaw: Flaw) -> None:
    """As where one key signs."""
    refusal = refusal_of(read_signed(TWO_OF_THREE.json.encode()), changed(**fields).unsigned)
    assert refusal is not None
    assert refusal.flaw is flaw


def _edited(vector: Vector, places_set: bytes, *keep: int) -> bytes:
    """A transaction with some of its signatures only, said to be of other members."""
    tree = json.loads(vector.json)
    raw = base64.b64decode(tree["signatures"][0])
    each = [raw[at + 2 : at + 66] for at in range(0, len(raw), 66)]
    kept = b"".join(write_bytes(1, each[one]) for one in keep)
    multi = tree["auth_info"]["signer_infos"][0]["mode_info"]["multi"]
    multi["bitarray"]["elems"] = base64.b64encode(places_set).decode()
    multi["mode_infos"] = multi["mode_infos"][:1] * len(keep)
    tree["signatures"] = [base64.b64encode(kept).decode()]
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("places_set", "keep", "got"),
    [
        (b"\x80", (0,), "1 signatures of members"),
        (b"\xc0", (0, 0), "do not fit"),
        (b"\xa0", (0, 1), "do not fit"),
        (b"\xc0", (1, 0), "do not fit"),
    ],
    ids=["too few", "one member twice", "of another member", "in another order"],
)
def test_too_few_distinct_members_are_refused(
    places_set: bytes, keep: tuple[int, ...], got: str
) -> None:
    """A signature counts for the member whose key it fits, and once."""
    signed = read_signed(_edited(TWO_OF_THREE, places_set, *keep))
    refusal = refusal_of(signed, TWO_OF_THREE.unsigned)
    assert refusal is not None
    assert refusal.flaw is Flaw.SIGNATURE
    assert got in refusal.got


@pytest.mark.parametrize(
    ("places_set", "keep"),
    [(b"\xe0", (0, 1)), (b"\x80", (0, 1)), (b"\x90", (0, 1)), (b"\xc0\x00", (0, 1)), (b"", ())],
    ids=["a place without", "a signature without", "beyond", "too long", "none"],
)
def test_what_contradicts_itself_is_no_transaction(
    places_set: bytes, keep: tuple[int, ...]
) -> None:
    """In words."""
    with pytest.raises(NotSigned):
        read_signed(_edited(TWO_OF_THREE, places_set, *keep))


def test_a_member_signs_in_one_way_only() -> None:
    """The chain takes nothing else for a multisig of this kind."""
    with pytest.raises(NotSigned):
        read_signed(TWO_OF_THREE.json.replace(SignMode.AMINO_JSON, SignMode.DIRECT).encode())


@pytest.mark.parametrize(
    "text",
    ["", "02" * 33, "0 of " + "02" * 33, "2 of " + "02" * 33, "1 of " + ",".join(["02" * 33] * 2)],
    ids=lambda one: one[:12],
)
def test_what_is_no_key_of_several(text: str) -> None:
    """One key, none, too few members for the threshold, one of them twice."""
    assert Multisig.parse(text) is None


def test_an_array_of_another_size_is_refused() -> None:
    """It would name other members."""
    assert places(write_number(1, 3) + write_bytes(2, b"\xa0"), 3) == (0, 2)
    with pytest.raises(ProtobufError):
        places(write_number(1, 4) + write_bytes(2, b"\xa0"), 3)


def test_a_step_tells_each_member_how_to_sign(tmp_path: Path) -> None:
    """And how the signatures are put together; the text that they sign must be the plan's."""
    from tools import unsigned_transactions as tool

    send = Send(
        name="council", unsigned=TWO_OF_THREE.unsigned, members=("ann", "bob", "eve"),
        keyring="ms",
    )  # fmt: skip
    assert Send.parse(send.payload) == send
    (step,) = tool.transactions(
        {"stages": [{"steps": [{"driver": "transaction", "payload": send.payload}]}]}
    )
    tool.signed_bytes(step)
    told = tool.told(step, tmp_path / "unsigned.json")
    signing = [line for line in told.split("\n") if " tx sign " in line]
    assert [line.split("--from ")[1].split()[0] for line in signing] == ["ann", "bob", "eve"]
    (together,) = [line for line in told.split("\n") if " tx multi-sign " in line]
    assert f"unsigned.json ms signature-{TWO_OF_THREE.unsigned.digest[:16]}-ann.json" in together
    for name, other in (("memo", "x"), ("gas", "1"), ("sequence", "9"), ("messages", [])):
        with pytest.raises(ValueError, match="differs from the plan"):
            tool.signed_bytes({**step, name: other})
