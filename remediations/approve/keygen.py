"""`ssh-keygen -Y`: keys, agents and hardware tokens that operators already have.

Signing goes through standard input and output: beside an existing `.sig` file ssh-keygen exits 0
and keeps the *old* signature.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from remediations.approve.approval import NAMESPACE
from remediations.errors import ApprovalError, MachineError

TOUCH_LIMIT_S = 60
"""Time to find the hardware key and touch it."""
CHECK_LIMIT_S = 15
NOBODY = b"No principal matched"
"""Said last whatever was wrong; what was wrong stands before it."""
NO_SIGNATURE = b"Couldn't parse signature"
NO_LIST = b"allowed keys file"
OTHER_USES = b"not permitted for use in signature namespace"
_NAME = re.compile(r"[^\s*?!,]+")
_GOOD = re.compile(r"^Good .* signature for (\S+) with \S+ key (SHA256:\S+)$", re.MULTILINE)


class Signer(NamedTuple):
    """Who signed: the principal that `allowed_signers` gives the key, and the key."""

    principal: str
    fingerprint: str


def sign(message: bytes, key: Path) -> str:
    """The armoured signature of `message` by the key file, or by the agent's key for a `.pub`.

    Raises:
        ApprovalError: no signature came: key missing, agent locked, passphrase or touch refused.
    """
    if not _is_file(key):
        raise ApprovalError(
            "there is no such key",
            guard="signing key",
            got=str(key),
            expected="a private key file, or the .pub of a key in the agent",
            next_step="`ls ~/.ssh/*.pub` and `ssh-add -L` list yours; give one as --key",
        )
    done = _ssh_keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(key)], message, TOUCH_LIMIT_S)
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise ApprovalError(
            "the key did not sign",
            guard="signing key",
            got=_last(done.stderr) or "no signature",
            expected=f"a signature by {key}",
            next_step="`ssh-add -l` shows what the agent has; give its .pub as --key",
        )
    return done.stdout.decode()


def signer_of(message: bytes, signature: str, allowed_signers: Path) -> Signer:
    """Who made this signature of this message.

    Raises:
        ApprovalError: the key is not allowed, only by a wildcard, or the signature is not of this.
    """
    with _written(signature) as file:
        found = _ssh_keygen(
            ["-Y", "find-principals", "-s", file, "-f", str(allowed_signers)], b"", CHECK_LIMIT_S
        )
        if NO_SIGNATURE in found.stderr:
            raise _edited(_first(found.stderr), "a whole SSH signature")
        if NO_LIST in found.stderr:
            raise _no_list(allowed_signers, _first(found.stderr))
        if NOBODY in found.stderr:
            raise _wrong_key(allowed_signers, _last(found.stderr))
        principals = found.stdout.decode(errors="replace").splitlines()
        if found.returncode or not principals:
            raise _edited(_last(found.stderr), "a whole SSH signature")
        principal = _exact(principals, allowed_signers)
        checked = _ssh_keygen(
            [
                *("-Y", "verify", "-f", str(allowed_signers), "-I", principal),
                *("-n", NAMESPACE, "-s", file),
            ],
            message,
            CHECK_LIMIT_S,
        )
    if OTHER_USES in checked.stderr:
        raise _wrong_key(allowed_signers, _first(checked.stderr))
    good = _GOOD.search(checked.stdout.decode(errors="replace"))
    if checked.returncode or good is None:
        raise _edited(
            _last(checked.stdout + checked.stderr), f"a signature by {principal} of these bytes"
        )
    return Signer(principal, good[2])


def _exact(principals: Sequence[str], allowed_signers: Path) -> str:
    """The one name of the key. With a pattern any identity would verify, with two names it would
    not be known who signed."""
    if len(principals) != 1 or not _NAME.fullmatch(principals[0]):
        raise ApprovalError(
            "the key is not allowed under one exact name",
            guard="allowed_signers",
            got=", ".join(principals),
            expected="one exact principal, such as alice@example.org",
            next_step=f"give the key a line with one principal in {allowed_signers}",
        )
    return principals[0]


def _edited(got: str, expected: str) -> ApprovalError:
    return ApprovalError(
        "the signature is not of this statement: one of them was edited",
        guard="signature",
        got=got or "no match",
        expected=expected,
        next_step="find out who changed it; then approve the plan again",
    )


def _no_list(allowed_signers: Path, said: str) -> ApprovalError:
    return ApprovalError(
        "the list of who may approve cannot be read",
        guard="allowed_signers",
        got=said,
        expected="an allowed_signers file (see ssh-keygen(1))",
        next_step=f"mend {allowed_signers}, or name another with --allowed-signers",
    )


def _wrong_key(allowed_signers: Path, said: str) -> ApprovalError:
    return ApprovalError(
        "the plan is signed by a key that may not approve",
        guard="allowed_signers",
        got=said or "an unknown key",
        expected=f"a key with a line in {allowed_signers}",
        next_step=f"sign with an allowed key, or let its owner add it to {allowed_signers}",
    )


@contextmanager
def _written(signature: str) -> Iterator[str]:
    """ssh-keygen reads signatures from files only."""
    with tempfile.NamedTemporaryFile("w", prefix="remediate-", suffix=".sig") as file:
        file.write(signature)
        file.flush()
        yield file.name


def _ssh_keygen(
    arguments: Sequence[str], message: bytes, limit_s: float
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=message,
            capture_output=True,
            timeout=limit_s,
            env=environment,
        )
    except FileNotFoundError as error:
        raise MachineError(
            "ssh-keygen is not installed",
            guard="ssh-keygen",
            got="no such program",
            expected="OpenSSH 8.2 or newer",
            next_step="apt-get install openssh-client",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ApprovalError(
            "ssh-keygen did not answer",
            guard="signing key",
            got=f"nothing within {limit_s:.0f} s",
            expected="a signature",
            next_step="unlock the agent or touch the hardware key, and try again",
        ) from error


def _is_file(path: Path) -> bool:
    """As far as one may look; a name can also be one that no file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def _first(said: bytes) -> str:
    return _lines(said)[0]


def _last(said: bytes) -> str:
    return _lines(said)[-1]


def _lines(said: bytes) -> list[str]:
    return said.decode(errors="replace").strip().splitlines() or [""]
