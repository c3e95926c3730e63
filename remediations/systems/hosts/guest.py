"""`guest.sh`: how readings, steps and checks look into a file of a daemon's home."""

from __future__ import annotations

import shlex
from importlib.resources import files

GUEST = files("remediations.systems.hosts").joinpath("guest.sh").read_text()
"""The program; its kinds and exit statuses are described at its head.

It is a text for `sh -c`, not a set of functions, so that it can be run under a time limit and as
another user.
"""

SYNC_SETTINGS = files("remediations.systems.hosts").joinpath("sync_settings.sh").read_text()
"""A kind of look, for those programs that look for state sync: what `kinds` can be."""

SERVICE_USER = files("remediations.systems.hosts").joinpath("service_user.sh").read_text()
"""Functions that run `GUEST`, as the service user first. It is run in no other way."""

NO_FILE = 44
"""Exit status: there is no such file."""

DENIED = 13
"""Exit status: this user may not read it."""

NOT_READ = 45
"""Exit status: the file is refused; its error output says why."""


def guest_functions(limit_s: int, kinds: str = "") -> str:
    """Shell text that defines `served_by USER` and `guest KIND FILE` for the home in `$home`; each
    look ends after `limit_s` seconds. `kinds` are further kinds of looks."""
    return f"guest_limit={limit_s}\nguest_text={shlex.quote(kinds + GUEST)}\n{SERVICE_USER}"


def guest_program(
    kind: str, file: str, *, home: str, user: str, limit_s: int, kinds: str = ""
) -> str:
    """A whole program for `sh -c`, run as root: one look into one file of `home`, whose daemon runs
    as `user`."""
    words = f"home={shlex.quote(home)}\n{guest_functions(limit_s, kinds)}"
    look = f"guest {shlex.quote(kind)} {shlex.quote(file)}"
    return f"{words}\nserved_by {shlex.quote(user)}\n{look}\n"
