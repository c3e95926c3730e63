"""A node as the checks see it: silence is a failure with a reason, long answers come in pages."""

from __future__ import annotations

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

from remediations.plan.plan import Target
from remediations.verify import node as module
from remediations.verify.node import Node, until
from tests.unit.model import answers

TARGET = Target(
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

    def run(self, command: str, url: str) -> SimpleNamespace:
        assert command == "curl -q -s --noproxy '*' --max-time 5 %s"
        self.asked.append(url)
        path = url.removeprefix(f"{TARGET.rpc_url}/")
        reply = self.replies.get(path)
        return SimpleNamespace(rc=0 if reply is not None else 7, stdout_bytes=reply or b"")


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
