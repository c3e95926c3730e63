"""The root of a Merkle tree as RFC 6962 makes it: leaves and nodes are told apart by their prefix,
and a tree is divided at the largest power of two below its size."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root; that of no leaves is the hash of nothing. Linear in the leaves.

    Level by level, with an odd last one carried upwards: the same tree as the divided one.
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        odd = level[len(level) & ~1 :]
        level = [hashlib.sha256(b"\1" + level[i] + level[i + 1]).digest() for i in pairs] + odd
    return level[0]
