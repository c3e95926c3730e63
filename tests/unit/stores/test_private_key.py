"""Private keys in each form that people have, and what each wrong file is answered with."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from remediations.systems.stores.private_key import find_private_key, read_private_key
from remediations.systems.stores.reencrypt_section import KeyFile
from remediations.systems.stores.store import Absent, Denied, Malformed, StoreError
from tests.unit.stores.keys import FIRST, SECOND

RAW = FIRST.secret.reveal()
WORD = b"correct horse"


def pem(
    key: X25519PrivateKey | Ed25519PrivateKey, under: KeySerializationEncryption | None = None
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, under or NoEncryption())


OURS = X25519PrivateKey.from_private_bytes(RAW)
LOCKED = pem(OURS, BestAvailableEncryption(WORD))


def key_file(path: Path, data: bytes, word: bytes | None = None, name: str = "old") -> KeyFile:
    """A file that is ours alone, and one with a passphrase."""
    file, passphrase = path / name, path / f"{name}.word"
    file.write_bytes(data)
    file.chmod(0o600)
    if word is not None:
        passphrase.write_bytes(word)
        passphrase.chmod(0o600)
    told = None if word is None else str(passphrase)
    return KeyFile(name=name, file=str(file), passphrase_file=told, backup=None)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (RAW, None),
        (RAW.hex().encode(), None),
        (RAW.hex().upper().encode() + b"\n", None),
        (base64.b64encode(RAW) + b"\n", None),
        (pem(OURS), None),
        (pem(OURS), WORD),
        (LOCKED, WORD + b"\n"),
    ],
    ids=["raw", "hex", "HEX", "base64", "pem", "pem without need", "locked pem"],
)
def test_each_form_is_read(tmp_path: Path, data: bytes, word: bytes | None) -> None:
    """Which key it is follows from it, whatever the file is called."""
    assert read_private_key(key_file(tmp_path, data, word)).fingerprint == FIRST.fingerprint


@pytest.mark.parametrize(
    ("data", "word", "kind", "said"),
    [
        (LOCKED, b"wrong", Malformed, "the passphrase does not open it"),
        (LOCKED, None, Denied, "passphrase_file"),
        (b"-----BEGIN PRIVATE KEY-----\nx\n", None, Malformed, "no usable PEM"),
        (pem(Ed25519PrivateKey.generate()), None, Malformed, "of another kind"),
        (RAW[:-1], None, Malformed, "no private key"),
        (b"", None, Malformed, "no private key"),
        (RAW, b"two\nlines", Malformed, "not one line"),
    ],
    ids=["word", "no word", "cut", "kind", "short", "empty", "lines"],
)
def test_what_is_no_key_is_said_and_not_quoted(
    tmp_path: Path, data: bytes, word: bytes | None, kind: type[StoreError], said: str
) -> None:
    """An error may stand in a report: it has the path and the reason."""
    with pytest.raises(kind, match=said) as caught:
        read_private_key(key_file(tmp_path, data, word))
    assert RAW.hex()[:16] not in str(caught.value)


def test_a_file_of_others_is_not_read(tmp_path: Path) -> None:
    """Nor is one that is not there, or the passphrase of which is not."""
    file = key_file(tmp_path, RAW)
    Path(file.file).chmod(0o640)
    with pytest.raises(Denied, match="chmod 600"):
        read_private_key(file)
    Path(file.file).unlink()
    with pytest.raises(Absent):
        read_private_key(file)
    with pytest.raises(Absent):
        read_private_key(
            KeyFile(
                name="x",
                file=key_file(tmp_path, LOCKED, name="y").file,
                passphrase_file=str(tmp_path / "nowhere"),
                backup=None,
            )
        )


def test_the_file_with_a_key_is_found(tmp_path: Path) -> None:
    """Among several, one of which cannot be read; None where none has it."""
    files = (
        key_file(tmp_path, b"", name="bad"),
        key_file(tmp_path, SECOND.secret.reveal(), name="other"),
        key_file(tmp_path, RAW, name="right"),
    )
    found = find_private_key(files, FIRST.fingerprint)
    assert found is not None
    assert (found[0].name, found[1].fingerprint) == ("right", FIRST.fingerprint)
    assert find_private_key(files, "00" * 20) is None
