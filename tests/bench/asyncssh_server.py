"""`python -m tests.bench.asyncssh_server DIRECTORY PORT`: the same answers where no sshd is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh


async def serve(directory: Path, port: int) -> None:
    """Serve until the process is ended."""

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        address = process.get_extra_info("sockname")[0]
        if "base64" not in (process.command or ""):  # as SERVE of sshd.py has it
            await process.stdin.read()
        process.stdout.write((directory / "readings" / address).read_bytes())
        process.exit(0)

    await asyncssh.listen(
        "0.0.0.0",
        port,
        server_host_keys=[str(directory / "host_key")],
        authorized_client_keys=str(directory / "authorized_keys"),
        process_factory=answer,
        encoding=None,
        backlog=1000,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
