"""`ssh-keygen`: signs with keys, agents and hardware tokens that operators already have.

The message and the signature go through standard input and output: if a `.sig` file already exists,
ssh-keygen exits with 0 and keeps the *old* signature.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from remediations.engine.approve.approval import NAMESPACE
from remediations.errors import ApprovalError, MachineError
from remediations.machine.programs import ENVIRONMENT, INSTALL, Program
from remediations.values.lines import split_lines

TOUCH_LIMIT_S = 60
"""Time to find a hardware key and touch it."""
FOR_SIGNING = (
    "HOME",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "SSH_SK_PROVIDER",
    "DISPLAY",
    "XAUTHORITY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
)
"""Variables that may be needed to use a key: for an agent, a dialog, or a token's library."""


def sign(message: bytes, key: Path, keygen: Program) -> str:
    """The armoured signature of `message` by a key file, or by the key in the agent for a `.pub`.

    Raises:
        ApprovalError: there is no signature: key missing, agent locked, passphrase or touch
        refused.
    """
    if not _is_file(key):
        raise ApprovalError(
            "there is no such key",
            guard="signing key",
            got=str(key),
            expected="a private key file, or the .pub of a key in the agent",
            next_step="`ls ~/.ssh/*.pub` and `ssh-add -L` list yours; give one as --key",
        )
    arguments = ("-Y", "sign", "-n", NAMESPACE, "-f", str(key))
    given = {name: os.environ[name] for name in FOR_SIGNING if name in os.environ}
    done = run_keygen(keygen, arguments, message, TOUCH_LIMIT_S, {**given, **ENVIRONMENT})
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise ApprovalError(
            "the key did not sign",
            guard="signing key",
            got=last_line(done.stderr) or "no signature",
            expected=f"a signature by {key}",
            next_step="`ssh-add -l` shows what the agent has; give its .pub as --key",
        )
    return done.stdout.decode()


def run_keygen(
    keygen: Program,
    arguments: Sequence[str],
    message: bytes,
    limit_s: float,
    environment: Mapping[str, str],
    directory: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run ssh-keygen with exactly this environment, in `directory` or the current one.

    Raises:
        ApprovalError: it did not answer within `limit_s` seconds.
        MachineError: it cannot be started.
    """
    try:
        return subprocess.run(
            [str(keygen.path), *arguments],
            input=message,
            capture_output=True,
            timeout=limit_s,
            env=environment,
            cwd=directory,
        )
    except subprocess.TimeoutExpired as error:
        raise ApprovalError(
            "ssh-keygen did not answer",
            guard="signing key",
            got=f"nothing within {limit_s:.0f} s",
            expected="a signature",
            next_step="unlock the agent or touch the hardware key, and try again",
        ) from error
    except (OSError, ValueError) as error:
        raise MachineError(
            "ssh-keygen cannot be started",
            guard="ssh_keygen",
            got=f"{keygen.path}: {error}",
            expected="OpenSSH's ssh-keygen",
            next_step=INSTALL,
        ) from error


def _is_file(path: Path) -> bool:
    """False also if access is denied, or if no file can have such a name."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def first_line(said: bytes) -> str:
    """The first line of a program's output."""
    return _lines(said)[0]


def last_line(said: bytes) -> str:
    """The last line of a program's output."""
    return _lines(said)[-1]


def _lines(said: bytes) -> list[str]:
    return split_lines(said.decode(errors="replace").strip()) or [""]
