"""Which keys to offer to a host, in OpenSSH's order, without ever asking for a passphrase.

First certificates, then listed keys that the agent holds, then the agent's other keys, then key
files (`pubkey_prepare` in OpenSSH). The order matters: sshd counts every offer (MaxAuthTries).
"""

from __future__ import annotations

import base64
import binascii
import copy
import os
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from remediations.reach.settings import SshSettings
from remediations.reach.sshlib import asyncssh

OPENSSH_MAGIC = b"openssh-key-v1\0"
OTHERS_BITS = 0o077


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The keys to offer. `passed_over` says why a key or the agent is not used."""

    pairs: tuple[asyncssh.SSHKeyPair, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Identity:
    """One IdentityFile: its public key, and its private key or why that cannot be used."""

    public: bytes | None
    private: asyncssh.SSHKey | None
    trouble: str


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Key files: public keys in the order of ssh_config, private keys by their public key."""

    listed: tuple[bytes, ...]
    private: dict[bytes, asyncssh.SSHKey]
    certificates: tuple[asyncssh.SSHCertificate, ...]


class KeyFiles:
    """A cache of key files, because checking an RSA key takes a good part of a second."""

    def __init__(self) -> None:
        self._read: dict[Path, _Identity] = {}

    def identity(self, path: Path) -> _Identity:
        """The IdentityFile `path`, which need not exist."""
        if path not in self._read:
            self._read[path] = _identity(path)
        return self._read[path]


async def load_credentials(
    settings: SshSettings, agent: asyncssh.SSHAgentClient | None, key_files: KeyFiles
) -> Credentials:
    """All keys to offer. Those of the agent sign through `agent`, which must stay open."""
    passed_over: list[str] = []
    held = await _held(settings, agent, passed_over)
    files = _files(settings, held, key_files, passed_over)
    pairs = [_certified(certificate, held, files) for certificate in files.certificates]
    pairs += [held[blob] for blob in files.listed if blob in held]
    if not settings.identities_only:
        pairs += [pair for blob, pair in held.items() if blob not in files.listed]
    pairs += [_local(key) for key in files.private.values()]
    return Credentials(pairs=tuple(p for p in pairs if p), passed_over=tuple(passed_over))


async def _held(
    settings: SshSettings, agent: asyncssh.SSHAgentClient | None, passed_over: list[str]
) -> dict[bytes, asyncssh.SSHKeyPair]:
    if agent is None:
        passed_over.append("no agent")
        return {}
    try:
        pairs = await agent.get_keys()
    except (ValueError, OSError) as error:
        passed_over.append(f"the agent {settings.agent} does not answer: {error}")
        return {}
    if not pairs:
        passed_over.append(f"the agent {settings.agent} is locked or holds no key")
    return {pair.public_data: pair for pair in pairs}


def _files(
    settings: SshSettings, held: Container[bytes], key_files: KeyFiles, passed_over: list[str]
) -> _Files:
    listed: dict[bytes, None] = {}
    private: dict[bytes, asyncssh.SSHKey] = {}
    for path in settings.identities:
        identity = key_files.identity(path)
        if identity.public:
            listed[identity.public] = None
        if identity.public and identity.public in held:
            continue
        if identity.private:
            private[identity.private.public_data] = identity.private
        if identity.trouble:
            passed_over.append(f"{path}: {identity.trouble}")
    certificates = []
    beside = [Path(f"{path}-cert.pub") for path in settings.identities]
    for path in (p for p in (*settings.certificates, *beside) if p.is_file()):
        try:
            certificates.append(asyncssh.read_certificate(path))
        except (OSError, ValueError) as error:
            passed_over.append(f"{path}: {error}")
    return _Files(listed=tuple(listed), private=private, certificates=tuple(certificates))


def _certified(
    certificate: asyncssh.SSHCertificate, held: dict[bytes, asyncssh.SSHKeyPair], files: _Files
) -> asyncssh.SSHKeyPair | None:
    """The certificate with its private key from the agent or a file; None if there is none."""
    blob = certificate.key.public_data
    if blob in held:
        pair = copy.copy(held[blob])
        pair.set_certificate(certificate)
        return pair
    key = files.private.get(blob)
    return asyncssh.load_keypairs([(key, certificate)])[0] if key else None


def _local(key: asyncssh.SSHKey) -> asyncssh.SSHKeyPair:
    return asyncssh.load_keypairs([key])[0]


def _identity(path: Path) -> _Identity:
    private, trouble = None, ""
    try:
        if b"PRIVATE KEY-----" in path.read_bytes():
            private = _private(path)
    except FileNotFoundError:
        pass  # the agent may hold the key, and the public key may exist
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError) as error:
        trouble = _trouble(error)
    return _Identity(public=_public(path), private=private, trouble=trouble)


def _private(path: Path) -> asyncssh.SSHKey:
    status = path.stat()
    if status.st_uid == os.getuid() and status.st_mode & OTHERS_BITS:
        mode = f"{status.st_mode & 0o777:04o}"
        raise asyncssh.KeyImportError(f"others may read it (mode {mode}); `chmod 600` it")
    return asyncssh.read_private_key(path)


def _trouble(error: Exception) -> str:
    if "passphrase" in str(error).lower():
        return "it has a passphrase and the agent does not hold it; `ssh-add` it"
    return str(error)


def _public(path: Path) -> bytes | None:
    """The public key, from the file beside it or from the file itself, even with a passphrase."""
    for name in (Path(f"{path}.pub"), path):
        try:
            return asyncssh.read_public_key(name).public_data
        except (OSError, ValueError):
            continue
    return _public_of_private(path)


def _public_of_private(path: Path) -> bytes | None:
    """The public key in an OpenSSH private key file: magic, cipher, kdf, options, 1, public key."""
    try:
        body = "".join(line for line in path.read_text().splitlines() if "-----" not in line)
        rest = base64.b64decode(body)
    except (OSError, ValueError, binascii.Error):
        return None
    if not rest.startswith(OPENSSH_MAGIC):
        return None
    rest = rest[len(OPENSSH_MAGIC) :]
    for _ in range(3):
        rest = rest[4 + int.from_bytes(rest[:4]) :]
    length = int.from_bytes(rest[4:8])
    return rest[8 : 8 + length] or None
