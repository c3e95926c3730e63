"""What the chain's codes mean, in words, and what each says about the transaction. Pure.

A code that comes with a block is final. One that an endpoint gives to a broadcast says what that
endpoint thought of it, and nothing about others (docs/keys.md#codes).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KNOWN_ALREADY = ("sdk", 19)
"""The mempool or a block has it: that it is there is what was wanted."""
_SDK = "sdk"
_ENCRYPTION = "encryption"
_WORDS: Mapping[tuple[str, int], str] = MappingProxyType(
    {
        (_SDK, 4): "the signature is not valid for this chain, account number and sequence",
        (_SDK, 5): "the account has too little for the fee",
        (_SDK, 7): "the address is not valid",
        (_SDK, 11): "out of gas: more is needed than the inventory allows",
        (_SDK, 13): "the fee is below the lowest price of this node",
        (_SDK, 18): "the message is not valid",
        KNOWN_ALREADY: "the node has it already",
        (_SDK, 20): "the mempool is full",
        (_SDK, 30): "the timeout height has passed",
        (_SDK, 32): "another transaction has used the sequence, or an earlier one is missing",
        (_ENCRYPTION, 1302): "no such key is registered",
        (_ENCRYPTION, 1303): "this key is registered already",
        (_ENCRYPTION, 1304): "the key is revoked already",
        (_ENCRYPTION, 1312): "the key belongs to another account",
        ("authz", 2): "nobody has given this account the right",
    }
)


def in_words(codespace: str, code: int, log: str = "") -> str:
    """A code for people; with what the node said where the code is not known here."""
    known = _WORDS.get((codespace, code))
    name = f"code {code} ({codespace})" if codespace else f"code {code}"
    if known is not None:
        return f"{name}: {known}"
    said = " ".join(log.split())[:200]
    return f"{name}: {said}" if said else name
