"""Who acts. From the system's own ids: LOGNAME and USER say whatever somebody set them to."""

from __future__ import annotations

import os
import pwd

from remediations.engine.runs.records import Actor
from remediations.files.caller import sudo_uid


def current_actor() -> Actor:
    """The user of this process; for root also who called `sudo`, by the id that sudo set."""
    uid = os.getuid()
    called_by = sudo_uid()
    return Actor(
        uid=uid,
        name=_name(uid),
        sudo_uid=called_by,
        sudo_name="" if called_by is None else _name(called_by),
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
