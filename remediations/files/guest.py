"""`guest.sh`: how a file in a daemon's home is looked at, by a reading, a step or a check."""

from __future__ import annotations

from importlib.resources import files

GUEST = files("remediations.files").joinpath("guest.sh").read_text()
"""The program; its kinds and exit statuses stand at its head.

It is a text to be run by `sh -c`, not a set of functions, so that it can be run under a time limit
and as another user.
"""

NO_FILE = 44
"""Exit status: there is no such file."""

DENIED = 13
"""Exit status: this user may not read it."""

NOT_READ = 45
"""Exit status: it is not a file that is read; its complaint says why."""
