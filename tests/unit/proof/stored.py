"""What an application stores, with proofs as its node gives them: small trees, made by hand."""

from __future__ import annotations

import base64
import hashlib
import json

from remediations.systems.comet.proof.protobuf import (
    bytes_field,
    delimited,
    message_field,
    number_field,
    varint,
)

OTHER = hashlib.sha256(b"what else is in the tree").digest()
VERSION = 40


def leaf_op(prefix: bytes) -> bytes:
    return number_field(1, 1) + number_field(3, 1) + number_field(4, 1) + bytes_field(5, prefix)


def inner_op(prefix: bytes, suffix: bytes = b"") -> bytes:
    return number_field(1, 1) + bytes_field(2, prefix) + bytes_field(3, suffix)


def existence(key: bytes, value: bytes, leaf: bytes, *path: bytes) -> bytes:
    steps = b"".join(message_field(4, step) for step in path)
    inside = bytes_field(1, key) + bytes_field(2, value) + message_field(3, leaf) + steps
    return message_field(1, inside)


def head(height: int, size: int) -> bytes:
    """IAVL writes its numbers in zigzag."""
    return varint(2 * height) + varint(2 * size) + varint(2 * VERSION)


def leaf_hash(prefix: bytes, key: bytes, value: bytes) -> bytes:
    told = hashlib.sha256(value).digest()
    return hashlib.sha256(prefix + delimited(key) + delimited(told)).digest()


def tree(store: str, key: bytes, value: bytes) -> tuple[str, list[tuple[str, bytes]]]:
    """App hash and proofs of a value that has one neighbour on the left, in a store that has one on
    the right."""
    leaf = head(0, 1)
    before = head(1, 2) + b"\x20" + OTHER + b"\x20"
    root = hashlib.sha256(before + leaf_hash(leaf, key, value)).digest()
    iavl = existence(key, value, leaf_op(leaf), inner_op(before))
    name = store.encode()
    app = hashlib.sha256(b"\1" + leaf_hash(b"\0", name, root) + OTHER).digest()
    simple = existence(name, root, leaf_op(b"\0"), inner_op(b"\1", OTHER))
    return app.hex().upper(), [("ics23:iavl", iavl), ("ics23:simple", simple)]


def answer(key: bytes, value: bytes, ops: list[tuple[str, bytes]], *, height: int = 112) -> bytes:
    """As `/abci_query` gives it."""

    def text(content: bytes) -> str:
        return base64.b64encode(content).decode()

    proofs = [{"type": kind, "key": text(key), "data": text(data)} for kind, data in ops]
    response = {
        "code": 0,
        "log": "",
        "key": text(key),
        "value": text(value) or None,
        "proofOps": {"ops": proofs} if ops else None,
        "height": str(height),
    }
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": {"response": response}}).encode()
