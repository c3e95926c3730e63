"""The chain's envelope: read strictly, written as the chain writes it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.stores.envelope import Envelope, Flaw, Unparsed, canonical, parse
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.sealing import seal
from remediations.values.secret import Secret
from tests.unit.stores.keys import FIRST, ONE, SECOND, SEVERAL


def parsed(data: bytes) -> Envelope:
    found = parse(data)
    assert isinstance(found, Envelope), found
    return found


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    tree = json.loads(data)
    change(tree)
    return json.dumps(tree).encode()


def in_base64(length: int) -> str:
    return base64.b64encode(bytes(length)).decode()


@pytest.mark.parametrize("data", [ONE, SEVERAL], ids=["one", "several"])
def test_what_the_chain_wrote_is_written_again_byte_for_byte(data: bytes) -> None:
    """Go's escapes included."""
    assert canonical(parsed(data)) == data
    assert parsed(data).is_bound


def test_it_tells_recipients_and_sender() -> None:
    """By fingerprint, without the version of a key."""
    assert parsed(ONE).recipients == (FIRST.fingerprint,)
    assert parsed(SEVERAL).recipients == (FIRST.fingerprint, SECOND.fingerprint)
    versioned = changed(ONE, lambda one: one.update(recipient_key_ids=[f"{FIRST.fingerprint}:v2"]))
    assert parsed(versioned).recipients == (FIRST.fingerprint,)
    assert parsed(ONE).sender not in parsed(ONE).recipients


def test_null_stands_for_what_is_empty() -> None:
    """Other encoders of the chain's types write all fields."""
    nothing = {"encrypted_keys": None, "wrapped_keys": None, "metadata": None}
    assert parsed(changed(ONE, lambda one: one.update(nothing))).metadata == {}


def bad_keys(tree: dict[str, Any]) -> None:
    tree["wrapped_keys"][0]["wrapped_key"] = in_base64(72)


WRONG: dict[str, tuple[Flaw, bytes]] = {
    "version 0": (Flaw.VERSION, changed(ONE, lambda one: one.update(version=0))),
    "version 2": (Flaw.VERSION, changed(ONE, lambda one: one.update(version=2))),
    "a huge version": (Flaw.FORM, ONE.replace(b'"version":1', b'"version":' + b"9" * 5000)),
    "a version as text": (Flaw.FORM, changed(ONE, lambda one: one.update(version="1"))),
    "another algorithm": (
        Flaw.ALGORITHM,
        changed(ONE, lambda one: one.update(algorithm_id="AGE-X25519")),
    ),
    "its algorithm in small letters": (
        Flaw.ALGORITHM,
        changed(ONE, lambda one: one.update(algorithm_id="X25519-XSalsa20-Poly1305")),
    ),
    "another algorithm version": (
        Flaw.ALGORITHM,
        changed(ONE, lambda one: one.update(algorithm_version=2)),
    ),
    "a short nonce": (Flaw.LENGTH, changed(ONE, lambda one: one.update(nonce=in_base64(23)))),
    "a long nonce": (Flaw.LENGTH, changed(ONE, lambda one: one.update(nonce=in_base64(25)))),
    "a short sender's key": (
        Flaw.LENGTH,
        changed(ONE, lambda one: one.update(sender_pub_key=in_base64(31))),
    ),
    "no tag": (Flaw.LENGTH, changed(ONE, lambda one: one.update(ciphertext=in_base64(15)))),
    "no signature": (Flaw.LENGTH, changed(ONE, lambda one: one.update(sender_signature=""))),
    "metadata without end": (
        Flaw.LENGTH,
        changed(ONE, lambda one: one.update(metadata={str(n): "" for n in range(65)})),
    ),
    "nobody": (Flaw.RECIPIENTS, changed(ONE, lambda one: one.update(recipient_key_ids=[]))),
    "everybody": (
        Flaw.RECIPIENTS,
        changed(ONE, lambda one: one.update(recipient_key_ids=[f"{n:040x}" for n in range(1025)])),
    ),
    "no fingerprint": (
        Flaw.RECIPIENTS,
        changed(ONE, lambda one: one.update(recipient_key_ids=["alice"])),
    ),
    "one recipient twice": (
        Flaw.RECIPIENTS,
        changed(
            SEVERAL,
            lambda one: one.update(
                recipient_key_ids=[FIRST.fingerprint, f"{FIRST.fingerprint}:v2"]
            ),
        ),
    ),
    "a box for two": (Flaw.CONTRADICTION, changed(SEVERAL, lambda one: one.pop("metadata"))),
    "another's public key": (
        Flaw.CONTRADICTION,
        changed(ONE, lambda one: one.update(recipient_public_keys=[in_base64(32)])),
    ),
    "two data keys for one": (Flaw.CONTRADICTION, changed(SEVERAL, bad_keys)),
    "a data key for nobody": (
        Flaw.RECIPIENTS,
        changed(SEVERAL, lambda one: one["wrapped_keys"][0].update(recipient_id="0" * 40)),
    ),
    "no data key": (
        Flaw.CONTRADICTION,
        changed(SEVERAL, lambda one: (one.pop("wrapped_keys"), one.pop("encrypted_keys"))),
    ),
    "too few data keys": (
        Flaw.RECIPIENTS,
        changed(SEVERAL, lambda one: one["encrypted_keys"].pop()),
    ),
    "a short data key": (
        Flaw.LENGTH,
        changed(
            SEVERAL,
            lambda one: (
                one.pop("encrypted_keys"),
                one["wrapped_keys"][0].update(wrapped_key=in_base64(71)),
            ),
        ),
    ),
    "a field more": (Flaw.FORM, changed(ONE, lambda one: one.update(owner="x"))),
    "a field less": (Flaw.FORM, changed(ONE, lambda one: one.pop("nonce"))),
    "a field twice": (Flaw.TWICE, ONE.replace(b'"nonce":', b'"nonce":"","nonce":')),
    "a field twice, once escaped": (
        Flaw.TWICE,
        ONE.replace(b'"nonce":', b'"\\u006eonce":"","nonce":'),
    ),
    "metadata twice": (Flaw.TWICE, ONE.replace(b'"a":"b"', b'"a":"b","a":"b"')),
    "no base64": (Flaw.FORM, changed(ONE, lambda one: one.update(nonce="?"))),
    "cut off": (Flaw.FORM, ONE[:-1]),
    "something after it": (Flaw.FORM, ONE + b"{}"),
    "within other JSON": (Flaw.FORM, b'{"data":' + ONE + b"}"),
    "as a text": (Flaw.FORM, json.dumps(ONE.decode()).encode()),
    "in base64": (Flaw.FORM, base64.b64encode(b"x" + ONE)),
    "in hex": (Flaw.FORM, ONE.hex().upper().encode()),
    "in capital letters": (Flaw.FORM, ONE.replace(b"recipient_key_ids", b"Recipient_Key_IDs")),
    "with a name that is escaped": (
        Flaw.FORM,
        ONE[:-1].replace(b"recipient_key_ids", b"recipient\\u005fkey_ids"),
    ),
    "recursive": (Flaw.FORM, b'{"recipient_key_ids":' * 100_000),
    "a deep list": (Flaw.FORM, b'{"recipient_key_ids":' + b"[" * 1_000_000),
    "not UTF-8": (Flaw.FORM, ONE.replace(b'"b"', b'"\xff"')),
    "a lone surrogate": (Flaw.FORM, ONE.replace(b'"b"', b'"\\ud800"')),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_poisoned_envelope_is_damaged(case: str) -> None:
    """With the kind of flaw, and a reason that does not quote it."""
    flaw, data = WRONG[case]
    found = parse(data)
    assert isinstance(found, Unparsed)
    assert (found.outcome, found.flaw) == (Outcome.DAMAGED, flaw)
    assert 0 < len(found.reason) < 200


def test_a_huge_one_is_damaged_and_not_read() -> None:
    """Before anything else is looked at."""
    found = parse(ONE + b" " * 1000, limit=len(ONE))
    assert isinstance(found, Unparsed)
    assert found.flaw is Flaw.TOO_LARGE


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\x00" * 5000, b'{"nonce":"x"}', b"[" * 99])
def test_what_has_no_trace_of_one_is_foreign(data: bytes) -> None:
    """Another's object is not damaged."""
    found = parse(data)
    assert isinstance(found, Unparsed)
    assert (found.outcome, found.flaw) == (Outcome.SKIPPED_FOREIGN, None)


@given(data=st.binary(max_size=300))
def test_no_bytes_raise(data: bytes) -> None:
    """Any bytes, alone and within an envelope."""
    assert isinstance(parse(data), Unparsed)
    half = len(ONE) // 2
    assert isinstance(parse(ONE[:half] + data + ONE[half:]), Unparsed | Envelope)


@given(at=st.integers(0, len(SEVERAL) - 1), byte=st.integers(0, 255))
def test_a_changed_byte_never_raises_and_never_makes_it_foreign(at: int, byte: int) -> None:
    """A flipped bit hides no envelope."""
    found = parse(SEVERAL[:at] + bytes([byte]) + SEVERAL[at + 1 :])
    assert isinstance(found, Envelope) or found.outcome is Outcome.DAMAGED


@given(
    content=st.binary(max_size=200),
    metadata=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=5),
)
def test_what_is_written_is_read_back(content: bytes, metadata: dict[str, str]) -> None:
    """Any content, any metadata."""
    envelope = seal(Secret(content, "content"), FIRST.public, metadata)
    data = canonical(envelope)
    assert parse(data) == envelope
    assert canonical(parsed(data)) == data


@pytest.mark.parametrize("run", [b"\\", b"\\u0072", b'{"', b"r", b"[", b'"', b"A"])
def test_a_large_object_takes_no_longer_than_in_proportion(run: bytes) -> None:
    """Whoever wrote it may want that it does."""
    began = time.process_time()
    assert isinstance(parse(run * (4_000_000 // len(run))), Unparsed)
    assert time.process_time() - began < 10
