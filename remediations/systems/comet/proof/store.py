"""What an application stores, proven against the app hash that headers show (ICS 23). Pure.

An answer of `abci_query` has two proofs: that the value stands under its key in the tree of one
module (IAVL), and that the root of this tree stands under the module's name in the tree of all
modules (as CometBFT hashes lists). The root of the second is the app hash, which the next header
carries and more than two thirds of the power signed. So one node is enough to tell the value, and
whoever has the header can tell whether it is true.

The rules on the forms of leaves and inner nodes keep one from being taken for the other: without
them a proof of anything could be made up (ICS 23, `iavlSpec` and `tendermintSpec`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from remediations.systems.comet.proof.protobuf import (
    Fields,
    Malformed,
    delimited,
    one_bytes,
    one_number,
    read_fields,
)

IAVL, SIMPLE = "ics23:iavl", "ics23:simple"
_SHA256 = 1
_VAR_PROTO = 1
_HASH_BYTES = 32
_DEPTH = 64
"""Levels of a tree: more entries than any application has."""


def app_hash_of(store: str, key: bytes, value: bytes, ops: Sequence[tuple[str, bytes]]) -> str:
    """The app hash, upper-case hex, of an application whose module `store` holds `value` under
    `key`, by the proofs of an answer: (type, proof) of each.

    Raises:
        Malformed: they prove something else, or nothing.
    """
    if [kind for kind, _ in ops] != [IAVL, SIMPLE]:
        raise Malformed("the proof is not one of an IAVL store in a simple tree")
    if not value:
        raise Malformed("there is no value to prove")
    root = _root(ops[0][1], key, value, iavl=True)
    return _root(ops[1][1], store.encode(), root, iavl=False).hex().upper()


def _root(proof: bytes, key: bytes, value: bytes, *, iavl: bool) -> bytes:
    existence = read_fields(one_bytes(read_fields(proof), 1))
    if (one_bytes(existence, 1), one_bytes(existence, 2)) != (key, value):
        raise Malformed("the proof is one of another key or value")
    leaf = read_fields(one_bytes(existence, 3))
    if [one_number(leaf, field) for field in (1, 2, 3, 4)] != [_SHA256, 0, _SHA256, _VAR_PROTO]:
        raise Malformed("a leaf is hashed in another way than those of this tree")
    prefix = one_bytes(leaf, 5)
    if prefix[:1] != b"\0" or len(prefix) != (len(_iavl_head(prefix)) if iavl else 1):
        raise Malformed("a leaf begins in another way than those of this tree")
    told = hashlib.sha256(value).digest()
    found = hashlib.sha256(prefix + delimited(key) + delimited(told)).digest()
    path = existence.get(4, [])
    if len(path) > _DEPTH:
        raise Malformed("a tree is deeper than any")
    for step in path:
        if not isinstance(step, bytes):
            raise Malformed("a step of the proof is none")
        found = _parent(read_fields(step), found, iavl=iavl)
    return found


def _parent(step: Fields, child: bytes, *, iavl: bool) -> bytes:
    """The hash of the inner node that has this child, left or right."""
    prefix, suffix = one_bytes(step, 2), one_bytes(step, 3)
    head = _iavl_head(prefix) if iavl else prefix[:1]
    if one_number(step, 1) != _SHA256 or (not iavl and head != b"\1") or prefix[:1] in (b"\0", b""):
        raise Malformed("an inner node is hashed in another way than those of this tree")
    mark = bytes((_HASH_BYTES,)) if iavl else b""  # IAVL writes the length of each hash
    before, beside = prefix[len(head) :], len(mark) + _HASH_BYTES
    left = before == mark and len(suffix) == beside and suffix.startswith(mark)
    right = len(before) == beside + len(mark) and not suffix
    if not left and not (right and before.startswith(mark) and before.endswith(mark)):
        raise Malformed("an inner node has not two children")
    return hashlib.sha256(prefix + child + suffix).digest()


def _iavl_head(prefix: bytes) -> bytes:
    """The three numbers with which every node of the tree begins: height, size and version."""
    at = 0
    for _ in range(3):
        start = at
        while at < len(prefix) and prefix[at] & 0x80:
            at += 1
        at += 1
        if at > len(prefix) or at - start > 10:
            raise Malformed("a node of the tree begins in another way")
    return prefix[:at]
