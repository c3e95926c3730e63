"""Reads the private half of a recipient's key from where it is stored.

A file has 32 bytes, 64 hex digits, 44 characters of base64, or a PEM (PKCS#8) of X25519, which may
be under a passphrase: what `openssl genpkey -algorithm X25519 -aes256` writes. Nobody else may be
able to read it. What is read is a `Secret`, and no error quotes any of it.
"""

from __future__ import annotations

import base64
import binascii
import re

from remediations.errors import RemediationError
from remediations.systems.stores.envelope import KEY_BYTES
from remediations.systems.stores.opening import private_bytes, secret_in
from remediations.systems.stores.reencrypt_section import KeyFile
from remediations.systems.stores.sealing import PrivateKey
from remediations.systems.stores.store import Denied, Malformed, StoreError
from remediations.values.known_secrets import remembered
from remediations.values.secret import Secret

_PEM = b"-----BEGIN "
_HEX = re.compile(rb"[0-9A-Fa-f]{64}")
_FORMS = "32 bytes, 64 hex digits, base64, or a PEM of X25519"


def read_private_key(file: KeyFile, *, backup: bool = False) -> PrivateKey:
    """The key in the file, or in its backup.

    Raises:
        StoreError: the file is not there, others can read it, or it has no such key.
    """
    path = file.backup if backup and file.backup is not None else file.file
    try:
        value = private_bytes(path)
        passphrase = None if file.passphrase_file is None else secret_in(file.passphrase_file)
    except RemediationError as error:
        raise Denied(f"{error.what}: {error.got}") from None
    raw = value.reveal()
    if _PEM in raw:
        return PrivateKey.of(remembered(Secret(_from_pem(raw, passphrase, path), path)))
    return PrivateKey.of(remembered(Secret(_decoded(raw, path), path)))


def _decoded(raw: bytes, path: str) -> bytes:
    if len(raw) == KEY_BYTES:
        return raw
    text = raw.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        decoded = b""
    if len(decoded) != KEY_BYTES:
        raise Malformed(f"{path} is no private key: expected {_FORMS}")
    return decoded


def _from_pem(raw: bytes, passphrase: Secret | None, path: str) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    # OpenSSL takes a passphrase for a key without one as a mistake: it is none here.
    given = passphrase if passphrase is not None and b"ENCRYPTED" in raw else None
    try:
        key = load_pem_private_key(raw, None if given is None else given.reveal())
    except TypeError:
        raise Denied(f"{path} is under a passphrase: name its file as `passphrase_file`") from None
    except (ValueError, UnsupportedAlgorithm):
        said = "the passphrase does not open it, or it is damaged" if given else "no usable PEM"
        raise Malformed(f"{path}: {said}") from None
    if not isinstance(key, X25519PrivateKey):
        raise Malformed(f"{path} is a key of another kind: expected {_FORMS}")
    return key.private_bytes_raw()


def find_private_key(
    files: tuple[KeyFile, ...], fingerprint: str
) -> tuple[KeyFile, PrivateKey] | None:
    """The file with the key of this fingerprint and that key, None if none of them has it. A file
    that cannot be read is passed over: what could not be read is said by `read_private_key`."""
    for file in files:
        try:
            key = read_private_key(file)
        except StoreError:
            continue
        if key.fingerprint == fingerprint:
            return file, key
    return None
