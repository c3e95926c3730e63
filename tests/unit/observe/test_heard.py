"""Who has answered while hosts are read, and the line that says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from rich.live import Live

from remediations.cli.reading_line import reading_line
from remediations.engine.observe.heard import HeardReach, HostsHeard
from remediations.reach.connection import Completed, Connection, HostUnreachable
from remediations.values.login import Login
from tests.unit.cli.desk import Output


@dataclass
class Answering:
    """A connection that ends in the given way: in time, too late, lost, or never."""

    host: str
    how: str

    async def run(
        self, command: str, *, stdin: bytes = b"", timeout_s: float, max_bytes: int = 4_000_000
    ) -> Completed:
        assert (command, stdin, timeout_s, max_bytes) == ("id", b"x", 1.0, 7)
        if self.how == "lost":
            raise lost(self.host)
        if self.how == "never":
            await asyncio.Event().wait()
        return Completed(
            exit_status=0,
            stdout=b"",
            stderr=b"",
            duration_ms=1,
            truncated=False,
            timed_out=self.how == "late",
        )


def lost(host: str) -> HostUnreachable:
    return HostUnreachable(f"{host}: no", guard="TCP", got="no", expected="yes", next_step="ssh")


@dataclass
class Hosts:
    """A reach whose hosts answer as told."""

    how: dict[str, str]
    logins: list[str] = field(default_factory=list)

    async def connect(self, host: str) -> Connection:
        if self.how[host] == "unreachable":
            raise lost(host)
        return Answering(host, self.how[host])

    async def login(self, host: str) -> Login:
        self.logins.append(host)
        return Login(host=host, hops=())


async def ask(reach: HeardReach, host: str) -> None:
    """One command, within a tenth of a second."""
    async with asyncio.timeout(0.1):
        connection = await reach.connect(host)
        await connection.run("id", stdin=b"x", timeout_s=1.0, max_bytes=7)


def test_each_end_of_a_question_is_reported() -> None:
    """Answered, or not: too late, lost, unreachable, given up; everybody else is waited for."""
    how = {"a": "at once", "b": "late", "c": "lost", "d": "unreachable", "e": "never", "f": ""}
    heard = HostsHeard(tuple(how))
    assert heard.text == "0 of 6 hosts answered; waiting for a, b, c and 3 more"
    reach = HeardReach(Hosts(how), heard)

    async def asked() -> None:
        await asyncio.gather(*(ask(reach, host) for host in "abcde"), return_exceptions=True)

    asyncio.run(asked())
    assert heard.text == "1 of 6 hosts answered; b, c, d, e did not; waiting for f"


def test_a_host_that_answers_the_second_time_has_answered() -> None:
    """A lost connection is tried again; a later failure does not take an answer back."""
    heard = HostsHeard(("a",))
    heard.silent("a")
    assert heard.text == "0 of 1 host answered; a did not"
    heard.answered("a")
    heard.silent("a")
    assert heard.text == "1 of 1 host answered"


def test_logins_are_those_of_the_reach() -> None:
    """A name that is resolved is not an answer."""
    heard, hosts = HostsHeard(("a",)), Hosts({"a": "at once"})
    asyncio.run(HeardReach(hosts, heard).login("a"))
    assert hosts.logins == ["a"]
    assert heard.text == "0 of 1 host answered; waiting for a"


class Terminal(Output):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "term", "drawn"),
    [(Terminal(), "xterm-256color", True), (Terminal(), "dumb", False), (Output(), "xterm", False)],
)
def test_the_line_is_for_a_terminal(
    monkeypatch: pytest.MonkeyPatch, stream: Output, term: str, drawn: bool
) -> None:
    """Elsewhere not a byte of it; in a terminal it is gone at the end."""
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", term)
    with reading_line(lambda: "2 of 6 hosts answered"):
        pass
    assert ("reading for 0 s: 2 of 6 hosts answered" in stream.text) is drawn
    assert stream.text.endswith("\x1b[2K") or not drawn
    assert drawn or stream.text == ""


@pytest.mark.parametrize("breaks", ["start", "stop"])
def test_the_line_ends_nothing(monkeypatch: pytest.MonkeyPatch, breaks: str) -> None:
    """What rich raises when its terminal is gone stays in there."""

    def ends(*_: object, **__: object) -> None:
        raise SystemExit(1)

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(Live, breaks, ends)
    went_on = False
    with reading_line(lambda: ""):
        went_on = True
    assert went_on
