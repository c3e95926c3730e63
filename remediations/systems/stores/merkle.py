"""The Merkle tree of RFC 6962, section 2.1: one hash over a list, and short proofs of single
entries and of their places. Pure, standard library only.

    leaf   SHA-256(0x00 || entry)
    node   SHA-256(0x01 || left || right), the left one over the largest power of two of entries
    none   SHA-256()

The prefixes keep a node from being passed off as an entry. A root says "these entries, and no
others" only together with their number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two hashes."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over hashes of entries, in one pass and with as many hashes in memory as the number
    of entries has binary digits."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        size, top = 1, leaf
        while peaks and peaks[-1][0] == size:
            top = node_hash(peaks.pop()[1], top)
            size *= 2
        peaks.append((size, top))
    if not peaks:
        return hashlib.sha256().digest()
    root = peaks.pop()[1]
    while peaks:
        root = node_hash(peaks.pop()[1], root)
    return root


def inclusion_proof(leaves: Sequence[bytes], place: int) -> tuple[bytes, ...]:
    """The hashes beside the way from one leaf to the root, nearest first.

    Raises:
        IndexError: there is no leaf at that place.
    """
    if not 0 <= place < len(leaves):
        raise IndexError(f"no entry {place} among {len(leaves)}")
    beside: list[bytes] = []
    first, last = 0, len(leaves)
    while last - first > 1:
        middle = first + _split(last - first)
        if place < middle:
            beside.append(root_of(leaves[middle:last]))
            last = middle
        else:
            beside.append(root_of(leaves[first:middle]))
            first = middle
    return tuple(reversed(beside))


def is_included(leaf: bytes, place: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that `leaf` is the entry at `place` among `size` below `root`."""
    if not 0 <= place < size:
        return False
    turns, first, last = list[bool](), 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        turns.append(place < middle)
        first, last = (first, middle) if place < middle else (middle, last)
    if len(turns) != len(proof):
        return False
    top = leaf
    for is_left, beside in zip(reversed(turns), proof, strict=True):
        top = node_hash(top, beside) if is_left else node_hash(beside, top)
    return top == root


def _split(size: int) -> int:
    """The largest power of two that is smaller."""
    return 1 << (size - 1).bit_length() - 1
