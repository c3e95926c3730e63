"""What verifies approvals: who may approve, which keys are revoked, and the program, read once.

The bytes that are checked here are the ones that ssh-keygen gets; the files are not read again. A
journal records them by path and SHA-256.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec import Struct

from remediations.engine.approve.allowed_signers import (
    SignerLine,
    SignersError,
    parse_signers,
    plain_lines,
)
from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.sshsig import (
    CERTIFICATE_FIELDS,
    PublicKey,
    WireFormatError,
    parse_certificate,
    parse_public_key,
)
from remediations.errors import ApprovalError
from remediations.files.trusted import MEGABYTE, TrustedFile, read_trusted
from remediations.machine.config import MachineConfig
from remediations.machine.programs import SSH_KEYGEN, Program, load_program

SIGNERS_LIMIT = MEGABYTE
REVOKED_LIMIT = 4 * MEGABYTE
"""Bytes. A KRL takes 32 bytes for a key and one bit for a serial number."""
KRL_MAGIC = b"SSHKRL\n\0"


class SignersList(Struct, frozen=True, kw_only=True):
    """A valid allowed_signers file: its bytes, and the lines that name signers."""

    file: TrustedFile
    lines: tuple[SignerLine, ...]

    @property
    def path(self) -> Path:
        """Its path."""
        return self.file.path

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, lower-case hex."""
        return self.file.sha256


class Verifier(Struct, frozen=True, kw_only=True):
    """All that decides who signed. `revoked` is None if this machine has no list."""

    signers: SignersList
    revoked: TrustedFile | None
    keygen: Program


def load_verifier(allowed_signers: Path, config: MachineConfig) -> Verifier:
    """The verifier of this machine, with the list at `allowed_signers`.

    Raises:
        ApprovalError: a list is missing or malformed, or others could have changed it.
        MachineError: ssh-keygen is missing, or others could have replaced it.
    """
    return Verifier(
        signers=load_signers(allowed_signers),
        revoked=None if config.revoked_keys is None else load_revoked(config.revoked_keys),
        keygen=load_program(config.ssh_keygen, SSH_KEYGEN),
    )


def load_signers(path: Path) -> SignersList:
    """The list of who may approve.

    Raises:
        ApprovalError: it is missing, others could have changed it, or a line is not understood.
    """
    file = _read(path, SIGNERS_LIMIT, "allowed_signers", "who may approve")
    try:
        return SignersList(file=file, lines=parse_signers(file.data))
    except SignersError as error:
        raise _unusable(path, "allowed_signers", "who may approve", error) from error


def load_revoked(path: Path) -> TrustedFile:
    """The list of revoked keys: a KRL, or one public key on each line.

    ssh-keygen ignores lines that are not keys, such as fingerprints. Such a list would revoke less
    than it seems to, and is refused. Whether a KRL is complete is checked by ssh-keygen itself.

    Raises:
        ApprovalError: it is missing or malformed, or others could have changed it.
    """
    file = _read(path, REVOKED_LIMIT, "revoked_keys", "revoked keys")
    try:
        if not file.data.startswith(KRL_MAGIC):
            for number, text in plain_lines(file.data):
                key = parse_public_key(text)
                if key is None or not _whole(key):
                    raise SignersError(number, "not a public key (TYPE BASE64)")
    except SignersError as error:
        raise _unusable(path, "revoked_keys", "revoked keys", error) from error
    return file


def revoked_blobs(data: bytes) -> frozenset[bytes]:
    """The keys of a list of revoked keys that is not a KRL, and was loaded."""
    keys = (parse_public_key(text) for _, text in plain_lines(data))
    return frozenset(key.blob for key in keys if key is not None)


def _whole(key: PublicKey) -> bool:
    """Whether a certificate is complete; of a plain key this is known."""
    try:
        return (
            key.kind.encode() not in CERTIFICATE_FIELDS or parse_certificate(key.blob) is not None
        )
    except WireFormatError:
        return False


def _read(path: Path, limit: int, guard: str, what: str) -> TrustedFile:
    try:
        return read_trusted(path, limit=limit, refusal=ApprovalError)
    except OSError as error:
        raise ApprovalError(
            f"the list of {what} cannot be read",
            guard=guard,
            got=f"{path}: {error.strerror or error}",
            expected=_form(guard),
            next_step=f"`ls -ld {shlex.quote(str(path))}`; create it, or name the right file",
        ) from error


def _unusable(path: Path, guard: str, what: str, error: SignersError) -> ApprovalError:
    where = f"{path}:{error.line}" if error.line else str(path)
    return ApprovalError(
        f"the list of {what} cannot be used",
        guard=guard,
        got=f"{where}: {error}",
        expected=_form(guard),
        next_step=f"correct {where}, then try again",
    )


def _form(guard: str) -> str:
    if guard == "revoked_keys":
        return "a KRL of ssh-keygen(1), or one public key on a line"
    return f'lines `NAME namespaces="{NAMESPACE}" TYPE KEY` (ssh-keygen(1), ALLOWED SIGNERS)'
