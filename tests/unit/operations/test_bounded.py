"""What a host writes to the plain connector, and how long it takes, is bounded."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remediations.systems.hosts.pyinfra.bounded import OUTPUT_BYTES, run_bounded

ASK = """
import sys
from types import SimpleNamespace
from pyinfra.api.command import StringCommand
from remediations.systems.hosts.pyinfra import connector
connector.COMMAND_LIMIT_S = float(sys.argv[2])
made = connector.OpenSSHConnector.__new__(connector.OpenSSHConnector)
made.data = {"ssh_name": "h", "ssh_config": "", "ssh_program": sys.argv[1]}
made.host = SimpleNamespace(name="h", print_prefix="")
made.state = None
connector.make_unix_command_for_host = lambda state, host, command: command
good, output = made.run_shell_command(StringCommand("x"), print_output=True)
print(good, len(output.stdout_lines), output.stderr[-300:])
"""


def asked(directory: Path, said: str, *, limit_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """The answer of the connector to an ssh that runs `said`, within 1 GiB of memory."""
    ssh = directory / "ssh"
    ssh.write_text(f"#!/bin/sh\n{said}\n")
    ssh.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-c", ASK, str(ssh), str(limit_s)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)),
    )


def test_a_program_has_our_environment_or_its_own() -> None:
    """Nothing is mixed into one that is given."""
    ours = run_bounded(["/usr/bin/env"], b"", limit_s=30).stdout
    own = run_bounded(["/usr/bin/env"], b"", limit_s=30, env={"ONLY": "this"}).stdout
    assert b"PATH=" in ours
    assert own == b"ONLY=this\n"


def test_a_host_that_never_stops_writing_is_cut_off(tmp_path: Path) -> None:
    """Failed, and said so; neither memory nor time goes on."""
    began = time.monotonic()
    for stream in (">&1", ">&2"):
        done = asked(tmp_path, f"yes x {stream}")
        assert done.stdout.startswith("False "), done.stderr[-500:]
        assert f"cut off: more than {OUTPUT_BYTES} bytes" in done.stdout[-200:]
        assert done.stderr.endswith("only 1000 lines are shown\n")
    assert time.monotonic() - began < 50


def test_a_host_that_never_ends_has_a_limit(tmp_path: Path) -> None:
    """Also where an operation sets none."""
    done = asked(tmp_path, "exec sleep 50", limit_s=1)
    assert "TimeoutError: ssh h: no end within 1 s" in done.stderr


def test_what_a_host_says_does_not_steer_a_terminal(tmp_path: Path) -> None:
    """Errors, and what is printed: escapes, and characters that turn the direction."""
    done = asked(tmp_path, r"printf '\033[2Jx\n'; printf '\033[8m\342\200\256y\n' >&2")
    assert done.stderr.splitlines() == [r"\u{1b}[2Jx", r"\u{1b}[8m\u{202e}y"]
    assert done.stdout.startswith("True 1 ")


@pytest.mark.parametrize("size", [0, 70_000, 3_000_000])
def test_bytes_go_through_as_they_are(size: int) -> None:
    """Both ways at once, whatever they are."""
    data = bytes(range(256)) * (size // 256)
    ended = run_bounded(["cat"], data, limit_s=30)
    assert (ended.code, ended.stdout, ended.stderr, ended.cut) == (0, data, b"", False)


def test_a_program_need_not_read_its_input() -> None:
    """It ends as it ends; what it leaves unread is its own affair."""
    ended = run_bounded(["sh", "-c", "echo e >&2; exit 3"], b"x" * 3_000_000, limit_s=30)
    assert (ended.code, ended.stderr, ended.cut) == (3, b"e\n", False)
