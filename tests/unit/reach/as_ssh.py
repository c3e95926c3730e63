"""The same login by `ssh` and by us: both have to come to the same end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from remediations.reach.connection import HostUnreachable
from remediations.values.inventory import Inventory
from tests.unit.reach.sshd import host_block, inventory, make_key, public, reaching, serving


async def openssh(listed: Inventory) -> bool:
    """Whether `ssh`, as strict as we are, comes through."""
    options = ("-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes")
    process = await asyncio.create_subprocess_exec(
        *("ssh", "-F", str(listed.ssh_config), *options, "val1", "hello"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    return out == b"hello"


async def say(listed: Inventory) -> bytes:
    """What a command on val1 wrote."""
    async with reaching(listed) as reach:
        return (await (await reach.connect("val1")).run("hello", timeout_s=5)).stdout


def both(tmp_path: Path, *lines: str, right: bool) -> str:
    """`ssh` and we come to the same end; the guard and what it got, where it is a refusal."""
    client = make_key(tmp_path / "client")

    async def go() -> str:
        async with serving(tmp_path / "server", client) as server:
            known = tmp_path / "known"
            known.write_text(f"[127.0.0.1]:{server.port} {public(server.key)}\n")
            listed = inventory(tmp_path, host_block("val1", server, client, known, *lines), "val1")
            assert await openssh(listed) is right
            if right:
                assert await say(listed) == b"hello"
                return ""
            with pytest.raises(HostUnreachable) as refusal:
                await say(listed)
            return f"{refusal.value.guard}: {refusal.value.got}"

    return asyncio.run(go())
