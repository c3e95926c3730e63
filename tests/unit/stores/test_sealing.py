"""What opens envelopes, what does not, and what is sealed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.systems.stores.envelope import Envelope, Flaw, canonical, parse
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.sealing import (
    ContentKey,
    KeyFormError,
    NotOpened,
    Opened,
    PrivateKey,
    SealError,
    open_envelope,
    open_without_key,
    seal,
    seal_for_several,
)
from remediations.values.secret import Secret
from tests.unit.stores.keys import CONTENT, FIRST, ONE, SECOND, SEVERAL, private_key

SECRET = Secret(CONTENT, "content")


def parsed(data: bytes) -> Envelope:
    found = parse(data)
    assert isinstance(found, Envelope)
    return found


def test_what_the_chain_sealed_for_one_is_opened() -> None:
    """By its recipient, and by nobody else."""
    assert open_envelope(parsed(ONE), FIRST) == Opened(SECRET, ContentKey.AGREED)
    closed = open_envelope(parsed(ONE), SECOND)
    assert isinstance(closed, NotOpened)
    assert closed.outcome is Outcome.MISSING_KEY
    assert open_without_key(parsed(ONE)) is None


def test_what_the_chain_sealed_for_several_is_open_to_anybody() -> None:
    """Its data key is not used: the content is under a constant."""
    for key in (FIRST, SECOND):
        assert open_envelope(parsed(SEVERAL), key) == Opened(SECRET, ContentKey.CONSTANT)
    assert open_without_key(parsed(SEVERAL)) == Opened(SECRET, ContentKey.CONSTANT)


def test_what_is_sealed_for_several_here_needs_a_key() -> None:
    """The data key is used."""
    envelope = seal_for_several(SECRET, [FIRST.public, SECOND.public], {"zone": "a"})
    assert parsed(canonical(envelope)) == envelope
    assert envelope.is_bound
    for key in (FIRST, SECOND):
        assert open_envelope(envelope, key) == Opened(SECRET, ContentKey.WRAPPED)
    assert open_without_key(envelope) is None
    assert isinstance(open_envelope(envelope, private_key(9)), NotOpened)


@given(content=st.binary(max_size=3000), number=st.integers(1, 255))
@settings(max_examples=25)
def test_sealed_anew_it_opens_with_the_new_key_alone(content: bytes, number: int) -> None:
    """Any content; the former recipient is out."""
    new = private_key(number)
    envelope = seal(Secret(content, "c"), new.public)
    opened = open_envelope(envelope, new)
    assert isinstance(opened, Opened)
    assert opened.content == Secret(content, "c")
    assert isinstance(open_envelope(envelope, FIRST), NotOpened)


def test_nothing_is_used_twice() -> None:
    """Sender's key, nonce and ciphertext are fresh each time."""
    one, two = seal(SECRET, FIRST.public), seal(SECRET, FIRST.public)
    assert one.sender_pub_key != two.sender_pub_key
    assert one.nonce != two.nonce
    assert one.ciphertext != two.ciphertext


def test_a_box_says_nothing_of_several() -> None:
    """Metadata is kept, but for the pair that tells how the content is sealed."""
    envelope = seal(SECRET, FIRST.public, {"_mode": "multi-recipient", "zone": "a"})
    assert envelope.metadata == {"zone": "a"}


@pytest.mark.parametrize(
    "public", [b"", bytes(31), bytes(32), b"\x01" + bytes(31)], ids=["none", "short", "0", "1"]
)
def test_nothing_is_sealed_to_a_key_that_is_none(public: bytes) -> None:
    """A point of low order would make the agreed key public."""
    with pytest.raises(SealError):
        seal(SECRET, public)
    with pytest.raises(SealError):
        seal_for_several(SECRET, [FIRST.public, public])


def test_several_are_several() -> None:
    """One would be a box."""
    for recipients in ([], [FIRST.public], [FIRST.public, FIRST.public]):
        with pytest.raises(SealError):
            seal_for_several(SECRET, recipients)


@pytest.mark.parametrize("field", ["ciphertext", "nonce", "sender_pub_key"])
@pytest.mark.parametrize("data", [ONE, SEVERAL], ids=["one", "several"])
def test_a_changed_byte_is_found_by_the_right_key(data: bytes, field: str) -> None:
    """It is damaged, which is not the same as sealed to somebody else."""
    envelope = parsed(data)
    value = bytearray(getattr(envelope, field))
    value[0] ^= 1
    closed = open_envelope(msgspec.structs.replace(envelope, **{field: bytes(value)}), FIRST)
    assert isinstance(closed, NotOpened)
    assert (closed.outcome, closed.flaw) == (Outcome.DAMAGED, Flaw.NOT_AUTHENTIC)


def test_a_sender_of_low_order_opens_nothing() -> None:
    """And raises nothing."""
    envelope = msgspec.structs.replace(parsed(ONE), sender_pub_key=bytes(32))
    assert isinstance(open_envelope(envelope, FIRST), NotOpened)


def test_a_recipient_without_a_data_key_is_told_so() -> None:
    """It is named, and cannot open it."""
    envelope = parsed(SEVERAL)
    only_first = msgspec.structs.replace(
        envelope, encrypted_keys=(), wrapped_keys=envelope.wrapped_keys[:1]
    )
    assert isinstance(open_envelope(only_first, FIRST), Opened)
    closed = open_envelope(only_first, SECOND)
    assert isinstance(closed, NotOpened)
    assert closed.outcome is Outcome.DAMAGED


def test_a_wrong_key_shows_nothing_of_itself() -> None:
    """Its length, and no more."""
    with pytest.raises(KeyFormError, match="this one has 6") as caught:
        PrivateKey.of(Secret(b"canary", "s"))
    assert "canary" not in str(caught.value)


def test_nothing_of_a_key_or_content_is_shown() -> None:
    """By any value of this room."""
    opened = open_envelope(parsed(ONE), FIRST)
    shown = f"{opened} {FIRST} {opened!r}"
    assert CONTENT.decode() not in shown
    assert FIRST.secret.reveal().hex() not in shown
    assert repr(FIRST.secret.reveal())[2:-1] not in shown
