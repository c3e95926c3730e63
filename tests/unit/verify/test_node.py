"""A node as the checks see it: silence is a failure with a reason, long answers come in pages."""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from msgspec.structs import replace
from testinfra.host import Host

from remediations.playbooks.chain.checks.test_nodes import FAILURES, NOT_SEARCHED, SEARCH
from remediations.reach.blocking import BlockingReach
from remediations.reach.connection import Completed
from remediations.systems.comet import asked as module
from remediations.systems.comet.asked import Node, until
from remediations.systems.comet.curl import CURL, ask
from remediations.systems.comet.rpc import MAX_PAGES, RpcError
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.comet.values import NodePlace
from remediations.systems.hosts import testinfra as backend
from tests.unit.model import answers

TARGET = NodePlace(
    host="val1",
    unit="virtengine.service",
    home="/var/lib/virtengine",
    user="virtengine",
    rpc_url="http://127.0.0.1:26657",
    address="",
    power=10,
)


@dataclass
class Curl:
    """A testinfra host that answers for URLs, and remembers them."""

    replies: dict[str, bytes]
    asked: list[str] = field(default_factory=list)

    def run(self, command: str) -> SimpleNamespace:
        assert command.startswith(f"timeout -k 1 15 {CURL} --max-time 5 -w '\\n' --url ")
        words = shlex.split(command)
        urls = [words[at + 1] for at, word in enumerate(words) if word == "--url"]
        self.asked.append(" ".join(urls))
        replies = [self.replies.get(url.removeprefix(f"{TARGET.rpc_url}/")) for url in urls]
        printed = b"".join(reply + b"\n" for reply in replies if reply is not None)
        return SimpleNamespace(rc=7 if None in replies else 0, stdout_bytes=printed)


def node(replies: dict[str, bytes]) -> tuple[Node, Curl]:
    curl = Curl(replies)
    return Node(TARGET, cast("Host", curl)), curl


def test_silence_is_a_failed_check() -> None:
    """A node that does not answer fails the check that asked, by name."""
    silent, _ = node({})
    with pytest.raises(AssertionError, match=r"val1: status did not answer \(curl exit 7\)"):
        silent.status()


def test_headers_come_in_pages_of_twenty() -> None:
    """`/blockchain` gives no more than twenty headers a call."""
    ranges = ((1, 20), (21, 40), (41, 45))
    pages = {
        f"blockchain?minHeight={low}&maxHeight={high}": answers.blockchain(
            tuple(range(high, low - 1, -1))
        )
        for low, high in ranges
    }
    full, curl = node(pages)
    assert sorted(full.blocks(1, 45)) == list(range(1, 46))
    assert len(curl.asked) == 3


def test_validators_come_in_pages_of_a_hundred() -> None:
    """A set of a hundred or more is asked for until a page is not full."""
    pages = {
        f"validators?height=113&per_page=100&page={page}": answers.validators((1,) * 107, page=page)
        for page in (1, 2)
    }
    full, curl = node({"status": answers.status(113), **pages})
    members = full.validators()
    assert (members.height, members.total, len(members.validators)) == (114, 107, 107)
    assert len(curl.asked) == 3


def test_a_set_that_never_ends_is_not_asked_for() -> None:
    """As many pages as a set may have, and they are asked for at once: two commands, whatever the
    node announces."""
    first = "validators?height=113&per_page=100&page=1"
    for total in (10_001, 9 * 10**18):
        page = b'{"result":{"block_height":"113","total":"%d","validators":[]}}' % total
        endless, curl = node({"status": answers.status(113), first: page})
        with pytest.raises(RpcError, match="more than 10000 validators announced"):
            endless.validators()
        assert len(curl.asked) == 2
    page = b'{"result":{"block_height":"113","total":"10000","validators":[]}}'
    most, curl = node({"status": answers.status(113), first: page})
    with pytest.raises(AssertionError, match="did not answer"):
        most.validators()
    assert len(curl.asked) == 3
    assert curl.asked[2].count("http://") == MAX_PAGES - 1


def cut_off(**changes: bool) -> SimpleNamespace:
    done = Completed(
        exit_status=0, stdout=b"{}", stderr=b"", duration_ms=1,
        **{"truncated": False, "timed_out": False, **changes},
    )  # fmt: skip
    return SimpleNamespace(run=lambda *_, **__: done)


@pytest.mark.parametrize(
    ("how", "says"), [("truncated", "larger than what is read"), ("timed_out", "no answer within")]
)
def test_an_answer_that_is_not_whole_fails_the_check(how: str, says: str) -> None:
    """What was cut off proves nothing, whatever its beginning says."""
    whole = backend.testinfra_host(cast("BlockingReach", cut_off()), "val1")
    assert whole.run("true").stdout == "{}"
    host = backend.testinfra_host(cast("BlockingReach", cut_off(**{how: True})), "val1")
    with pytest.raises(AssertionError, match=f"val1: .*{says}"):
        Node(TARGET, host).status()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "-o/tmp/x", "http://h:1/$(touch x)"])
def test_a_url_is_one_and_of_the_rpc_only(url: str, tmp_path: Path) -> None:
    """Neither a file of the host nor an option nor a command, whoever wrote the plan."""
    done = subprocess.run(["sh", "-c", ask(url, seconds=1)], capture_output=True, cwd=tmp_path)
    assert done.returncode != 0
    assert done.stdout.strip() == b""
    assert list(tmp_path.iterdir()) == []


def test_small_set_is_one_page() -> None:
    """Four validators are on one page."""
    page = "validators?height=113&per_page=100&page=1"
    small, curl = node({"status": answers.status(113), page: answers.validators()})
    assert small.validators().total == 100
    assert len(curl.asked) == 2


@dataclass
class Local:
    """A testinfra host that is this machine."""

    def run(self, command: str, *arguments: str) -> SimpleNamespace:
        text = command % tuple(map(shlex.quote, arguments))
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30)
        return SimpleNamespace(rc=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def check_output(self, command: str, *arguments: str) -> str:
        done = self.run(command, *arguments)
        assert done.rc == 0
        return str(done.stdout).rstrip("\n")

    def sudo(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.fixture
def local(tmp_path: Path) -> tuple[Node, Path]:
    """A node on this machine, and its sign state."""
    state = tmp_path / "data/priv_validator_state.json"
    state.parent.mkdir()
    return Node(replace(TARGET, home=str(tmp_path)), cast("Host", Local())), state


def test_a_sign_state_is_looked_into_as_by_a_reading(local: tuple[Node, Path]) -> None:
    """Height, round and step, and no byte of anything that is not one."""
    node, state = local
    state.write_text('{"height": "7", "round": 1, "step": 2, "signature": "AAAA"}')
    assert node.sign_state().hrs == (7, 1, 2)
    state.write_text('{"height": "SECRET", "round": 1, "step": 2}')
    with pytest.raises(AssertionError, match="it is not what CometBFT writes"):
        node.sign_state()
    state.unlink()
    state.symlink_to("/etc/shadow")
    with pytest.raises(AssertionError, match="it is not a regular file"):
        node.sign_state()


def test_what_runs_as_root_ends_by_itself(
    local: tuple[Node, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where our connection has ended before it."""
    monkeypatch.setattr(module, "ROOT_LIMIT_S", 0.2)
    node, _ = local
    assert node.root("printf %%s-%s %s | cat", "x", "a b") == "a b-x"
    with pytest.raises(AssertionError):
        node.root("sleep 60")


def test_until_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition is looked at again until the time is over, and once in any case."""
    monkeypatch.setattr(module, "POLL_S", 0.001)
    seen = iter([False, False, True])
    assert until(lambda: next(seen), 5)
    assert not until(lambda: False, 0.01)
    assert until(lambda: True, 0)


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("echo INF executed block", ""),
        ("exit 0", ""),
        ("echo 'E CONSENSUS FAILURE!!!'", "E CONSENSUS FAILURE!!!"),
        ("echo INF; exit 1", "the journal was not searched"),
        ("head -c 400000000 /dev/zero | tr '\\0' x", None),
    ],
)
def test_a_journal_that_was_not_searched_proves_nothing(
    local: tuple[Node, Path], monkeypatch: pytest.MonkeyPatch, script: str, found: str | None
) -> None:
    """journalctl that fails is found; a message that is too long for grep fails the check."""
    node, state = local
    tool = state.parent / "journalctl"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    if found is None:
        with pytest.raises(AssertionError):
            node.root(SEARCH, "a" * 32, f"{FAILURES}|^{NOT_SEARCHED}", CREDENTIALS)
    else:
        assert node.root(SEARCH, "a" * 32, f"{FAILURES}|^{NOT_SEARCHED}", CREDENTIALS) == found
