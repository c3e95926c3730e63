"""Who called `sudo`, by the id that sudo itself sets."""

from __future__ import annotations

import os
import re

_UID = re.compile(r"[0-9]{1,10}")
_NO_UID = 2**32 - 1
"""What the system means by "no user"; greater numbers are not ids."""


def sudo_uid() -> int | None:
    """The user whom sudo made root; None without sudo, and where the variable is not an id."""
    said = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
    if not _UID.fullmatch(said):
        return None
    uid = int(said)
    return uid if uid < _NO_UID else None
