"""Quorum arithmetic on voting power. Integers only, never node counts
(docs/rules/hazards.md#counting-nodes).

CometBFT commits a block with strictly more than two thirds of the power, so the absence of one
third or more stops the chain.
"""

from __future__ import annotations


def has_quorum(power: int, total: int) -> bool:
    """Whether `power` of `total` can commit a block: 3·power > 2·total, strictly."""
    return 3 * power > 2 * total


def can_halt(absent: int, total: int) -> bool:
    """Whether the absence of `absent` of `total` stops the chain: one third or more."""
    return not has_quorum(total - absent, total)
