"""Who made a signature, according to ssh-keygen, from bytes that were read and checked before.

ssh-keygen gets private copies of them (`verifier`), so that a list cannot change between the two
calls that use it.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from remediations.engine.approve.allowed_signers import EXACT_NAME
from remediations.engine.approve.approval import NAMESPACE
from remediations.engine.approve.keygen import first_line, last_line, run_keygen
from remediations.engine.approve.sshsig import (
    Certificate,
    SshSignature,
    WireFormatError,
    parse_certificate,
    parse_signature,
    public_key_line,
)
from remediations.engine.approve.verifier import KRL_MAGIC, Verifier, revoked_blobs
from remediations.errors import ApprovalError, MachineError
from remediations.files.trusted import check_directory
from remediations.machine.programs import ENVIRONMENT, Program
from remediations.values.lines import split_lines

CHECK_LIMIT_S = 15
SIGNATURE, SIGNERS, REVOKED = "signature", "allowed_signers", "revoked_keys"
"""The names of the copies that ssh-keygen gets."""

_NOBODY = b"No principal matched"
"""The last line for any failure; the cause is in the lines before."""
_OTHER_USES = b"not permitted for use in signature namespace"
_GOOD_KEY = re.compile(r"^Good .* signature with \S+ key (SHA256:\S+)$", re.MULTILINE)
_GOOD = re.compile(r"^Good .* signature for (\S+) with \S+ key (SHA256:\S+)$", re.MULTILINE)


class Signer(NamedTuple):
    """Who signed: the principal of the key in `allowed_signers`, and the key's fingerprint."""

    principal: str
    fingerprint: str


def signer_of(message: bytes, signature: str, verifier: Verifier, at: datetime) -> Signer:
    """Who made this signature of this message, according to the lists as of `at`.

    Validity dates of lines and certificates are compared with `at`; revocation applies at any time.

    Raises:
        ApprovalError: the key is not allowed, is allowed by a wildcard only, is revoked, or is a
            certificate with conditions; or the signature is not for this message.
        MachineError: ssh-keygen cannot be started.
    """
    parsed, certificate = _usable(signature, at)
    with _copies(_files(parsed, verifier)) as directory:
        questions = _Questions(verifier, directory, at)
        principal = questions.principal(_names(parsed, certificate, verifier))
        return questions.verified(principal, message)


def signing_key(message: bytes, signature: str, keygen: Program, at: datetime) -> str:
    """The fingerprint of the key that made this signature of this message, whoever may approve:
    for a machine that has no list of signers.

    Raises:
        ApprovalError: it is not a signature of this message, or is by a certificate with conditions
            or one that is not valid as of `at`.
        MachineError: ssh-keygen cannot be started.
    """
    parsed, _ = _usable(signature, at)
    with _copies({SIGNATURE: parsed.armoured().encode()}) as directory:
        asked = ("-Y", "check-novalidate", "-n", NAMESPACE, "-s", SIGNATURE)
        done = run_keygen(keygen, asked, message, CHECK_LIMIT_S, ENVIRONMENT, directory)
    good = _GOOD_KEY.search(done.stdout.decode(errors="replace"))
    if done.returncode or good is None:
        raise _edited(last_line(done.stdout + done.stderr), "a signature of these bytes")
    return good[1]


def revoked_of(keys: Iterable[bytes], verifier: Verifier) -> frozenset[bytes]:
    """Those of these public keys that are on the list of revoked keys.

    Raises:
        MachineError: ssh-keygen cannot be started.
    """
    asked = dict.fromkeys(keys)
    if verifier.revoked is None or not asked:
        return frozenset()
    if not verifier.revoked.data.startswith(KRL_MAGIC):
        return frozenset(asked) & revoked_blobs(verifier.revoked.data)
    names = {f"{number}.pub": key for number, key in enumerate(asked)}
    files = {name: public_key_line(key).encode() for name, key in names.items()}
    with _copies({**files, REVOKED: verifier.revoked.data}) as directory:
        asks = ("-Q", "-f", REVOKED, *names)
        done = run_keygen(verifier.keygen, asks, b"", CHECK_LIMIT_S, ENVIRONMENT, directory)
    told = split_lines(done.stdout.decode(errors="replace"))
    good = {line.partition(" ")[0].rstrip(":") for line in told if line.endswith(": ok")}
    return frozenset(key for name, key in names.items() if name not in good)


def _usable(signature: str, at: datetime) -> tuple[SshSignature, Certificate | None]:
    """The signature, and the certificate that made it, None for a plain key.

    Raises:
        ApprovalError: it is not a signature, or its certificate may not approve.
    """
    try:
        parsed = parse_signature(signature)
        certificate = parse_certificate(parsed.public_key)
    except WireFormatError as error:
        raise _edited(str(error), "a whole SSH signature") from error
    flaw = certificate.flaw(at) if certificate is not None else ""
    if flaw:
        raise _wrong_certificate(flaw)
    return parsed, certificate


def _names(
    signature: SshSignature, certificate: Certificate | None, verifier: Verifier
) -> frozenset[str]:
    """The names that the key may have: exactly those of its lines, or those of its certificate.
    Lists and patterns do not count."""
    if certificate is not None:
        return frozenset(name.decode(errors="replace") for name in certificate.principals)
    lines = verifier.signers.lines
    return frozenset(line.principals for line in lines if line.key == signature.public_key)


class _Questions(NamedTuple):
    """The two calls of ssh-keygen for one signature, with the copies in `directory`."""

    verifier: Verifier
    directory: Path
    at: datetime

    def principal(self, known: frozenset[str]) -> str:
        """The name of the key, which must be one of `known`. With a pattern any identity would
        verify; with two names it would be unknown who signed."""
        found = self.ask("find-principals")
        if _NOBODY in found.stderr:
            raise self.wrong_key(last_line(found.stderr))
        principals = split_lines(found.stdout.decode(errors="replace"))
        if found.returncode or not principals:
            raise _edited(last_line(found.stderr), "a whole SSH signature")
        exact = [name for name in principals if EXACT_NAME.fullmatch(name) and name in known]
        if len(principals) != 1 or not exact:
            raise ApprovalError(
                "the key is not allowed under one exact name",
                guard="allowed_signers",
                got=ascii(", ".join(principals))[1:-1],
                expected="one exact principal, such as alice@example.org",
                next_step=f"give the key a line with one principal in {self.list}",
            )
        return exact[0]

    def verified(self, principal: str, message: bytes) -> Signer:
        """The signer, if `principal` signed `message`."""
        about = ("-I", principal, "-n", NAMESPACE)
        revoked = () if self.verifier.revoked is None else ("-r", REVOKED)
        checked = self.ask("verify", *about, *revoked, message=message)
        if _OTHER_USES in checked.stderr:
            raise self.wrong_key(first_line(checked.stderr))
        good = _GOOD.search(checked.stdout.decode(errors="replace"))
        if checked.returncode == 0 and good is not None:
            return Signer(principal, good[2])
        if revoked and self.ask("verify", *about, message=message).returncode == 0:
            raise self.revoked(principal)
        said = last_line(checked.stdout + checked.stderr)
        raise _edited(said, f"a signature by {principal} of these bytes")

    def ask(
        self, what: str, *more: str, message: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        moment = self.at.astimezone(UTC).strftime("%Y%m%d%H%M%S")  # ENVIRONMENT's zone is UTC
        files = ("-f", SIGNERS, "-s", SIGNATURE, "-O", f"verify-time={moment}")
        arguments = ("-Y", what, *files, *more)
        keygen = self.verifier.keygen
        return run_keygen(keygen, arguments, message, CHECK_LIMIT_S, ENVIRONMENT, self.directory)

    @property
    def list(self) -> Path:
        return self.verifier.signers.path

    def wrong_key(self, said: str) -> ApprovalError:
        return ApprovalError(
            "the plan is signed by a key that may not approve",
            guard="allowed_signers",
            got=said or "an unknown key",
            expected=f"a key with a line in {self.list}",
            next_step=f"sign with an allowed key, or let its owner add it to {self.list}",
        )

    def revoked(self, principal: str) -> ApprovalError:
        """The signature is valid without the list, so the list has the key, or is damaged."""
        assert self.verifier.revoked is not None
        path = self.verifier.revoked.path
        if self.verifier.revoked.data.startswith(KRL_MAGIC):
            shown = ("-Q", "-l", "-f", REVOKED)
            keygen = self.verifier.keygen
            done = run_keygen(keygen, shown, b"", CHECK_LIMIT_S, ENVIRONMENT, self.directory)
            if done.returncode:
                return ApprovalError(
                    "the list of revoked keys is damaged",
                    guard="revoked_keys",
                    got=f"{path}: {last_line(done.stderr)}",
                    expected="a complete KRL of ssh-keygen(1)",
                    next_step=f"make {path} again: ssh-keygen -k -f {path} KEY.pub",
                )
        return ApprovalError(
            f"the key of {principal} is revoked, or the authority that certified it",
            guard="revoked_keys",
            got=f"it is in {path}",
            expected="a key that is not revoked",
            next_step="approve with another key, and find out who used this one",
        )


def _files(signature: SshSignature, verifier: Verifier) -> dict[str, bytes]:
    """The signature and the lists, by the names under which ssh-keygen gets them."""
    revoked = {} if verifier.revoked is None else {REVOKED: verifier.revoked.data}
    signed = {SIGNATURE: signature.armoured().encode()}
    return {**signed, SIGNERS: verifier.signers.file.data, **revoked}


@contextmanager
def _copies(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A private directory with these files, since ssh-keygen reads files only.

    Raises:
        MachineError: there is no space for it, or others could replace it.
    """
    with ExitStack() as held:
        try:
            made = tempfile.TemporaryDirectory(prefix="remediate-", ignore_cleanup_errors=True)
            directory = Path(held.enter_context(made))
            for name, data in files.items():
                (directory / name).write_bytes(data)
        except OSError as error:
            raise MachineError(
                "the signature cannot be verified: its copy for ssh-keygen cannot be written",
                guard="temporary directory",
                got=str(error),
                expected="a directory for temporary files with free space",
                next_step="free space, or set TMPDIR to another directory",
            ) from error
        # In $TMPDIR, others might be able to replace the directory by their own.
        check_directory(directory, refusal=MachineError)
        yield directory


def _edited(got: str, expected: str) -> ApprovalError:
    return ApprovalError(
        "the signature is not for this statement: one of them was edited",
        guard="signature",
        got=got or "no match",
        expected=expected,
        next_step="find out who changed it; then approve the plan again",
    )


def _wrong_certificate(flaw: str) -> ApprovalError:
    return ApprovalError(
        "the plan is signed with a certificate that may not approve",
        guard="certificate",
        got=flaw,
        expected="a valid user certificate with principals and without critical options",
        next_step="let its authority issue one for approvals, or sign with a key that is listed",
    )
