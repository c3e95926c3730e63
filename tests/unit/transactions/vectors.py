"""Transactions that the SDK's own program has signed, in its two forms, by the key of a mnemonic
that everybody knows (`abandon … about`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from remediations.values.transaction import Unsigned, canonical


class Vector(NamedTuple):
    """What was planned, and what the SDK made of it."""

    name: str
    unsigned: Unsigned
    json: str
    base64: str


def _vector(tree: dict[str, object]) -> Vector:
    numbers = {key: int(str(tree[key])) for key in ("account_number", "sequence", "gas")}
    unsigned = Unsigned(
        chain_id=str(tree["chain_id"]),
        account=str(tree["account"]),
        account_number=numbers["account_number"],
        sequence=numbers["sequence"],
        public_key=str(tree["public_key"]),
        messages=canonical(tree["messages"]),
        fee=str(tree["fee"]),
        gas=numbers["gas"],
        memo=str(tree["memo"]),
        timeout_height=int(str(tree["timeout_height"])),
    )
    signed, encoded = str(tree["signed_json"]), str(tree["signed_base64"])
    return Vector(str(tree["name"]), unsigned, signed, encoded)


_FILE = Path(__file__).with_suffix(".json")
VECTORS = tuple(_vector(one) for one in json.loads(_FILE.read_text()))
REVOKES = VECTORS[0]
"""Signed directly."""
MULTISIG = tuple(_vector(one) for one in json.loads(_FILE.with_name("multisig.json").read_text()))
"""Signed by two or three of the first three keys of that mnemonic."""
