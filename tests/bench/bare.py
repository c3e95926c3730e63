"""`python -m tests.bench.bare ESTATE`: the peer. asyncssh alone, all hosts at once, and no more.

The same command with the same standard input and strict host keys; what comes back is counted and
thrown away. No ssh_config, no agent, no parsing, no limits: less cannot be done.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh


async def read(estate: Path) -> int:
    """Bytes that all hosts sent."""
    user, port, key, *addresses = (estate / "addresses").read_text().split()
    command, text = (estate / "command").read_text(), (estate / "program").read_bytes()

    async def one(address: str) -> int:
        async with asyncssh.connect(
            address,
            int(port),
            username=user,
            config=None,
            client_keys=[key],
            known_hosts=str(estate / "known_hosts"),
            agent_path=None,
        ) as connection:
            done = await connection.run(command, input=text, encoding=None)
            assert isinstance(done.stdout, bytes)
            return len(done.stdout)

    return sum(await asyncio.gather(*map(one, addresses)))


if __name__ == "__main__":
    if not asyncio.run(read(Path(sys.argv[1]))):
        sys.exit("nothing was read")
