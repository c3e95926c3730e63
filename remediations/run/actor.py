"""Who acts. From the system's own ids: LOGNAME and USER say whatever somebody set them to."""

from __future__ import annotations

import os
import pwd

from remediations.run.records import Actor


def actor() -> Actor:
    """The user of this process; for root also who called `sudo`, by the id that sudo set."""
    uid = os.getuid()
    said = os.environ.get("SUDO_UID", "") if uid == 0 else ""
    sudo_uid = int(said) if said.isascii() and said.isdecimal() and len(said) < 11 else None
    return Actor(
        uid=uid,
        name=_name(uid),
        sudo_uid=sudo_uid,
        sudo_name="" if sudo_uid is None else _name(sudo_uid),
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return ""
