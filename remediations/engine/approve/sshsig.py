"""SSH's binary formats: public keys (RFC 4251 §5), and signatures with the key in them
(OpenSSH's PROTOCOL.sshsig and PROTOCOL.certkeys).

1. A plain key is `string type` and the fields of that type; a certificate has the same fields after
   a nonce. Types that are not listed here are refused where a signature is judged: for an unknown
   type it is not known whether it is a certificate.
2. OpenSSH verifies a signature and ignores the critical options of a certificate, which are meant
   for logins. A condition is not met by ignoring it, so here certificates with critical options are
   refused before ssh-keygen is asked.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
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
"""The certificate types of these keys, with the number of the key's own fields."""

_PUBLIC_KEY = re.compile(r"([A-Za-z0-9@.-]{1,64})[ \t]+([A-Za-z0-9+/]{16,}={0,2})(?:[ \t].*)?")


class WireFormatError(ValueError):
    """The bytes are malformed."""


class WireReader:
    """Reads values from the front of a byte string."""

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
        """The rest, as strings."""
        found = []
        while self._at < len(self._data):
            found.append(self.string())
        return tuple(found)

    def end(self) -> None:
        """Raise WireFormatError unless everything has been read."""
        if self._at < len(self._data):
            raise WireFormatError("there is more than belongs to it")


class PublicKey(NamedTuple):
    """A public key as written on one line: its type, and the decoded bytes."""

    kind: str
    blob: bytes


def parse_public_key(text: str) -> PublicKey | None:
    """The public key at the start of `text` (`TYPE BASE64 COMMENT`); None if there is none.

    The type inside the base64 must be the one before it, as OpenSSH requires. A key that may sign
    must be complete: a truncated line is not a key.
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


def public_key_line(blob: bytes) -> str:
    """The line of a public key, as in a `.pub` file."""
    kind = WireReader(blob).string().decode("ascii")
    return f"{kind} {base64.b64encode(blob).decode()}\n"


def fingerprint(blob: bytes) -> str:
    """The fingerprint of a plain public key, as ssh-keygen prints it."""
    told = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{told}"


_HEAD = "-----BEGIN SSH SIGNATURE-----"
_FOOT = "-----END SSH SIGNATURE-----"
_ARMOUR = re.compile(rf"{_HEAD}\r?\n([A-Za-z0-9+/=\r\n]{{1,65536}}?)\r?\n{_FOOT}\r?\n?")
_MAGIC, _VERSION = b"SSHSIG", 1
_USER = 1
_WIDTH = 70


class SshSignature(NamedTuple):
    """A signature: the public key or certificate that made it, and all its bytes."""

    public_key: bytes
    data: bytes

    def armoured(self) -> str:
        """The canonical armour of these bytes, so that ssh-keygen reads exactly what was read
        here."""
        text = base64.b64encode(self.data).decode()
        lines = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
        return "\n".join((_HEAD, *lines, _FOOT, ""))


class Certificate(NamedTuple):
    """What an SSH certificate says about its holder. Times are in seconds since 1970."""

    kind: int
    principals: tuple[bytes, ...]
    valid_after: int
    valid_before: int
    critical_options: tuple[bytes, ...]

    def flaw(self, at: datetime) -> str:
        """Why it cannot be used to approve at the time `at`; "" if it can."""
        if self.kind != _USER:
            return "it is a host's certificate, not a person's"
        if self.critical_options:
            names = b", ".join(self.critical_options).decode("ascii", "backslashreplace")
            return f"it has critical options, which cannot be met here: {names}"
        if not self.principals:
            return "it names nobody, which means everybody"
        if not self.valid_after <= at.timestamp() < self.valid_before:
            return "it is not valid at that time"
        return ""


def parse_signature(text: str) -> SshSignature:
    """The signature inside the armour, with nothing before or after it.

    Raises:
        WireFormatError: it is not exactly one complete signature.
    """
    found = _ARMOUR.fullmatch(text)
    if found is None:
        raise WireFormatError("it is not one armoured SSH signature")
    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", found[1]), validate=True)
    except binascii.Error as error:
        raise WireFormatError("its base64 is damaged") from error
    wire = WireReader(data)
    if wire.take(len(_MAGIC)) != _MAGIC or wire.integer(32) != _VERSION:
        raise WireFormatError("it is not an SSH signature of version 1")
    public_key = wire.string()
    _namespace, _reserved, _hash, _signature = (wire.string() for _ in range(4))
    wire.end()
    return SshSignature(public_key, data)


def parse_certificate(public_key: bytes) -> Certificate | None:
    """The certificate in `public_key`; None if it is a plain key.

    Raises:
        WireFormatError: it is incomplete, or of a type that may not sign.
    """
    wire = WireReader(public_key)
    kind = wire.string()
    if kind in KEY_FIELDS:
        for _ in range(KEY_FIELDS[kind]):
            wire.string()
        wire.end()
        return None
    if kind not in CERTIFICATE_FIELDS:
        raise WireFormatError("keys of its type may not sign")
    wire.string()  # the nonce
    for _ in range(CERTIFICATE_FIELDS[kind]):
        wire.string()
    wire.integer(64)  # the serial number
    role = wire.integer(32)
    wire.string()  # the key id, which is for logs
    principals = WireReader(wire.string()).strings()
    valid_after, valid_before = wire.integer(64), wire.integer(64)
    critical = WireReader(wire.string()).strings()
    _extensions, _reserved, _authority, _signature = (wire.string() for _ in range(4))
    wire.end()
    if len(critical) % 2:
        raise WireFormatError("a critical option without a value")
    return Certificate(role, principals, valid_after, valid_before, critical[::2])
