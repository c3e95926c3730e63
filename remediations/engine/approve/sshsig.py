"""An SSH signature as OpenSSH writes it (PROTOCOL.sshsig), and the key in it.

OpenSSH verifies the signature, and ignores what a certificate demands: its critical options are
for logins. A demand that cannot be met is not met by ignoring it, so here such certificates are
refused before ssh-keygen is asked.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import NamedTuple

from remediations.engine.approve.ssh_wire import (
    CERTIFICATE_FIELDS,
    KEY_FIELDS,
    WireFormatError,
    WireReader,
)

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
        """The one way to write exactly these bytes: what was read is what ssh-keygen reads."""
        text = base64.b64encode(self.data).decode()
        lines = [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]
        return "\n".join((_HEAD, *lines, _FOOT, ""))


class Certificate(NamedTuple):
    """What an SSH certificate says of its holder. Times are seconds since 1970."""

    kind: int
    principals: tuple[bytes, ...]
    valid_after: int
    valid_before: int
    critical_options: tuple[bytes, ...]

    def flaw(self, at: datetime) -> str:
        """Why nobody can approve with it at `at`; "" where they can."""
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
    """The signature behind the armour, and nothing before or after it.

    Raises:
        WireFormatError: it is not one whole signature.
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
    """The certificate in `public_key`; None where it is a plain key.

    Raises:
        WireFormatError: it is neither, of a type that may sign, or not a whole one.
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
