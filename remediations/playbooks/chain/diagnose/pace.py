"""How fast blocks come, and whether they still do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import Tristate
from remediations.values.reading import value_or_none

_INTERVALS = 3
"""A block that takes longer than so many usual ones did not come as usual."""


def blocks_come(witnesses: Sequence[NodeView], halt: Halt) -> bool:
    """Whether blocks come at their usual pace: a height rose, or the newest block is young for this
    chain. The limit from which on a chain counts as halted is much longer."""
    if halt.answer is not Tristate.NO:
        return False
    if any(view.rises and view.height >= halt.tip - 1 for view in witnesses):
        return True
    interval = block_interval(witnesses)
    return interval is None or timedelta(seconds=halt.age_s) <= _INTERVALS * interval


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
