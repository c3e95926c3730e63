"""The sections of a reading, and the bytes that each may have: on the host, and here once more.

All together they fill less than `TOTAL_BYTES`, so a host cannot make us unpack more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOTAL_BYTES = 32 << 20

LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "login": 4096,
        "found": 65_536,
        "show": 65_536,
        "processes": 262_144,
        "config": 65_536,
        "app_config": 65_536,
        "key": 4096,
        "wal": 262_144,
        "disk": 262_144,
        "ownership": 262_144,
        "records": 4096,
        "status.1": 65_536,
        "app.1": 65_536,
        "round.1": 4_000_000,
        "validators": 8_000_000,
        "peers": 2_000_000,
        "dump": 4_000_000,
        "blocks": 262_144,
        "commit": 4_000_000,
        "result": 4_000_000,
        "status.2": 65_536,
        "app.2": 65_536,
        "round.2": 4_000_000,
        "binary": 4096,
        "journal": 262_144,
        "sign_state": 65_536,
    }
)
"""Section → bytes. What is not named here is not unpacked."""
