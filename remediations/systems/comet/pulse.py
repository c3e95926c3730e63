"""A light poll of the chain while a plan is applied: it opens gates and feeds the display.

What nodes say is read in a thread: the answer of one must not hold up what is done on the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from remediations.reach.background import run_in_thread
from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.curl import ask
from remediations.systems.comet.rpc import RpcError, parse_round_state, parse_status
from remediations.systems.comet.values import NodeStatus, RoundState

_SEPARATOR = b"\x1e"
ROUND_BYTES = 3_900_000


class Pulse(NamedTuple):
    """What one node says of itself now; None is what it did not say."""

    status: NodeStatus | None
    round: RoundState | None


async def heights(reach: Reach, targets: Iterable[tuple[str, str]]) -> dict[str, Pulse]:
    """The pulse of each (host, RPC URL as seen from that host), all at once, one trip each.

    At most 5 seconds; a host that cannot be asked has an empty pulse.
    """
    asked = list(targets)
    pulses = await asyncio.gather(*(_pulse(reach, host, url) for host, url in asked))
    return {host: pulse for (host, _url), pulse in zip(asked, pulses, strict=True)}


async def _pulse(reach: Reach, host: str, url: str) -> Pulse:
    try:
        async with asyncio.timeout(5):
            connection = await reach.connect(host)
            done = await connection.run(_command(url), timeout_s=4.5)
            return await run_in_thread(_read, done.stdout)
    except (HostUnreachable, TimeoutError):
        return Pulse(None, None)


def _read(said: bytes) -> Pulse:
    status, _, round_ = said.partition(_SEPARATOR)
    return Pulse(_status(status), _round(round_))


def _command(url: str) -> str:
    """/consensus_state is asked only after /status answered: a frozen node costs one limit."""
    status = f"{ask(f'{url}/status', seconds=2)} | head -c 65536"
    round_ = f"{ask(f'{url}/consensus_state', seconds=2)} | head -c {ROUND_BYTES}"
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
