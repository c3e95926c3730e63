"""One node as the checks see it: its RPC and its files, read through testinfra."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from testinfra.host import Host

from remediations.files.guest import GUEST
from remediations.model import comet
from remediations.model.chain import BlockMeta, BlockResult, Commit, NodeStatus, Peer, ValidatorSet
from remediations.model.sign_state import SignState, parse_sign_state
from remediations.plan.plan import Target

T = TypeVar("T")

PAGE = 20
"""`/blockchain` answers so many headers a call."""
VALIDATORS_PAGE = 100
POLL_S = 0.5
ROOT_LIMIT_S = 15
"""For what runs as root on the host, which would not end with our connection."""
ASK = "curl -q -s --noproxy '*' --max-time 5 %s"
SHOWN = 200


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
        """The sign state, looked into with sudo as by a reading (files/guest.sh): only what the
        parser needs leaves the host."""
        home = self.target.home
        path = f"{home}/data/priv_validator_state.json"
        look = f"home=%s timeout -k 1 {ROOT_LIMIT_S} sh -c %s guest sign_state %s"
        with self.host.sudo():
            answer = self.host.run(look, home, GUEST, path)
        complaint = answer.stderr.strip()[:SHOWN]
        assert answer.rc == 0, f"{self.name}: the sign state cannot be read: {complaint}"
        return parse_sign_state(answer.stdout)

    def root(self, command: str, *arguments: str) -> str:
        """The output of a read-only command run with sudo, which ends with it after a while."""
        text = command % tuple(map(shlex.quote, arguments)) if arguments else command
        with self.host.sudo():
            return str(self.host.check_output(f"timeout -k 1 {ROOT_LIMIT_S} sh -c %s", text))

    def _rpc(self, path: str, parse: Callable[[bytes], T]) -> T:
        answer = self.host.run(ASK, f"{self.target.rpc_url}/{path}")
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
