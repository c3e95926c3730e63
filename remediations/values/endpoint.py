"""An RPC of a node that is asked."""

from __future__ import annotations

from remediations.values.record import Record


class Endpoint(Record, frozen=True, kw_only=True):
    """An RPC that is asked: what the inventory calls it, and where it is."""

    name: str
    url: str
