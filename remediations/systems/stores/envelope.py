"""The chain's envelope: its JSON form, read strictly and bounded, and written canonically. Pure.

    {"version":1, "algorithm_id":"X25519-XSALSA20-POLY1305", "algorithm_version":1,
     "recipient_key_ids":[FINGERPRINT,…], "recipient_public_keys":[…], "encrypted_keys":[…],
     "wrapped_keys":[{"recipient_id":…,"wrapped_key":…},…], "nonce":…, "ciphertext":…,
     "sender_signature":…, "sender_pub_key":…, "metadata":{…}}

Bytes are base64. An envelope has no date and no owner: when it was written is what its store says,
whose it is follows from its recipients and from who sealed it (`sender`).

Whoever wrote the bytes may be an attacker. Nothing here raises for what they hold: they are an
envelope, or `Unparsed` with the outcome and the reason, which never quotes them (docs/stores.md).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from remediations.systems.stores.marks import is_marked
from remediations.systems.stores.outcomes import Outcome
from remediations.values.wire import form_error

ALGORITHM = "X25519-XSALSA20-POLY1305"
VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
"""A data key in a box, with the nonce of that box before it."""
MAX_BYTES = 16 * 1024 * 1024
"""Of an envelope as a whole."""
MAX_RECIPIENTS = 1024
"""The chain allows ten by default; a set of validators may be larger."""
MAX_METADATA = 64
SEVERAL = ("_mode", "multi-recipient")
"""The pair in `metadata` of an envelope whose content is under a data key."""

_RECIPIENT = re.compile("([0-9a-f]{40})(?::v[1-9][0-9]{0,9})?")
# Go's encoder writes these so that JSON may stand in HTML; they occur within texts only.
_GO_ESCAPES = tuple(
    (one.encode(), f"\\u{ord(one):04x}".encode()) for one in ("<", ">", "&", "\u2028", "\u2029")
)


class Flaw(StrEnum):
    """What is wrong with bytes that are, or were, an envelope."""

    TOO_LARGE = "too-large"
    FORM = "form"
    """Not JSON, not the fields of an envelope, or a field of another type."""
    TWICE = "twice"
    """A field stands twice: readers would take different ones."""
    VERSION = "version"
    ALGORITHM = "algorithm"
    LENGTH = "length"
    """A key, a nonce or a ciphertext that has not the length that it must have."""
    RECIPIENTS = "recipients"
    CONTRADICTION = "contradiction"
    """Two fields tell different things about one recipient, or about how the content is sealed."""
    NOT_AUTHENTIC = "not-authentic"
    """The right key was used, and what was sealed is not what is there."""


@dataclass(frozen=True)
class Unparsed:
    """Bytes that are no usable envelope. `flaw` is None for those that never were one."""

    outcome: Outcome
    flaw: Flaw | None
    reason: str


class WrappedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The data key in a box for one recipient."""

    recipient_id: str
    wrapped_key: bytes
    algorithm: str = ""
    ephemeral_pub_key: bytes = b""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An envelope of version 1, in the chain's words and order of fields. What `parse` returns has
    been judged; other code makes one through `systems.stores.sealing` only."""

    version: int
    algorithm_id: str
    algorithm_version: int
    recipient_key_ids: tuple[str, ...]
    recipient_public_keys: tuple[bytes, ...] = ()
    encrypted_keys: tuple[bytes, ...] = ()
    wrapped_keys: tuple[WrappedKey, ...] = ()
    nonce: bytes
    ciphertext: bytes
    sender_signature: bytes
    sender_pub_key: bytes
    metadata: dict[str, str] = {}

    @property
    def recipients(self) -> tuple[str, ...]:
        """The fingerprints of those whom it names, without the versions of their keys."""
        return tuple(map(fingerprint_in, self.recipient_key_ids))

    @property
    def sender(self) -> str:
        """The fingerprint of the key that sealed it."""
        return fingerprint(self.sender_pub_key)

    @property
    def for_several(self) -> bool:
        """Whether the content is under a data key that every recipient has a box of."""
        return self.metadata.get(SEVERAL[0]) == SEVERAL[1]

    @property
    def is_bound(self) -> bool:
        """Whether `sender_signature` is the one that the chain's library makes. It is a hash that
        anybody can make, no signature: it tells damage, not who sealed the envelope."""
        return self.sender_signature == binding(self)

    def wrapped_for(self, key: str) -> bytes | None:
        """The box with the data key for a fingerprint, None if there is none."""
        for one in self.wrapped_keys:
            if fingerprint_in(one.recipient_id) == key:
                return one.wrapped_key
        for recipient, wrapped in zip(self.recipients, self.encrypted_keys, strict=False):
            if recipient == key:
                return wrapped
        return None


class _Read(Envelope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As other encoders of the chain's types write it: what is empty may be null."""

    recipient_public_keys: tuple[bytes, ...] | None = None  # type: ignore[assignment]
    encrypted_keys: tuple[bytes, ...] | None = None  # type: ignore[assignment]
    wrapped_keys: tuple[WrappedKey, ...] | None = None  # type: ignore[assignment]
    metadata: dict[str, str] | None = None  # type: ignore[assignment]


_DECODER = msgspec.json.Decoder(_Read)
_ENCODER = msgspec.json.Encoder()


class _Wrong(Exception):
    def __init__(self, flaw: Flaw, reason: str) -> None:
        super().__init__(reason)
        self.flaw = flaw
        self.reason = reason


def fingerprint(public_key: bytes) -> str:
    """As the chain names a key: the first 20 bytes of its SHA-256, in hex."""
    return hashlib.sha256(public_key).hexdigest()[:40]


def fingerprint_in(recipient_id: str) -> str:
    """The fingerprint of `FINGERPRINT` or `FINGERPRINT:vN`."""
    return recipient_id.partition(":")[0]


def parse(data: bytes, *, limit: int = MAX_BYTES) -> Envelope | Unparsed:
    """The envelope in `data`, or why it is none. Never raises, whatever the bytes are."""
    if len(data) > limit:
        wrong = _Wrong(Flaw.TOO_LARGE, f"more than {limit} bytes")
        return _unparsed(data[:limit], wrong)
    try:
        read = _decoded(data)
        if b"\\" in data or data.count(b'"') != _quotes(read):
            _check_no_name_twice(data)
        envelope = _plain(read)
        _check(envelope)
    except _Wrong as wrong:
        return _unparsed(data, wrong)
    return envelope


def canonical(envelope: Envelope) -> bytes:
    """The bytes that the chain's own encoder writes for it."""
    if envelope.metadata:
        in_order = dict(sorted(envelope.metadata.items(), key=lambda pair: pair[0].encode()))
        envelope = msgspec.structs.replace(envelope, metadata=in_order)
    data = _ENCODER.encode(envelope)
    if envelope.metadata or envelope.wrapped_keys:  # fingerprints and base64 need no escapes
        for one, escaped in _GO_ESCAPES:
            data = data.replace(one, escaped)
    return data


def binding(envelope: Envelope) -> bytes:
    """What the chain's library puts into `sender_signature`."""
    payload = hashlib.sha256(
        b"".join(
            (
                envelope.version.to_bytes(4, "big"),
                envelope.algorithm_id.encode(),
                envelope.algorithm_version.to_bytes(4, "big"),
                envelope.ciphertext,
                envelope.nonce,
                *(one.encode() for one in envelope.recipient_key_ids),
            )
        )
    )
    return hashlib.sha256(payload.digest() + envelope.sender_pub_key).digest()


def _unparsed(data: bytes, wrong: _Wrong) -> Unparsed:
    """Bytes without a trace of an envelope are somebody else's; with one they are damaged, so that
    no envelope is passed over for a byte that is wrong in it."""
    if wrong.flaw in (Flaw.FORM, Flaw.TOO_LARGE) and not is_marked(data):
        return Unparsed(Outcome.SKIPPED_FOREIGN, None, "it holds no trace of an envelope")
    return Unparsed(Outcome.DAMAGED, wrong.flaw, wrong.reason)


def _decoded(data: bytes) -> _Read:
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Wrong(Flaw.FORM, form_error(error)) from None


def _plain(read: _Read) -> Envelope:
    return Envelope(
        version=read.version,
        algorithm_id=read.algorithm_id,
        algorithm_version=read.algorithm_version,
        recipient_key_ids=read.recipient_key_ids,
        recipient_public_keys=read.recipient_public_keys or (),
        encrypted_keys=read.encrypted_keys or (),
        wrapped_keys=read.wrapped_keys or (),
        nonce=read.nonce,
        ciphertext=read.ciphertext,
        sender_signature=read.sender_signature,
        sender_pub_key=read.sender_pub_key,
        metadata=read.metadata or {},
    )


def _quotes(read: _Read) -> int:
    """How many quotes the JSON has at least. With exactly these, and without a backslash, no name
    stands twice: a second one would have two more. That is cheaper than `_check_no_name_twice`."""
    texts = 13 + len(read.recipient_key_ids)  # eight names that are always there, five values
    texts += sum(1 + len(one) for one in (read.recipient_public_keys, read.encrypted_keys) if one)
    for one in read.wrapped_keys or ():
        texts += 4 + 2 * bool(one.algorithm) + 2 * bool(one.ephemeral_pub_key)
    texts += bool(read.wrapped_keys) + (1 + 2 * len(read.metadata) if read.metadata else 0)
    return 2 * texts


def _check_no_name_twice(data: bytes) -> None:
    """The decoder takes the last of two fields with one name; another reader may take the first."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(found)
        if len(names) != len(found):
            raise _Wrong(Flaw.TWICE, "a field stands twice")
        return names

    # It was decoded before: neither too deep, nor a number of thousands of digits.
    json.loads(data, object_pairs_hook=pairs)


def _check(envelope: Envelope) -> None:
    if envelope.version != VERSION:
        raise _Wrong(Flaw.VERSION, f"its version is not {VERSION}")
    if envelope.algorithm_id != ALGORITHM or envelope.algorithm_version != 1:
        raise _Wrong(Flaw.ALGORITHM, f"it is not sealed by {ALGORITHM}, version 1")
    _check_length("the nonce", envelope.nonce, NONCE_BYTES)
    _check_length("the sender's key", envelope.sender_pub_key, KEY_BYTES)
    if len(envelope.ciphertext) < TAG_BYTES:
        raise _Wrong(Flaw.LENGTH, f"the ciphertext has fewer than {TAG_BYTES} bytes")
    if not envelope.sender_signature:
        raise _Wrong(Flaw.LENGTH, "the sender's signature is empty")
    if len(envelope.metadata) > MAX_METADATA:
        raise _Wrong(Flaw.LENGTH, f"more than {MAX_METADATA} pairs of metadata")
    _check_recipients(envelope)
    _check_keys(envelope)


def _check_length(what: str, value: bytes, wanted: int) -> None:
    if len(value) != wanted:
        raise _Wrong(Flaw.LENGTH, f"{what} has not {wanted} bytes")


def _check_recipients(envelope: Envelope) -> None:
    ids = envelope.recipient_key_ids
    if not 1 <= len(ids) <= MAX_RECIPIENTS:
        raise _Wrong(Flaw.RECIPIENTS, f"not 1 to {MAX_RECIPIENTS} recipients")
    if not all(map(_RECIPIENT.fullmatch, ids)):
        raise _Wrong(Flaw.RECIPIENTS, "a recipient is not a fingerprint")
    if len(set(envelope.recipients)) != len(ids):
        raise _Wrong(Flaw.RECIPIENTS, "a recipient stands twice")
    if len(ids) > 1 and not envelope.for_several:
        raise _Wrong(Flaw.CONTRADICTION, "several recipients of a box that one key opens")


def _check_keys(envelope: Envelope) -> None:
    ids = envelope.recipients
    publics: Sequence[bytes] = envelope.recipient_public_keys
    if publics and tuple(map(fingerprint, publics)) != ids:
        raise _Wrong(Flaw.CONTRADICTION, "the public keys are not those of the recipients")
    if any(len(one) != KEY_BYTES for one in publics):
        raise _Wrong(Flaw.LENGTH, f"a public key has not {KEY_BYTES} bytes")
    if envelope.encrypted_keys and len(envelope.encrypted_keys) != len(ids):
        raise _Wrong(Flaw.RECIPIENTS, "not one encrypted key for each recipient")
    by_name: Mapping[str, bytes] = {
        fingerprint_in(one.recipient_id): one.wrapped_key for one in envelope.wrapped_keys
    }
    if len(by_name) != len(envelope.wrapped_keys) or not by_name.keys() <= set(ids):
        raise _Wrong(Flaw.RECIPIENTS, "a wrapped key is for nobody, or one of two for a recipient")
    by_place = dict(zip(ids, envelope.encrypted_keys, strict=False))
    if any(by_name.get(one, wrapped) != wrapped for one, wrapped in by_place.items()):
        raise _Wrong(Flaw.CONTRADICTION, "two different data keys for one recipient")
    if envelope.for_several and not (by_name or by_place):
        raise _Wrong(Flaw.CONTRADICTION, "under a data key that nobody has")
    for wrapped in (*by_name.values(), *by_place.values()):
        _check_length("a wrapped key", wrapped, WRAPPED_BYTES)
