"""How fast blocks come, and whether they still do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.values.reading import value_or_none

_INTERVALS = 3
"""A block that takes longer than so many usual ones did not come as usual."""
_PATIENCE = timedelta(seconds=15)
"""Two rounds without a proposal take less, at CometBFT's default time-outs."""


def blocks_come(witnesses: Sequence[NodeView], tip: int, age: timedelta) -> bool:
    """Whether blocks come at their usual pace: a height rose, or the newest block is young for this
    chain. The limit from which on a chain counts as halted is much longer."""
    if any(view.rises and view.height >= tip - 1 for view in witnesses):
        return True
    interval = block_interval(witnesses)
    return interval is None or age <= _INTERVALS * interval


def overdue(witnesses: Sequence[NodeView], tip: int, age: timedelta) -> bool:
    """Whether a block should have come long ago: nothing rises, and the newest one is older than
    several usual ones and than a few rounds."""
    standing = sum(view.stands for view in witnesses)
    return standing > 1 and age > _PATIENCE and not blocks_come(witnesses, tip, age)


def block_interval(witnesses: Sequence[NodeView]) -> timedelta | None:
    """The median time between the newest blocks; None if fewer than three are known.

    Block 1 has the time of the genesis file, so the gap after it says nothing.
    """
    longest: dict[int, timedelta] = {}
    for view in witnesses:
        known = value_or_none(view.reading.chain.blocks) or ()
        blocks = [block for block in known if block.height > 1]
        if len(blocks) >= 3 and max(b.height for b in blocks) not in longest:
            times = [b.time for b in sorted(blocks, key=lambda b: b.height)]
            gaps = sorted(b - a for a, b in pairwise(times))
            longest[max(b.height for b in blocks)] = gaps[len(gaps) // 2]
    return longest[max(longest)] if longest else None
