"""What must hold in the world after a rescue, whatever the product says (docs/safety.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from tests.lab.lab import Lab
from tests.lab.process_watch import signers, watch_processes
from tests.lab.spec import VALIDATORS

AGREED_BLOCKS = 6
SETTLE_S = 20.0
PAUSE_S = 20.0
"""Between two blocks of a chain that goes on: some rounds on a busy machine, and no halt."""


@contextmanager
def rescued(
    lab: Lab, *broken: str, since: int | None = None, goes_on: bool = False
) -> Iterator[None]:
    """Around a rescue of the `broken` hosts. Before: the truth is noted. After: blocks go on on
    every started node, one app hash, no evidence in any block on any node, sign states never
    lower (20 Hz), no home and no key ever with a second daemon (5 Hz), healthy processes the same,
    no write-ahead log made anew. `since`: the height of before, where nobody can be asked for it
    any more. `goes_on`: more than two thirds run at every moment, and blocks never pause."""
    before = lab.world.daemons()
    logs = {host: lab.world.wal_inodes(host) for host in before if before[host] is not None}
    height = lab.world.top() if since is None else since
    with (
        lab.world.watch_sign_states() as watch,
        watch_processes(lambda: signers(lab.world)) as processes,
    ):
        yield
        lab.wait_height(height + AGREED_BLOCKS, SETTLE_S)
    assert watch.lowered() == []
    assert all(watch.seen[spec.name] for spec in VALIDATORS), "sign states were not watched"
    assert processes.newly_shared() == []
    if goes_on:
        assert processes.lost_quorum() == []
        assert longest_pause(lab, height) < PAUSE_S
    after = lab.world.daemons()
    for host, daemon in before.items():
        if host not in broken:
            assert after[host] == daemon, f"{host} was restarted"
    for host, log in logs.items():
        kept = lab.world.wal_inodes(host)
        assert set(log) <= set(kept), f"the write-ahead log of {host} was touched"
    one_chain(lab, height)


def longest_pause(lab: Lab, since: int) -> float:
    """Seconds between two blocks at most, from this height to the newest, by their headers."""
    heights = {host: seen for host, seen in lab.world.heights().items() if seen is not None}
    host = max(heights, key=lambda name: heights[name])
    times = lab.world.block_times(host, since, heights[host])
    return max((b - a).total_seconds() for a, b in pairwise(times))


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
