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
