"""The checks of the service, by id (rules/checks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "KP1": "every workload that was changed is rolled out",
        "KP2": "every pod runs the bytes that its template names",
        "KP3": "what was set still stands after twice the owner's period",
        "KP4": "no other workload has lost replicas",
    }
)
SCORE_CHECKS: Mapping[str, str] = MappingProxyType(
    {"KP8": "every ready pod of what was changed gives the agreed answers"}
)
DRAIN_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "KP4": CHECKS["KP4"],
        "KP5": "the node is cordoned, and nothing is left on it that a drain moves",
        "KP6": "everything that was moved is ready on other nodes",
    }
)
STUCK_CHECKS: Mapping[str, str] = MappingProxyType(
    {
        "KP4": CHECKS["KP4"],
        "KP7": "the pod that was stuck is ready, of the newest template",
    }
)
