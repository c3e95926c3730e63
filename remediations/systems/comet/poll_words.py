"""What daemons say last, in their journals, while a plan waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

from remediations.reach.connection import HostUnreachable, Reach
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.hosts.questions import last_line
from remediations.systems.hosts.rounds import COMMAND, parse_round, round_program
from remediations.values.reading import value_or_none

WORDS = r"module=statesync|^panic:|(^|[^A-Za-z])ERR[^A-Za-z]|^Error:"
"""What a node says of a sync, and of why it fails."""
MAX_WORDS = 240


async def poll_words(reach: Reach, units: Mapping[str, str]) -> dict[str, str]:
    """What the journals of these units (by host) say last of a sync, or of an error; "" for one
    that says nothing, or cannot be asked."""
    told = await asyncio.gather(*(_words(reach, host, unit) for host, unit in units.items()))
    return dict(zip(units, told, strict=True))


async def _words(reach: Reach, host: str, unit: str) -> str:
    question = last_line(unit, WORDS, CREDENTIALS)
    try:
        async with asyncio.timeout(5):
            connection = await reach.connect(host)
            done = await connection.run(COMMAND, stdin=round_program((question,)), timeout_s=4.5)
    except (HostUnreachable, TimeoutError):
        return ""
    told = parse_round(host, (question,), done, datetime.now(UTC)).to(question)
    return (value_or_none(told) or "")[:MAX_WORDS]
