"""A light poll of the chain while a plan is applied, for gates and for the display.

Answers are parsed in a thread, so that parsing one does not delay what is done on other hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from remediations.reach.background import run_in_thread
from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.curl import curl_command
from remediations.systems.comet.rpc import parse_status
from remediations.systems.comet.rpc_envelope import RpcError
from remediations.systems.comet.rpc_rounds import parse_round_state
from remediations.systems.comet.values import NodeStatus, RoundState

_SEPARATOR = b"\x1e"
ROUND_BYTES = 3_900_000


class NodePoll(NamedTuple):
    """What one node reports about itself now; None for what it did not report."""

    status: NodeStatus | None
    round: RoundState | None


async def poll_nodes(reach: Reach, targets: Iterable[tuple[str, str]]) -> dict[str, NodePoll]:
    """Polls each (host, RPC URL as seen from that host), all at once, in one trip each.

    Takes at most 5 seconds; the poll of a host that cannot be asked is empty.
    """
    asked = list(targets)
    polls = await asyncio.gather(*(_poll(reach, host, url) for host, url in asked))
    return {host: poll for (host, _url), poll in zip(asked, polls, strict=True)}


async def _poll(reach: Reach, host: str, url: str) -> NodePoll:
    try:
        async with asyncio.timeout(5):
            connection = await reach.connect(host)
            done = await connection.run(_command(url), timeout_s=4.5)
            return await run_in_thread(_read, done.stdout)
    except (HostUnreachable, TimeoutError):
        return NodePoll(None, None)


def _read(said: bytes) -> NodePoll:
    status, _, round_ = said.partition(_SEPARATOR)
    return NodePoll(_status(status), _round(round_))


def _command(url: str) -> str:
    """Asks for /consensus_state only after /status answered: a frozen node costs one time limit."""
    status = f"{curl_command(f'{url}/status', seconds=2)} | head -c 65536"
    round_ = f"{curl_command(f'{url}/consensus_state', seconds=2)} | head -c {ROUND_BYTES}"
    return f's=$({status}); [ -n "$s" ] && printf \'%s\\036\' "$s" && {round_}'


def _status(text: bytes) -> NodeStatus | None:
    try:
        return parse_status(text)
    except RpcError:
        return None


def _round(text: bytes) -> RoundState | None:
    try:
        return parse_round_state(text)
    except RpcError:
        return None
