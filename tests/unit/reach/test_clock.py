"""Nobody waits for somebody else: what is bounded is bounded where it counts, and nothing more."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.reach import ssh
from remediations.reach.background import TURN_S, short_switch_interval, wait_for_exit
from remediations.reach.connection import HostUnreachable
from remediations.reach.settings import SshSettings
from tests.unit.reach.sshd import inventory, reaching

LIMIT_S = 30
"""A wall against a test that would hang; nothing is measured."""


class Logins:
    """Stands for `log_in`: each login stays under way until all are let go, and is then refused."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.under_way: set[str] = set()
        self.most = 0
        self.over = asyncio.Event()
        monkeypatch.setattr(ssh, "log_in", self._log_in)

    async def _log_in(self, host: str, settings: SshSettings, *_: object) -> None:
        self.under_way.add(host)
        self.most = max(self.most, len(self.under_way))
        await self.over.wait()
        self.under_way.discard(host)
        raise HostUnreachable("x", guard="x", got="x", expected="x", next_step="x")

    async def are(self, number: int) -> None:
        """Wait until so many are under way."""
        while len(self.under_way) < number:
            await asyncio.sleep(0.01)


def most_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, names: list[str], expected: int
) -> int:
    """How many logins are under way at once, when each name is connected to."""

    async def go() -> int:
        logins = Logins(monkeypatch)
        async with (
            asyncio.timeout(LIMIT_S),
            reaching(inventory(tmp_path, config, *names)) as reach,
        ):
            connecting = [asyncio.ensure_future(reach.connect(name)) for name in names]
            await asyncio.gather(*(reach.login(name) for name in names))  # all that can be dialled
            await logins.are(expected)
            logins.over.set()
            await asyncio.gather(*connecting, return_exceptions=True)
        return logins.most

    return asyncio.run(go())


def addresses(number: int) -> str:
    return "".join(f"Host v{n}\n  HostName 127.0.0.{n + 1}\n" for n in range(number))


@pytest.mark.parametrize(
    ("number", "config", "expected"),
    [
        (12, addresses(12), 12),
        (36, addresses(36), ssh.LOGINS),
        (12, "Host *\n  HostName 127.0.0.1\n", ssh.LOGINS_AT_ONE),
        (12, addresses(12) + "Host *\n  ProxyCommand nc %h %p\n", ssh.LOGINS_AT_ONE),
    ],
    ids=["hosts of their own", "in all", "one address", "ProxyCommands"],
)
def test_logins_are_bounded_where_an_sshd_counts_them(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    config: str,
    expected: int,
) -> None:
    """MaxStartups is each sshd's own: hosts of their own are not dialled in rounds of eight."""
    names = [f"v{n}" for n in range(number)]
    assert most_under_way(tmp_path, monkeypatch, config, names, expected) == expected


def test_a_host_is_dialled_before_the_settings_of_others_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One name whose `ssh -G` takes long holds up nobody else."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = f'Match originalhost v0 exec "cat {gate}"\n  Port 22\n'

    async def go() -> None:
        logins = Logins(monkeypatch)
        names = [f"v{n}" for n in range(6)]
        async with (
            asyncio.timeout(LIMIT_S),
            reaching(inventory(tmp_path, slow + addresses(6), *names)) as reach,
        ):
            connecting = [asyncio.ensure_future(reach.connect(name)) for name in names]
            await logins.are(5)
            assert logins.under_way == set(names[1:])
            gate.write_text("")
            await logins.are(6)
            logins.over.set()
            await asyncio.gather(*connecting, return_exceptions=True)

    asyncio.run(go())


def no_pidfd(_process: int) -> int:
    raise OSError("not here")


@pytest.mark.parametrize("opened", [os.pidfd_open, no_pidfd], ids=["pidfd", "no pidfd"])
def test_the_end_of_a_child_is_heard(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[[int], int]
) -> None:
    """Its status arrives also where the kernel does not tell, and when it had ended before."""
    monkeypatch.setattr(os, "pidfd_open", opened)

    async def go() -> None:
        async with asyncio.timeout(LIMIT_S):
            child = subprocess.Popen(["sh", "-c", "exit 3"])
            assert await wait_for_exit(child) == 3
            assert await wait_for_exit(subprocess.Popen(["true"])) == 0

    asyncio.run(go())


def test_no_thread_waits_for_a_child() -> None:
    """asyncio would start one for each before Python 3.12."""

    async def go() -> None:
        before = threading.active_count()
        child = subprocess.Popen(["sleep", "30"])
        waiting = asyncio.ensure_future(wait_for_exit(child))
        await asyncio.sleep(0.05)
        assert threading.active_count() == before
        child.kill()
        assert await waiting == -9

    asyncio.run(go())


def test_short_turns_end_with_the_block() -> None:
    """Whatever ends it."""
    before, inside = sys.getswitchinterval(), 0.0

    def fail() -> None:
        nonlocal inside
        with short_switch_interval():
            inside = sys.getswitchinterval()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == pytest.approx(TURN_S)
    assert sys.getswitchinterval() == before
