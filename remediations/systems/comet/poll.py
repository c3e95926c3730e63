"""A light poll of the chain while a plan is applied, for gates and for the display.

Answers are parsed in a thread, so that parsing one does not delay what is done on other hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, TypeVar

from remediations.reach.background import run_in_thread
from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.curl import curl_command
from remediations.systems.comet.rpc import parse_app_info, parse_blocks, parse_status
from remediations.systems.comet.rpc_envelope import RpcError
from remediations.systems.comet.rpc_rounds import parse_round_state
from remediations.systems.comet.values import AppInfo, BlockMeta, NodeStatus, RoundState

T = TypeVar("T")
_SEPARATOR = b"\x1e"
ROUND_BYTES = 3_900_000


class NodePoll(NamedTuple):
    """What one node reports about itself now; None for what it did not report. `blocks` are the
    last twenty, of those that were asked for them."""

    status: NodeStatus | None
    round: RoundState | None
    app: AppInfo | None = None
    blocks: tuple[BlockMeta, ...] | None = None


NO_POLL = NodePoll(None, None)


async def poll_nodes(
    reach: Reach, targets: Iterable[tuple[str, str]], blocks_of: Collection[str] = ()
) -> dict[str, NodePoll]:
    """Polls each (host, RPC URL as seen from that host), all at once, in one trip each; those in
    `blocks_of` are asked for their last blocks, too.

    Takes at most 5 seconds; the poll of a host that cannot be asked is empty.
    """
    asked = list(targets)
    polls = await asyncio.gather(
        *(_poll(reach, host, url, blocks=host in blocks_of) for host, url in asked)
    )
    return {host: poll for (host, _url), poll in zip(asked, polls, strict=True)}


async def _poll(reach: Reach, host: str, url: str, *, blocks: bool) -> NodePoll:
    try:
        async with asyncio.timeout(5):
            connection = await reach.connect(host)
            done = await connection.run(_command(url, blocks=blocks), timeout_s=4.5)
            return await run_in_thread(_read, done.stdout)
    except (HostUnreachable, TimeoutError):
        return NO_POLL


def _read(said: bytes) -> NodePoll:
    parts = (*said.split(_SEPARATOR, 3), b"", b"", b"")
    return NodePoll(
        status=_parsed(parse_status, parts[0]),
        app=_parsed(parse_app_info, parts[1]),
        blocks=_parsed(parse_blocks, parts[2]),
        round=_parsed(parse_round_state, parts[3]),
    )


def _command(url: str, *, blocks: bool) -> str:
    """Asks for the rest only after /status answered: a frozen node costs one time limit. What may
    be cut off comes last."""
    status = f"{curl_command(f'{url}/status', seconds=2)} | head -c 65536"
    app = f"{curl_command(f'{url}/abci_info', seconds=1)} | head -c 65536"
    last = f"{curl_command(f'{url}/blockchain', seconds=1)} | head -c 262144" if blocks else "true"
    round_ = f"{curl_command(f'{url}/consensus_state', seconds=2)} | head -c {ROUND_BYTES}"
    mark = r"printf '\036'"
    told = rf"""s=$({status}); [ -n "$s" ] && printf '%s\036' "$s" """
    return f"{told}&& {{ {app}; {mark}; {last}; {mark}; {round_}; }}"


def _parsed(parse: Callable[[bytes], T], text: bytes) -> T | None:
    try:
        return parse(text)
    except RpcError:
        return None
