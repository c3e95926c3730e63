"""Keys of tests, and the envelopes that the chain's own functions made (vectors.json).

The vectors were made by Go's nacl/box with the fields, order and hashes of the chain's library.
"""

from __future__ import annotations

import json
from pathlib import Path

from remediations.systems.stores.sealing import PrivateKey
from remediations.values.secret import Secret

VECTORS: dict[str, str] = json.loads((Path(__file__).parent / "vectors.json").read_text())
CONTENT = VECTORS["plaintext"].encode()
FIRST = PrivateKey.of(Secret(bytes.fromhex(VECTORS["first_private"]), "first"))
SECOND = PrivateKey.of(Secret(bytes.fromhex(VECTORS["second_private"]), "second"))
ONE = VECTORS["one"].encode()
SEVERAL = VECTORS["several"].encode()


def private_key(number: int) -> PrivateKey:
    """One of as many keys as a test wants."""
    return PrivateKey.of(Secret(bytes([number]) * 32, f"key {number}"))
