"""Who may approve, which keys no longer count, and the program that judges: read once, as values.

The bytes that are checked here are the bytes that ssh-keygen gets; the files are not read again.
A journal names them by path and SHA-256.
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
"""Bytes. A KRL takes 32 for a key and a bit for a serial number."""
KRL_MAGIC = b"SSHKRL\n\0"


class SignersList(Struct, frozen=True, kw_only=True):
    """An allowed_signers file that can be used: its bytes, and the lines in it that name people."""

    file: TrustedFile
    lines: tuple[SignerLine, ...]

    @property
    def path(self) -> Path:
        """Where it was read."""
        return self.file.path

    @property
    def sha256(self) -> str:
        """Of its bytes, lower-case hex."""
        return self.file.sha256


class Verifier(Struct, frozen=True, kw_only=True):
    """Everything that decides who signed. `revoked` is None where the machine names no list."""

    signers: SignersList
    revoked: TrustedFile | None
    keygen: Program


def load_verifier(allowed_signers: Path, config: MachineConfig) -> Verifier:
    """What judges approvals on this machine, with the list at `allowed_signers`.

    Raises:
        ApprovalError: a list is missing, could have been changed by others, or is not one.
        MachineError: ssh-keygen is missing, or could have been replaced.
    """
    return Verifier(
        signers=load_signers(allowed_signers),
        revoked=None if config.revoked_keys is None else load_revoked(config.revoked_keys),
        keygen=load_program(config.ssh_keygen, SSH_KEYGEN),
    )


def load_signers(path: Path) -> SignersList:
    """The list of who may approve.

    Raises:
        ApprovalError: it is missing, could have been changed by others, or has a line that is not
            understood.
    """
    file = _read(path, SIGNERS_LIMIT, "allowed_signers", "who may approve")
    try:
        return SignersList(file=file, lines=parse_signers(file.data))
    except SignersError as error:
        raise _unusable(path, "allowed_signers", "who may approve", error) from error


def load_revoked(path: Path) -> TrustedFile:
    """The list of keys that approve no more: a KRL, or public keys one on a line.

    ssh-keygen passes over lines that are not keys, a fingerprint for one: such a list would revoke
    less than it says, and is refused. Whether a KRL is whole, ssh-keygen judges by itself.

    Raises:
        ApprovalError: it is missing, could have been changed by others, or is not one.
    """
    file = _read(path, REVOKED_LIMIT, "revoked_keys", "which keys are revoked")
    try:
        if not file.data.startswith(KRL_MAGIC):
            for number, text in plain_lines(file.data):
                key = parse_public_key(text)
                if key is None or not _whole(key):
                    raise SignersError(number, "not a public key (TYPE BASE64)")
    except SignersError as error:
        raise _unusable(path, "revoked_keys", "which keys are revoked", error) from error
    return file


def _whole(key: PublicKey) -> bool:
    """Whether nothing of a certificate is missing; of a plain key that is known."""
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
            next_step=f"`ls -ld {shlex.quote(str(path))}`; write it, or name the one that is meant",
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
