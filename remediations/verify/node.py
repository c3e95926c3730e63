"""One node as the checks see it: its RPC and its files, read through testinfra."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from testinfra.host import Host

from remediations.model import comet
from remediations.model.chain import BlockMeta, BlockResult, Commit, NodeStatus, Peer, ValidatorSet
from remediations.model.sign_state import SignState, parse_sign_state
from remediations.plan.plan import Target

T = TypeVar("T")

PAGE = 20
"""`/blockchain` answers so many headers a call."""
VALIDATORS_PAGE = 100
POLL_S = 0.5


class _Announced(msgspec.Struct):
    total: int


class _ValidatorsHead(msgspec.Struct):
    """Of an answer to `/validators`, only how many there are on all pages."""

    result: _Announced


def _validators_page(height: int, number: int) -> str:
    return f"validators?height={height}&per_page={VALIDATORS_PAGE}&page={number}"


class Node:
    """A target with its testinfra host. Readings raise AssertionError where nothing was answered:
    for a check, silence is a failure with a reason."""

    def __init__(self, target: Target, host: Host) -> None:
        self.target = target
        self.host = host

    @property
    def name(self) -> str:
        """The inventory name."""
        return self.target.host

    def status(self) -> NodeStatus:
        """`/status` now."""
        return self._rpc("status", comet.parse_status)

    def commit(self, height: int) -> Commit:
        """The commit of `height`."""
        return self._rpc(f"commit?height={height}", comet.parse_commit)

    def result(self, height: int) -> BlockResult:
        """The application's answer to `height`."""
        return self._rpc(f"block_results?height={height}", comet.parse_block_result)

    def peers(self) -> tuple[Peer, ...]:
        """The peers now."""
        return self._rpc("net_info", comet.parse_peers)

    def blocks(self, low: int, high: int) -> dict[int, BlockMeta]:
        """Headers from `low` to `high`, by height, as many as the node has."""
        found: dict[int, BlockMeta] = {}
        for start in range(low, high + 1, PAGE):
            end = min(high, start + PAGE - 1)
            page = self._rpc(f"blockchain?minHeight={start}&maxHeight={end}", comet.parse_blocks)
            found.update({meta.height: meta for meta in page})
        return found

    def validators(self) -> ValidatorSet:
        """The whole validator set of one height, all pages."""
        height = self.status().height
        pages = [self._rpc(_validators_page(height, 1), bytes)]
        total = msgspec.json.decode(pages[0], type=_ValidatorsHead, strict=False).result.total
        for number in range(2, -(-total // VALIDATORS_PAGE) + 1):
            pages.append(self._rpc(_validators_page(height, number), bytes))
        return comet.parse_validators(b"\n".join(pages))

    def sign_state(self) -> SignState:
        """The sign state file, read with sudo."""
        path = f"{self.target.home}/data/priv_validator_state.json"
        with self.host.sudo():
            return parse_sign_state(self.host.file(path).content_string)

    def root(self, command: str, *arguments: str) -> str:
        """The output of a read-only command run with sudo."""
        with self.host.sudo():
            return str(self.host.check_output(command, *arguments))

    def _rpc(self, path: str, parse: Callable[[bytes], T]) -> T:
        answer = self.host.run("curl -s --max-time 5 %s", f"{self.target.rpc_url}/{path}")
        assert answer.rc == 0, f"{self.name}: {path} did not answer (curl exit {answer.rc})"
        return parse(answer.stdout_bytes)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True
