"""An RPC of a node that is asked, and how an inventory writes it."""

from __future__ import annotations

import re

from remediations.values.record import Record

CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
ENDPOINT_URL = re.compile(
    r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,64}){0,4}"
)


class Endpoint(Record, frozen=True, kw_only=True):
    """An RPC that is asked: what the inventory calls it, and where it is."""

    name: str
    url: str
