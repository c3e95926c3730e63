"""SSH's binary form (RFC 4251 §5): strings, integers, and the public keys made of them.

A plain key is `string type` and the fields of that type; a certificate carries the same fields
after a nonce (OpenSSH's PROTOCOL.certkeys). Types that are not listed here are refused where a
signature is judged: of an unknown type it cannot be said whether it is a certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import NamedTuple

KEY_FIELDS: Mapping[bytes, int] = {
    b"ssh-ed25519": 1,
    b"ssh-rsa": 2,
    b"ecdsa-sha2-nistp256": 2,
    b"ecdsa-sha2-nistp384": 2,
    b"ecdsa-sha2-nistp521": 2,
    b"sk-ssh-ed25519@openssh.com": 2,
    b"sk-ecdsa-sha2-nistp256@openssh.com": 3,
}
"""Plain keys that may sign, with the number of fields after their type."""

CERTIFICATE_FIELDS: Mapping[bytes, int] = {
    kind.removesuffix(b"@openssh.com") + b"-cert-v01@openssh.com": fields
    for kind, fields in KEY_FIELDS.items()
}
"""Certificates of them, with the number of the key's own fields."""

_PUBLIC_KEY = re.compile(r"([A-Za-z0-9@.-]{1,64})[ \t]+([A-Za-z0-9+/]{16,}={0,2})(?:[ \t].*)?")


class WireFormatError(ValueError):
    """The bytes do not have the form they should have."""


class WireReader:
    """Reads values from the front of some bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes.

        Raises:
            WireFormatError: there are fewer.
        """
        taken = self._data[self._at : self._at + length]
        if len(taken) < length:
            raise WireFormatError("it ends too early")
        self._at += length
        return taken

    def integer(self, bits: int) -> int:
        """The next unsigned integer of 32 or 64 bits."""
        return int.from_bytes(self.take(bits // 8), "big")

    def string(self) -> bytes:
        """The next string: its length in 32 bits, then its bytes."""
        return self.take(self.integer(32))

    def strings(self) -> tuple[bytes, ...]:
        """All that is left, as strings."""
        found = []
        while self._at < len(self._data):
            found.append(self.string())
        return tuple(found)

    def end(self) -> None:
        """Raises WireFormatError unless everything was read."""
        if self._at < len(self._data):
            raise WireFormatError("there is more than belongs to it")


class PublicKey(NamedTuple):
    """A public key as it is written on one line: its type, and the bytes behind the base64."""

    kind: str
    blob: bytes


def parse_public_key(text: str) -> PublicKey | None:
    """The public key that `text` begins with (`TYPE BASE64 COMMENT`); None where there is none.

    The type inside the base64 must be the one before it, as OpenSSH demands, and a key that may
    sign must be whole: half of one, as a torn line has it, would be passed over.
    """
    found = _PUBLIC_KEY.fullmatch(text)
    if found is None:
        return None
    try:
        blob = base64.b64decode(found[2], validate=True)
        wire = WireReader(blob)
        kind = wire.string()
        if kind in KEY_FIELDS:
            for _ in range(KEY_FIELDS[kind]):
                wire.string()
            wire.end()
    except (binascii.Error, WireFormatError):
        return None
    return PublicKey(found[1], blob) if kind == found[1].encode() else None
