"""One node as the checks see it: its RPC and its files, read through testinfra."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import TypeVar

from testinfra.host import Host

from remediations.systems.comet import rpc
from remediations.systems.comet.curl import ask
from remediations.systems.comet.sign_state import SignState, parse_sign_state
from remediations.systems.comet.values import (
    BlockMeta,
    BlockResult,
    Commit,
    NodePlace,
    NodeStatus,
    Peer,
    ValidatorSet,
)
from remediations.systems.hosts.guest import guest_program

T = TypeVar("T")

PAGE = 20
"""`/blockchain` answers so many headers a call."""
POLL_S = 0.5
ROOT_LIMIT_S = 15
"""For what runs as root on the host, which would not end with our connection."""
LOOK_LIMIT_S = 5
RPC_SECONDS = 5
ASK_LIMIT_S = 15
"""For all the URLs of one question, which our own limit would not end on the host."""
SHOWN = 200


def _validators_page(height: int, number: int) -> str:
    return f"validators?height={height}&per_page={rpc.PER_PAGE}&page={number}"


class Node:
    """A target with its testinfra host. Readings raise AssertionError where nothing was answered:
    for a check, silence is a failure with a reason."""

    def __init__(self, target: NodePlace, host: Host) -> None:
        self.target = target
        self.host = host

    @property
    def name(self) -> str:
        """The inventory name."""
        return self.target.host

    def status(self) -> NodeStatus:
        """`/status` now."""
        return self._rpc("status", rpc.parse_status)

    def commit(self, height: int) -> Commit:
        """The commit of `height`."""
        return self._rpc(f"commit?height={height}", rpc.parse_commit)

    def result(self, height: int) -> BlockResult:
        """The application's answer to `height`."""
        return self._rpc(f"block_results?height={height}", rpc.parse_block_result)

    def peers(self) -> tuple[Peer, ...]:
        """The peers now."""
        return self._rpc("net_info", rpc.parse_peers)

    def blocks(self, low: int, high: int) -> dict[int, BlockMeta]:
        """Headers from `low` to `high`, by height, as many as the node has."""
        found: dict[int, BlockMeta] = {}
        for start in range(low, high + 1, PAGE):
            end = min(high, start + PAGE - 1)
            page = self._rpc(f"blockchain?minHeight={start}&maxHeight={end}", rpc.parse_blocks)
            found.update({meta.height: meta for meta in page})
        return found

    def validators(self) -> ValidatorSet:
        """The whole validator set of one height, all pages: as many as a set may have, and in one
        command what the first one leaves, so that all together have the limits of one answer."""
        height = self.status().height
        first = self._ask(_validators_page(height, 1))
        pages = rpc.validator_pages(first)
        others = [_validators_page(height, number) for number in range(2, pages + 1)]
        rest = self._ask(*others) if others else b""
        return rpc.parse_validators(first.rstrip(b"\n") + b"\n" + rest)

    def sign_state(self) -> SignState:
        """The sign state, looked into with sudo as by a reading (systems/hosts/guest.sh): only
        what the parser needs leaves the host."""
        home = self.target.home
        look = guest_program(
            "sign_state",
            f"{home}/data/priv_validator_state.json",
            home=home,
            user=self.target.user or "root",
            limit_s=LOOK_LIMIT_S,
        )
        with self.host.sudo():
            answer = self.host.run(f"timeout -k 1 {ROOT_LIMIT_S} sh -c %s", look)
        complaint = answer.stderr.strip()[:SHOWN]
        assert answer.rc == 0, f"{self.name}: the sign state cannot be read: {complaint}"
        return parse_sign_state(answer.stdout)

    def root(self, command: str, *arguments: str) -> str:
        """The output of a read-only command run with sudo, which ends with it after a while."""
        text = command % tuple(map(shlex.quote, arguments)) if arguments else command
        with self.host.sudo():
            return str(self.host.check_output(f"timeout -k 1 {ROOT_LIMIT_S} sh -c %s", text))

    def _rpc(self, path: str, parse: Callable[[bytes], T]) -> T:
        return parse(self._ask(path))

    def _ask(self, *paths: str) -> bytes:
        """The answers, each beginning a line; all of them within the limits of one command."""
        urls = (f"{self.target.rpc_url}/{path}" for path in paths)
        answer = self.host.run(f"timeout -k 1 {ASK_LIMIT_S} {ask(*urls, seconds=RPC_SECONDS)}")
        assert answer.rc == 0, f"{self.name}: {paths[0]} did not answer (curl exit {answer.rc})"
        return bytes(answer.stdout_bytes)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True
