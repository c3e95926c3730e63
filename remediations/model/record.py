"""The base of every value that goes to a file: frozen, keyword-only, unknown fields refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone. One without could be compared with no other, so no file may hold one."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value with a strict JSON form (`remediations.model.wire`).

    Subclasses repeat `frozen=True, kw_only=True`: msgspec does not inherit the latter, and type
    checkers do not see the former.
    """
