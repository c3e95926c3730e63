"""The checks of the keys, by id (rules/checks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "RP1": "two endpoints record the key as revoked",
        "RP2": "two endpoints record the new key as active",
        "RP3": "every other key is as before",
        "RP4": "nobody else has signed for the account meanwhile",
        "RP5": "an event of the chain tells of the revocation",
        "RP6": "two endpoints record the old key as rotated to the new one, by its owner",
    }
)
SESSION_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "RP10": "the probe of each item says that it is reset",
        "RP11": "each item was called once, as it was approved",
    }
)
STORE_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "RP7": "no version in any store names the old key, except those that were accepted",
        "RP8": "the new key opens all that was sealed anew, and the old one none of it",
        "RP9": "what was sealed anew has the content that it had",
    }
)
READER_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "RP20": "the key file of every reader that was acted on has the new key, as declared",
        "RP21": "every reader that was acted on runs, and was told of it",
        "RP22": "every reader that was acted on says that it is ready",
        "RP23": "no reader that was acted on has a file of the old key",
    }
)
