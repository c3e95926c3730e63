"""A directory of files as a store.

A file has no versions, so `replace` makes one: the new file takes the place of the former in one
atomic exchange, and the former stays beside it under a name of ours until it is retired. What came
out of the exchange is compared with what was read: if another writer was first, it is exchanged
back. At each moment the key has a whole file, and nobody's bytes are lost, whatever dies.

What a death leaves is found again. A file under the name of a new one is a former version of its
key: whoever died had exchanged it and not named it yet, or had not exchanged it. One that was not
written to its end has no permissions, has nobody's bytes but ours, and is in no listing.

Links are not followed, and no other file system is entered: what lies there is another store's.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from remediations.systems.stores.file_steps import (
    exchange,
    id_of,
    key_of,
    open_folder,
    path_of,
    read_whole,
    rename,
    status_of,
    sync,
    told,
    unlink,
    write_whole,
)
from remediations.systems.stores.store import (
    MAX_OBJECT,
    MAX_VERSIONS,
    Abilities,
    Absent,
    Changed,
    LiveVersion,
    Malformed,
    Stored,
    StoreError,
    TooLarge,
    Version,
)

_OURS = re.compile(
    rb"\.(.+)\.remediate-(?:former-[0-9]+-[0-9]+-[0-9]+|new-[0-9a-f]{16})", re.DOTALL
)
_VERSION = re.compile("[0-9]+-[0-9]+-[0-9]+")
_SCRATCH = ".remediate-probe-"


class FileTree:
    """The regular files below `root`. Keys are paths relative to it (`file_steps.key_of`)."""

    def __init__(self, name: str, root: Path, *, limit: int = MAX_OBJECT) -> None:
        self._name = name
        self._root = os.fsencode(root.absolute())
        self._limit = limit

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self._name

    def close(self) -> None:
        """There is no connection."""

    def versions(self) -> Iterator[Version]:
        """All files, and the former ones that are not retired yet."""
        with open_folder(self._root, ()) as root:
            device = os.fstat(root).st_dev
        for count, row in enumerate(self._below((), device), 1):
            if count > MAX_VERSIONS:
                raise TooLarge(f"more than {MAX_VERSIONS} files")
            yield row

    def _below(self, names: tuple[bytes, ...], device: int) -> Iterator[Version]:
        found: list[tuple[bytes, os.stat_result]] = []
        with open_folder(self._root, names) as folder:
            if os.fstat(folder).st_dev != device:
                return
            names_there = os.listdir(folder)  # noqa: PTH208 - of the open folder, not of a path
            for name in sorted(map(os.fsencode, names_there)):
                with suppress(FileNotFoundError):  # gone since the folder was read
                    found.append((name, status_of(folder, name)))
        for name, status in found:
            if stat.S_ISDIR(status.st_mode):
                with suppress(Absent):  # gone, or a link by now
                    yield from self._below((*names, name), device)
            elif stat.S_ISREG(status.st_mode):
                ours = _OURS.fullmatch(name)
                if ours and not stat.S_IMODE(status.st_mode):
                    continue
                yield Version(
                    key=key_of(b"/".join((*names, ours[1] if ours else name))),
                    version=id_of(status),
                    is_live=ours is None,
                    size=status.st_size,
                    written=datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC),
                )

    def live(self, key: str) -> Stored:
        """The file itself."""
        *above, name = path_of(key)
        with open_folder(self._root, tuple(above)) as folder:
            return self._read(folder, name, key)

    def read(self, key: str, version: str) -> Stored:
        """The file itself if it is that version, else the former one of that id."""
        with suppress(Absent):
            found = self.live(key)
            if found.version == version:
                return found
        *above, name = path_of(key)
        with open_folder(self._root, tuple(above)) as folder:
            found = self._read(folder, _aside(folder, name, version), key)
        if found.version != version:
            raise Malformed("a former file is not the one of its name")
        return found

    def replace(self, former: Stored, data: bytes) -> str:
        """Exchange it for a file with `data`, of the same owner and mode."""
        try:
            return self._exchanged(former, data)
        except Absent:
            raise Changed("the file is gone") from None

    def _exchanged(self, former: Stored, data: bytes) -> str:
        *above, name = path_of(former.key)
        new = b".%b.remediate-new-%b" % (name, secrets.token_hex(8).encode())
        with open_folder(self._root, tuple(above)) as folder:
            if self._read(folder, name, former.key).token != former.token:
                raise Changed("the file is not the one that was read")
            try:
                version = write_whole(folder, new, data, status_of(folder, name))
                exchange(folder, new, name)
                if self._read(folder, new, former.key).token != former.token:
                    exchange(folder, new, name)
                    raise Changed("the file was written while it was replaced")
                rename(folder, new, _former(name, former.version))
                sync(folder)
            except BaseException:
                # Only what is ours: after an exchange that was not taken back, it has their bytes.
                with suppress(OSError, StoreError):
                    if self._read(folder, new, former.key).data == data:
                        unlink(folder, new)
                raise
        return version

    def retire(self, key: str, version: str) -> None:
        """Unlink the former file of that id."""
        with suppress(Absent):
            if self.live(key).version == version:
                raise LiveVersion("it is the file that readers read")
        *above, name = path_of(key)
        with open_folder(self._root, tuple(above)) as folder, suppress(FileNotFoundError):
            unlink(folder, _aside(folder, name, version))
            sync(folder)

    def probe(self) -> Abilities:
        """Write, replace and retire a scratch file in the root."""
        key = _SCRATCH + secrets.token_hex(8)
        lacks: tuple[str, ...] = ()
        writable = existing = absent = keeps = False
        try:
            with open_folder(self._root, ()) as root:
                try:
                    write_whole(root, key.encode(), b"1", None)
                    one = self.live(key)
                    version = self.replace(one, b"2")
                    keeps = self.read(key, one.version).data == b"1"
                    existing = self._refuses(one)
                    self.retire(key, one.version)
                    unlink(root, key.encode())
                    absent = self._refuses(one)
                    writable = version != one.version
                finally:
                    with suppress(OSError):
                        unlink(root, key.encode())
        except StoreError as error:
            lacks = (f"a scratch file cannot be written and replaced: {error}",)
        return Abilities(
            store=self._name,
            writable=writable,
            refuses_wrong_existing=existing,
            refuses_wrong_absent=absent,
            keeps_versions=keeps,
            shows_all=True,
            lacks=lacks,
        )

    def _refuses(self, former: Stored) -> bool:
        try:
            self.replace(former, b"3")
        except Changed:
            return True
        return False

    def _read(self, folder: int, name: bytes, key: str) -> Stored:
        """The bytes, and what identifies them: inode, size, time and hash."""
        with told():
            data, status = read_whole(folder, name, self._limit + 1)
        if len(data) > self._limit:
            raise TooLarge(f"a file of more than {self._limit} bytes")
        token = f"{id_of(status)} {hashlib.sha256(data).hexdigest()}"
        return Stored(key=key, version=id_of(status), token=token, data=data)


def _aside(folder: int, name: bytes, version: str) -> bytes:
    """What a version that is not live is called: its own name, or that of a new file to which it
    was exchanged before somebody died."""
    former = _former(name, version)
    with suppress(FileNotFoundError):
        status_of(folder, former)
        return former  # nearly always: a folder may have very many names
    for other in map(os.fsencode, os.listdir(folder)):
        ours = _OURS.fullmatch(other)
        if ours and ours[1] == name:
            with suppress(FileNotFoundError):
                if id_of(status_of(folder, other)) == version:
                    return other
    return former


def _former(name: bytes, version: str) -> bytes:
    if not _VERSION.fullmatch(version):
        raise Absent("a version of a file is named by three numbers")
    return b".%b.remediate-former-%b" % (name, version.encode())
