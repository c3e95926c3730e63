"""The titles of the checks, for the plan that promises them and for the tests that are these
checks. They are not in the tests, because a plan must not load pytest."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "VP1": "golden vectors are answered as agreed, bit by bit",
        "VP2": "nobody who agreed before differs",
        "VP3": "the model on disk is the agreed one",
        "VP10": "the container runs the planned image under its unit",
        "VP15": "the process that answers is the service's own",
        "VP11": "the process has the declared settings",
        "VP12": "the environment file has them, too",
        "VP13": "the process and its file have the planned capacity",
        "VP14": "fewer requests wait than make a backlog",
    }
)
"""In the order in which a plan lists them."""
