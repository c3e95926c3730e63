"""A pyinfra connector that uses the OpenSSH client: ssh_config is followed exactly.

pyinfra's own connector accepts revoked host keys, ignores HostKeyAlias and `@cert-authority`, and
accepts unknown keys by default. Here host keys are always checked strictly, nothing prompts, and
the ControlPath is in a directory of this process: a shared master is reused without any check of
keys.
"""

from __future__ import annotations

import atexit
import hashlib
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from io import IOBase
from typing import IO, Any, TypedDict, Unpack, cast

import click
import gevent
from gevent.lock import BoundedSemaphore
from pyinfra.api.arguments import ConnectorArguments
from pyinfra.api.command import QuoteString, StringCommand
from pyinfra.api.exceptions import ConnectError, InventoryError
from pyinfra.api.util import get_file_io
from pyinfra.connectors.base import BaseConnector, DataMeta
from pyinfra.connectors.util import (
    CommandOutput,
    OutputLine,
    extract_control_arguments,
    make_unix_command_for_host,
)

from remediations.systems.hosts.pyinfra.bounded import OUTPUT_BYTES, BoundedResult, run_bounded

CONNECT_TIMEOUT_S = 10
CONNECT_ATTEMPTS = 3
COMMAND_LIMIT_S = 600.0
"""For a command whose operation does not set `_timeout`."""
OUTPUT_LINES, PRINTED = 100_000, 1000
"""How many lines of each stream pyinfra is given, and how many of them are printed."""
SSH_FAILED = 255
CONNECTS_AT_ONCE = BoundedSemaphore(8)
"""With sshd's default MaxStartups more than ten at once are reset, and a bastion gets all of
them."""

INVENTORY = "remediate_inventory"
"""Host data: the inventory file that names the host, if there is one."""

FINAL = ("Host key verification failed", "Permission denied", "REVOKED", "revoked")
"""Words in the last message of ssh after which it is useless to try again."""

OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "VerifyHostKeyDNS=no",
    "NoHostAuthenticationForLocalhost=no",
    "KnownHostsCommand=none",
    "UpdateHostKeys=no",
    "ControlMaster=auto",
    "ControlPersist=60",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "SessionType=default",
    "StdinNull=no",
    "ForkAfterAuthentication=no",
    "EscapeChar=none",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    f"ConnectTimeout={CONNECT_TIMEOUT_S}",
)
"""What ssh_config must not change: which keys are trusted, that only our command runs, and that it
gets its input (with StdinNull a file would be written empty without any error)."""


class ConnectorData(TypedDict):
    """`ssh_name` is the name for ssh, "" for that of the host; `ssh_config` its -F, or "";
    `ssh_program` the path of ssh: PATH is not searched."""

    ssh_name: str
    ssh_config: str
    ssh_program: str


class OpenSSHConnector(BaseConnector):
    """One host through `ssh`. `@remediate/NAME` is any name that ssh_config knows."""

    handles_execution = True
    data_cls = ConnectorData
    data_meta = {  # noqa: RUF012 - pyinfra reads it from the class
        "ssh_name": DataMeta("the name given to ssh", ""),
        "ssh_config": DataMeta("the ssh_config file to use", ""),
        "ssh_program": DataMeta("the ssh program", "/usr/bin/ssh"),
    }

    @staticmethod
    def make_names_data(name: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """One host, by its name for ssh.

        Raises:
            InventoryError: the name is empty, or ssh would take it for an option.
        """
        if not name or name.startswith("-"):
            raise InventoryError(f"no host name: {name!r}; use @remediate/HOST")
        yield name, {"ssh_name": name}, []

    def connect(self) -> None:
        """Open the master connection.

        Raises:
            ConnectError: ssh's own last line.
        """
        with CONNECTS_AT_ONCE:
            for attempt in range(CONNECT_ATTEMPTS):
                ended = self._ssh("true", timeout=3 * CONNECT_TIMEOUT_S)
                errors = _text(ended.stderr)
                if ended.code == 0:
                    return
                if ended.code != SSH_FAILED or any(word in errors for word in FINAL):
                    break
                if attempt + 1 < CONNECT_ATTEMPTS:
                    gevent.sleep(random.uniform(0.2, 1.0))  # noqa: S311 - jitter, not a secret
        lines = _harmless(errors)
        raise ConnectError(
            f"ssh {self._name()}: {lines[-1][:300] if lines else f'exit {ended.code}'}"
        )

    def disconnect(self) -> None:
        """End the master connection, if it still exists."""
        self._run([*self._base(), "-O", "exit", "--", self._name()], b"", CONNECT_TIMEOUT_S)

    def run_shell_command(
        self,
        command: StringCommand,
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> tuple[bool, CommandOutput]:
        """Run one command. Output that is not UTF-8 is kept with replacement characters.

        A command that writes more than `OUTPUT_BYTES` has failed: its output up to there is
        returned, with a last line that says so. What it started on the host may still run.

        Raises:
            TimeoutError: `_timeout` passed. What it started on the host may still run.
        """
        stdin = _bytes(arguments.pop("_stdin", None))
        return self._execute(command, arguments, stdin, print_output, print_input)

    def _execute(
        self,
        command: StringCommand,
        arguments: ConnectorArguments,
        stdin: bytes | None,
        print_output: bool,
        print_input: bool,
    ) -> tuple[bool, CommandOutput]:
        control = extract_control_arguments(arguments)
        unix = make_unix_command_for_host(self.state, self.host, command, **arguments)
        if print_input:
            click.echo(f"{self.host.print_prefix}>>> {unix}", err=True)
        ended = self._ssh(
            unix.get_raw_value(),
            stdin=stdin,
            timeout=control.get("_timeout"),
            pty=bool(control.get("_get_pty")),
        )
        out, errors = _text(ended.stdout).splitlines(), _harmless(_text(ended.stderr))
        cut = ended.cut or max(len(out), len(errors)) > OUTPUT_LINES
        said = [OutputLine("stdout", line) for line in out[:OUTPUT_LINES]]
        said += [OutputLine("stderr", line) for line in errors[:OUTPUT_LINES]]
        if cut:
            said.append(OutputLine("stderr", self._cut()))
        if print_output:
            for line in _harmless("\n".join(part.line for part in said[:PRINTED])):
                click.echo(f"{self.host.print_prefix}{line}", err=True)
            if len(said) > PRINTED:
                click.echo(f"{self.host.print_prefix}only {PRINTED} lines are shown", err=True)
        good = ended.code in (control.get("_success_exit_codes") or (0,))
        return good and not cut, CommandOutput(said)

    def put_file(
        self,
        filename_or_io: str | IOBase,
        remote_filename: str,
        remote_temp_filename: str | None = None,  # noqa: ARG002 - pyinfra's signature
        print_output: bool = False,
        print_input: bool = False,
        **arguments: Unpack[ConnectorArguments],
    ) -> bool:
        """Write a file through stdin, without a temporary copy in a world-readable /tmp.

        Raises:
            OSError: it could not be written.
        """
        with get_file_io(cast("str | IO[Any]", filename_or_io)) as file:
            content = _bytes(file.read()) or b""
        target = StringCommand("cat", ">", QuoteString(remote_filename))
        ok, output = self._execute(target, arguments, content, print_output, print_input)
        if not ok:
            raise OSError(output.stderr)
        return True

    def get_file(
        self,
        remote_filename: str,
        filename_or_io: str | IOBase,
        remote_temp_filename: str | None = None,  # noqa: ARG002 - pyinfra's signature
        print_output: bool = False,  # noqa: ARG002
        print_input: bool = False,  # noqa: ARG002
        **arguments: Unpack[ConnectorArguments],
    ) -> bool:
        """Read a file, byte for byte, of at most `OUTPUT_BYTES`.

        Raises:
            OSError: it could not be read, or is larger.
        """
        control = extract_control_arguments(arguments)
        command = StringCommand("cat", QuoteString(remote_filename))
        unix = make_unix_command_for_host(self.state, self.host, command, **arguments)
        ended = self._ssh(unix.get_raw_value(), timeout=control.get("_timeout"))
        if ended.cut:
            raise OSError(self._cut())
        if ended.code:
            raise OSError("\n".join(_harmless(_text(ended.stderr))))
        with get_file_io(cast("str | IO[Any]", filename_or_io), "wb") as file:
            file.write(ended.stdout)
        return True

    def _name(self) -> str:
        return self.data["ssh_name"] or str(self.host.name)

    def _base(self) -> list[str]:
        config = ["-F", self.data["ssh_config"]] if self.data["ssh_config"] else []
        # By name, not by %C: two names of one address may have different known host keys.
        name = hashlib.sha256("\0".join((*config, self._name())).encode()).hexdigest()[:24]
        options = [*OPTIONS, f"ControlPath={control_directory()}/{name}"]
        return [
            self.data["ssh_program"],
            *config,
            *(part for option in options for part in ("-o", option)),
        ]

    def _ssh(
        self,
        command: str,
        *,
        stdin: bytes | None = None,
        timeout: float | None = None,
        pty: bool = False,
    ) -> BoundedResult:
        argv = [*self._base(), "-tt" if pty else "-T", "--", self._name(), command]
        return self._run(argv, stdin or b"", timeout or COMMAND_LIMIT_S)

    def _run(self, argv: list[str], stdin: bytes, limit_s: float) -> BoundedResult:
        try:
            return run_bounded(argv, stdin, limit_s=limit_s)
        except TimeoutError as error:
            raise TimeoutError(f"ssh {self._name()}: {error}") from error

    def _cut(self) -> str:
        return (
            f"ssh {self._name()}: cut off: more than {OUTPUT_BYTES} bytes or {OUTPUT_LINES} lines"
        )


@cache
def control_directory() -> str:
    """The directory for the master connections of this process: 0700, removed when it ends."""
    path = tempfile.mkdtemp(prefix="remediate-ssh-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _bytes(value: object) -> bytes | None:
    """pyinfra's `_stdin`: text, lines, bytes or a file. Lines without an end get one."""
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    lines = value.readlines() if hasattr(value, "readlines") else list(value)  # type: ignore[call-overload]  # any iterable of lines
    texts = (line.decode() if isinstance(line, bytes) else str(line) for line in lines)
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts).encode()


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")


def _harmless(said: str) -> list[str]:
    """The lines of a text for people, without what could control their terminal."""
    return [
        "".join(
            char if char.isprintable() or char == "\t" else f"\\u{{{ord(char):x}}}" for char in line
        )
        for line in said.strip().splitlines()
    ]
