"""Hosts that cannot be logged in to: every command ends with the code for it, and the doctor says
for each host which guard refused and what mends it."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.loopback import beside, inventory
from tests.unit.cli.wrong import contents, refused
from tests.unit.reach.agents import agent, ask
from tests.unit.reach.sshd import Server, make_key, public, serving


class Scene(NamedTuple):
    """A directory of an operator with a key that `server` accepts."""

    path: Path
    server: Server
    key: Path
    stack: ExitStack

    def known(self, text: str) -> str:
        file = self.path / "known_hosts"
        file.write_text(text)
        return f"  UserKnownHostsFile {file}\n"

    def line(self) -> str:
        """The server's own line of known_hosts."""
        return f"[127.0.0.1]:{self.server.port} {public(self.server.key)}\n"

    def host(self, known: str, *more: str) -> str:
        """val1 in ssh_config."""
        lines = (f"Port {self.server.port}", f"IdentityFile {self.key}", *more)
        text = "Host val1\n" + "".join(f"  {line}\n" for line in lines)
        return text + self.known(known) + "  IdentitiesOnly yes\n"


def dead_name(scene: Scene) -> str:
    return "Host val1\n  HostName val1.invalid\n" + scene.known("")


def nobody_listens(scene: Scene) -> str:
    return "Host val1\n  Port 1\n" + scene.known("")


def nobody_answers(scene: Scene) -> str:
    """A port that accepts, as the kernel does for a machine that hangs, and says nothing."""
    silent = scene.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    port = silent.getsockname()[1]
    return f"Host val1\n  Port {port}\n  ConnectTimeout 1\n" + scene.known("")


def unknown_key(scene: Scene) -> str:
    return scene.host("")


def changed_key(scene: Scene) -> str:
    other = make_key(scene.path / "other")
    return scene.host(f"[127.0.0.1]:{scene.server.port} {public(other)}\n")


def revoked_key(scene: Scene) -> str:
    return scene.host(f"{scene.line()}@revoked * {public(scene.server.key)}\n")


def refused_login(scene: Scene) -> str:
    other = make_key(scene.path / "stranger")
    return scene.host(scene.line()).replace(f"IdentityFile {scene.key}", f"IdentityFile {other}")


def locked_agent(scene: Scene) -> str:
    socket_ = scene.stack.enter_context(agent(scene.path, scene.key))
    ask(socket_, scene.path, "-x")
    text = scene.host(scene.line(), f"IdentityAgent {socket_}")
    return text.replace(f"IdentityFile {scene.key}", f"IdentityFile {scene.key}.pub")


def key_with_passphrase(scene: Scene) -> str:
    words = ("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(scene.key))
    subprocess.run(words, check=True, capture_output=True)
    return scene.host(scene.line(), "IdentityAgent none")


def key_that_others_read(scene: Scene) -> str:
    scene.key.chmod(0o644)
    return scene.host(scene.line(), "IdentityAgent none")


def jump_host_down(scene: Scene) -> str:
    return f"Host val1\n  ProxyJump bastion\nHost bastion\n  Port 1\n{scene.known('')}"


def nothing_behind_the_jump_host(scene: Scene) -> str:
    behind = "Host val1\n  Port 1\n  ProxyJump bastion\n"
    return behind + scene.host(scene.line()).replace("Host val1", "Host bastion")


def wrong_ssh_config(scene: Scene) -> str:
    return "Host val1\n  Prot 22\n"


class Wrong(NamedTuple):
    """How ssh_config looks, the guard that refuses, and a word of what mends it."""

    config: Callable[[Scene], str]
    guard: str
    mend: str


WRONG: dict[str, Wrong] = {
    "DNS dead": Wrong(dead_name, "DNS: ", "correct HostName"),
    "nobody listens": Wrong(nobody_listens, "TCP: ", "is sshd running"),
    "nobody answers": Wrong(nobody_answers, "time limit: ", "is the host up"),
    "host key unknown": Wrong(unknown_key, "strict host keys: ", "compare the key"),
    "host key changed": Wrong(changed_key, "strict host keys: ", "compare the key"),
    "host key revoked": Wrong(revoked_key, "strict host keys: ", "compare the key"),
    "authentication refused": Wrong(refused_login, "authentication: ", "ssh -F"),
    "agent locked": Wrong(locked_agent, "authentication: ", "ssh-add -l"),
    "key with a passphrase": Wrong(key_with_passphrase, "authentication: ", "ssh -F"),
    "key that others may read": Wrong(key_that_others_read, "authentication: ", "ssh -F"),
    "jump host down": Wrong(jump_host_down, "jump host: TCP", "bastion true"),
    "nothing behind the jump host": Wrong(
        nothing_behind_the_jump_host, "forwarding: ", "does bastion allow it"
    ),
    "ssh_config with a mistake": Wrong(wrong_ssh_config, "ssh_config: ", "ssh -G"),
}


@contextmanager
def scene(path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        key = make_key(path / "client")
        server = stack.enter_context(beside(serving(path / "server", key)))
        yield Scene(path, server, key, stack)


@pytest.mark.parametrize("case", WRONG)
def test_nobody_can_be_logged_in_to(desk: Desk, tmp_path: Path, case: str) -> None:
    """`diagnose` ends with 11, names the guard, and leads to the doctor, who says what mends it.

    No command reaches the host, and nothing is written beside ssh_config.
    """
    wrong = WRONG[case]
    with scene(tmp_path) as here:
        file = inventory(tmp_path, wrong.config(here), "val1")
        before = {name: data for name, data in contents(tmp_path).items() if "agent" not in name}
        error = refused(11, wrong.guard, arguments=("diagnose", "-i", file), state=desk.home)
        done = remediate("doctor", "-i", file, "--json")
        assert here.server.commands == []
        after = {name: data for name, data in contents(tmp_path).items() if "agent" not in name}
    assert after == before
    assert f"remediate doctor --inventory {file}" in error["next"]
    result = done.document["result"]
    assert isinstance(result, dict)
    lines = {(li["subject"], li["topic"]): li for li in result["lines"]}
    login = lines["val1", "login"]
    assert (done.code, login["state"]) == (3, "lack")
    assert wrong.guard in login["found"]
    assert wrong.mend in login["mend"]


@pytest.mark.parametrize("case", ["host key changed", "authentication refused", "DNS dead"])
def test_nothing_is_planned_or_proposed_without_a_login(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """11 from `plan` and from `inventory discover`, no run, no file."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    output = tmp_path / "new.yaml"
    with scene(tmp_path) as here:
        file = inventory(tmp_path, WRONG[case].config(here), "val1")
        refused(11, arguments=("plan", "INC-001", "-i", file), state=tmp_path)
        more = ("--ssh-config", tmp_path / "ssh_config", "--output", output)
        refused(11, arguments=("inventory", "discover", "val1", *more), state=tmp_path)
    assert not output.exists()
    assert not (tmp_path / "state").exists()


def test_one_reason_for_many_hosts_is_not_repeated_a_hundred_times(
    desk: Desk, tmp_path: Path
) -> None:
    """Three reasons and a number: the error stays one that can be read."""
    names = [f"val{number}" for number in range(1, 21)]
    file = inventory(tmp_path, "Host *\n  Port 1\n  UserKnownHostsFile none\n", *names)
    error = refused(11, "and 17 more", arguments=("diagnose", "-i", file), state=desk.home)
    assert "val1: " in error["got"]
    assert len(error["got"]) < 1000
