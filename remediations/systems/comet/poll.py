"""A light poll of the chain while a plan is applied: it opens gates and feeds the display.

What nodes say is read in a thread: the answer of one must not hold up what is done on the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from remediations.reach.aside import in_thread
from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.curl import curl_command
from remediations.systems.comet.rpc import RpcError, parse_round_state, parse_status
from remediations.systems.comet.values import NodeStatus, RoundState

_SEPARATOR = b"\x1e"
ROUND_BYTES = 3_900_000


class NodePoll(NamedTuple):
    """What one node says of itself now; None is what it did not say."""

    status: NodeStatus | None
    round: RoundState | None


async def poll_nodes(reach: Reach, targets: Iterable[tuple[str, str]]) -> dict[str, NodePoll]:
    """The poll of each (host, RPC URL as seen from that host), all at once, one trip each.

    At most 5 seconds; a host that cannot be asked has an empty poll.
    """
    asked = list(targets)
    polls = await asyncio.gather(*(_poll(reach, host, url) for host, url in asked))
    return {host: poll for (host, _url), poll in zip(asked, polls, strict=True)}


async def _poll(reach: Reach, host: str, url: str) -> NodePoll:
    try:
        async with asyncio.timeout(5):
            connection = await reach.connect(host)
            done = await connection.run(_command(url), timeout_s=4.5)
            return await in_thread(_read, done.stdout)
    except (HostUnreachable, TimeoutError):
        return NodePoll(None, None)


def _read(said: bytes) -> NodePoll:
    status, _, round_ = said.partition(_SEPARATOR)
    return NodePoll(_status(status), _round(round_))


def _command(url: str) -> str:
    """/consensus_state is asked only after /status answered: a frozen node costs one limit."""
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
