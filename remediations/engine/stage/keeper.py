"""The protocols between `stage`, where a file comes from, and whatever keeps it on a target."""

from __future__ import annotations

from dataclasses import dataclass
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
    4. `size` computes the hash of a file anew, and `read` may be repeated; neither changes
       anything.
    5. All raise `NotKept`, and nothing else.
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

    async def size(self, target: str, sha256: str, token: str) -> int:
        """The size of a file that a target keeps, in bytes."""
        ...

    async def read(self, target: str, sha256: str, offset: int, token: str) -> bytes:
        """Its bytes from `offset` on, as many as are read at once; none at its end."""
        ...


class FileSource(Protocol):
    """Where a file comes from: a file of this machine, or of a target."""

    @property
    def sha256(self) -> str:
        """The hash of its content, in lower-case hex."""
        ...

    @property
    def size(self) -> int:
        """Its size in bytes."""
        ...

    async def chunk(self, offset: int) -> bytes:
        """The bytes from `offset` on, as many as are read at once; none at its end.

        Raises:
            NotKept: the target that it comes from does not have it any more, or did not answer.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class TargetFile:
    """A file that another target keeps. Nothing of it is kept on this machine."""

    keeper: FileKeeper
    target: str
    sha256: str
    size: int
    token: str

    async def chunk(self, offset: int) -> bytes:
        """The bytes from `offset` on.

        Raises:
            NotKept: the target does not have it any more, or did not answer.
        """
        try:
            return await self.keeper.read(self.target, self.sha256, offset, self.token)
        except NotKept as error:
            raise NotKept(f"{self.target}: {error.what}") from error
