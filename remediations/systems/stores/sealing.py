"""Opens envelopes, and seals what was in them anew. Nothing is read or written here.

An envelope for one recipient is a box: X25519 between the recipient's key and the sender's,
XSalsa20-Poly1305 with what they agree on. We seal with a sender's key that is made for this one
envelope and forgotten, so no two envelopes share a key, and none with the one before.

An envelope for several recipients has a data key, in a box for each of them. **The chain's library
does not use it**: it agrees on a key between the data key and an all-zero public key, and X25519
makes zero of that whatever the data key is. The content is under one constant that anybody can
compute, without any key (docs/stores.md#several-recipients). Such envelopes are opened here, and
what was in them has to be taken as known; none is ever sealed.

Each function takes and gives `Secret` where it is about keys and contents.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import ModuleType

import msgspec

from remediations.systems.stores.envelope import (
    ALGORITHM,
    KEY_BYTES,
    NONCE_BYTES,
    SEVERAL,
    VERSION,
    Envelope,
    Flaw,
    WrappedKey,
    binding,
    fingerprint,
)
from remediations.systems.stores.outcomes import Outcome
from remediations.values.secret import Secret

CONSTANT = bytes.fromhex("351f86faa3b988468a850122b65b0acece9c4826806aeee63de9c0da2bd7f91e")
"""HSalsa20 of zeros: what the chain's library seals content for several recipients with."""


_TAG_LABEL = b"remediate: tag of a content"


class ContentKey(StrEnum):
    """What the content of an envelope is under."""

    AGREED = "agreed"
    """The key that recipient and sender agree on."""
    WRAPPED = "wrapped"
    """A data key that only the recipients can unwrap."""
    CONSTANT = "constant"
    """A constant: whoever had the bytes could read them, with no key at all."""


@dataclass(frozen=True)
class Opened:
    """What was in an envelope, and what it was under."""

    content: Secret
    content_key: ContentKey


@dataclass(frozen=True)
class NotOpened:
    """Why it stays closed: another key is needed, or no key helps."""

    outcome: Outcome
    flaw: Flaw | None
    reason: str


class SealError(ValueError):
    """It cannot be sealed to these recipients; the message says why, and quotes no content."""


class KeyFormError(ValueError):
    """Bytes that are no X25519 key; the message has their number only."""


@functools.cache
def _nacl() -> ModuleType:
    """libsodium, loaded when something is opened or sealed."""
    from nacl import bindings

    return bindings


@functools.cache
def _failure() -> type[Exception]:
    """What libsodium's calls raise where a box does not open, or cannot be made."""
    from nacl.exceptions import CryptoError

    return CryptoError


@dataclass(frozen=True)
class PrivateKey:
    """An X25519 key that opens envelopes. Its public half is computed once."""

    secret: Secret
    public: bytes

    @classmethod
    def of(cls, secret: Secret) -> PrivateKey:
        """The key in a secret.

        Raises:
            KeyFormError: it does not have 32 bytes.
        """
        value = secret.reveal()
        if len(value) != KEY_BYTES:
            raise KeyFormError(f"an X25519 key has {KEY_BYTES} bytes, this one has {len(value)}")
        return cls(secret, bytes(_nacl().crypto_scalarmult_base(value)))

    @functools.cached_property
    def fingerprint(self) -> str:
        """As the chain names the key."""
        return fingerprint(self.public)

    @functools.cached_property
    def tag_key(self) -> bytes:
        """What tags of contents are made with (`tag_of`): it follows from the key, and does not
        give it away."""
        return hmac.new(self.secret.reveal(), _TAG_LABEL, hashlib.sha256).digest()


def tag_of(content: Secret, key: PrivateKey) -> str:
    """What tells one content from another to whoever has this key, and tells nothing to anybody
    else."""
    return content.tag(key.tag_key)


def open_envelope(envelope: Envelope, key: PrivateKey) -> Opened | NotOpened:
    """What is in an envelope that `parse` returned. Never raises for what it holds."""
    if key.fingerprint not in envelope.recipients:
        return NotOpened(Outcome.MISSING_KEY, None, "it is not sealed to this key")
    if envelope.for_several:
        return _open_for_several(envelope, key)
    content = _box_opened(envelope.ciphertext, envelope.nonce, envelope, key)
    if content is None:
        return _not_authentic("the content is not what was sealed to this key")
    return Opened(_content(content), ContentKey.AGREED)


def _open_for_several(envelope: Envelope, key: PrivateKey) -> Opened | NotOpened:
    wrapped = envelope.wrapped_for(key.fingerprint)
    if wrapped is None:
        return _not_authentic("it names this key, and has no data key for it")
    data_key = _box_opened(wrapped[NONCE_BYTES:], wrapped[:NONCE_BYTES], envelope, key)
    if data_key is None:
        return _not_authentic("the data key is not what was sealed to this key")
    for under, tried in ((ContentKey.WRAPPED, data_key), (ContentKey.CONSTANT, CONSTANT)):
        content = _secretbox_opened(envelope.ciphertext, envelope.nonce, tried)
        if content is not None:
            return Opened(_content(content), under)
    return _not_authentic("the content is not under the data key, nor under the chain's constant")


def open_without_key(envelope: Envelope) -> Opened | None:
    """The content of an envelope that anybody can read; None for one that needs a key."""
    if not envelope.for_several:
        return None
    content = _secretbox_opened(envelope.ciphertext, envelope.nonce, CONSTANT)
    return None if content is None else Opened(_content(content), ContentKey.CONSTANT)


def seal(content: Secret, recipient: bytes, metadata: Mapping[str, str] | None = None) -> Envelope:
    """A new envelope for one recipient (a public key).

    Raises:
        SealError: the public key is none, or one of those to which nothing can be sealed.
    """
    _check_public_keys([recipient])
    nacl = _nacl()
    sender, private = nacl.crypto_box_keypair()
    nonce = nacl.randombytes(NONCE_BYTES)
    sealed = _box_sealed(content.reveal(), nonce, recipient, private)
    return _bound(sealed, nonce, sender, [recipient], dict(metadata or {}), wrapped=())


def seal_for_several(
    content: Secret, recipients: Sequence[bytes], metadata: Mapping[str, str] | None = None
) -> Envelope:
    """A new envelope for at least two recipients, the content under a fresh data key that only they
    can unwrap. The chain's library of today cannot open it (see above): whoever writes one has to
    prove first that its readers do.

    Raises:
        SealError: fewer than two, one twice, or one to which nothing can be sealed.
    """
    if len(recipients) < 2 or len(set(recipients)) != len(recipients):
        raise SealError("an envelope for several has at least two recipients, each once")
    _check_public_keys(recipients)
    nacl = _nacl()
    sender, private = nacl.crypto_box_keypair()
    data_key, nonce = nacl.randombytes(KEY_BYTES), nacl.randombytes(NONCE_BYTES)
    wrapped = []
    for one in recipients:
        own_nonce = nacl.randombytes(NONCE_BYTES)
        wrapped.append(own_nonce + _box_sealed(data_key, own_nonce, one, private))
    sealed = nacl.crypto_secretbox(content.reveal(), nonce, data_key)
    told = {**(metadata or {}), SEVERAL[0]: SEVERAL[1]}
    return _bound(sealed, nonce, sender, recipients, told, wrapped=tuple(wrapped))


def _bound(
    sealed: bytes,
    nonce: bytes,
    sender: bytes,
    recipients: Sequence[bytes],
    metadata: dict[str, str],
    *,
    wrapped: tuple[bytes, ...],
) -> Envelope:
    if not wrapped:
        metadata.pop(SEVERAL[0], None)
    names = tuple(map(fingerprint, recipients))
    envelope = Envelope(
        version=VERSION,
        algorithm_id=ALGORITHM,
        algorithm_version=1,
        recipient_key_ids=names,
        recipient_public_keys=tuple(recipients),
        encrypted_keys=wrapped,
        wrapped_keys=tuple(map(WrappedKey, names, wrapped)),
        nonce=nonce,
        ciphertext=sealed,
        sender_signature=b"",
        sender_pub_key=sender,
        metadata=metadata,
    )
    return msgspec.structs.replace(envelope, sender_signature=binding(envelope))


def _check_public_keys(keys: Sequence[bytes]) -> None:
    for key in keys:
        if len(key) != KEY_BYTES:
            raise SealError(f"a public key has {KEY_BYTES} bytes, this one has {len(key)}")


def _box_sealed(content: bytes, nonce: bytes, recipient: bytes, private: bytes) -> bytes:
    try:
        return bytes(_nacl().crypto_box(content, nonce, recipient, private))
    except _failure():
        # A point of low order: the key agreed on would be known to everybody.
        raise SealError("nothing can be sealed to this public key: anybody could open it") from None


def _box_opened(sealed: bytes, nonce: bytes, envelope: Envelope, key: PrivateKey) -> bytes | None:
    nacl = _nacl()
    try:
        return bytes(
            nacl.crypto_box_open(sealed, nonce, envelope.sender_pub_key, key.secret.reveal())
        )
    except _failure():
        return None


def _secretbox_opened(sealed: bytes, nonce: bytes, key: bytes) -> bytes | None:
    try:
        return bytes(_nacl().crypto_secretbox_open(sealed, nonce, key))
    except (_failure(), ValueError):  # a data key of another length was wrapped
        return None


def _content(content: bytes) -> Secret:
    return Secret(content, "content of an envelope")


def _not_authentic(reason: str) -> NotOpened:
    return NotOpened(Outcome.DAMAGED, Flaw.NOT_AUTHENTIC, reason)
