"""The protocol between `stage` and whatever keeps files on a target."""

from __future__ import annotations

from typing import Protocol


class NotKept(Exception):
    """A target does not keep the file. `what` says why, and may quote the target; `silent`: it did
    not answer."""

    def __init__(self, what: str, *, silent: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.silent = silent


class FileKeeper(Protocol):
    """The half of a driver that keeps files on its targets, by the SHA-256 of their content.

    1. `begin` returns whether the target has the file already, by its content, not by its name. If
       not, there is room for it. What an earlier call left half sent is removed.
    2. `append` may be repeated with the same offset.
    3. After `finish` the file has its name, its content was compared on the target, and it
       outlives a power failure. Before, there is nothing that could be taken for it.
    4. All raise `NotKept`, and nothing else.
    """

    async def begin(self, target: str, sha256: str, size: int, token: str) -> bool:
        """Get ready to receive; True if the file is there already."""
        ...

    async def append(self, target: str, sha256: str, offset: int, token: str, chunk: bytes) -> None:
        """Add the bytes from `offset` on."""
        ...

    async def finish(self, target: str, sha256: str, size: int, token: str) -> None:
        """Compare what arrived, and give it its name."""
        ...
