"""What must hold in the world after a rescue, whatever the product says (docs/safety.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.lab import Lab
from tests.lab.spec import VALIDATORS

AGREED_BLOCKS = 6
SETTLE_S = 20.0


@contextmanager
def rescued(lab: Lab, *broken: str, since: int | None = None) -> Iterator[None]:
    """Around a rescue of the `broken` hosts. Before: the truth is noted. After: blocks go on on
    every started node, one app hash, no evidence in any block on any node, sign states never
    lower (20 Hz), healthy processes the same, no write-ahead log made anew. `since`: the height
    of before, where nobody can be asked for it any more."""
    before = lab.world.daemons()
    logs = {host: lab.world.wal_inodes(host) for host in before if before[host] is not None}
    height = lab.world.top() if since is None else since
    with lab.world.watch_sign_states() as watch:
        yield
        lab.wait_height(height + AGREED_BLOCKS, SETTLE_S)
    assert watch.lowered() == []
    assert all(watch.seen[spec.name] for spec in VALIDATORS), "sign states were not watched"
    after = lab.world.daemons()
    for host, daemon in before.items():
        if host not in broken:
            assert after[host] == daemon, f"{host} was restarted"
    for host, log in logs.items():
        kept = lab.world.wal_inodes(host)
        assert set(log) <= set(kept), f"the write-ahead log of {host} was touched"
    one_chain(lab, height)


def one_chain(lab: Lab, height: int) -> None:
    """Every running node has the same state after the same heights, and nobody signed twice. A node
    that got a snapshot has its blocks from there on."""
    running = [host for host, seen in lab.world.heights().items() if seen is not None]
    assert len(running) >= len(VALIDATORS)
    first = max(height + 1, *(lab.world.earliest(host) for host in running))
    lab.wait_height(first + AGREED_BLOCKS, SETTLE_S)
    for number in range(first, first + AGREED_BLOCKS - 1):
        hashes = {lab.world.app_hash(host, number) for host in running}
        assert len(hashes) == 1, f"{number}: {hashes}"
    for host in running:
        assert lab.world.evidence(host) == []
