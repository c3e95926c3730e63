"""Known host keys, each set of files read once however many hosts share it."""

from __future__ import annotations

from pathlib import Path

import asyncssh


class KnownHosts:
    """A cache of parsed known_hosts files."""

    def __init__(self) -> None:
        self._read: dict[tuple[Path, ...], asyncssh.SSHKnownHosts] = {}

    def of(self, files: tuple[Path, ...]) -> asyncssh.SSHKnownHosts:
        """What these files say together. No files: nobody is known, everybody is refused.

        Raises:
            ValueError: a file has a line that is none.
            OSError: a file cannot be read.
        """
        if files not in self._read:
            text = "".join(path.read_text().rstrip("\n") + "\n" for path in files)
            self._read[files] = asyncssh.import_known_hosts(text)
        return self._read[files]
