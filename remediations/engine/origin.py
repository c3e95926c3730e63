"""The digest of the code that a playbook consists of.

It is the SHA-256 of the list of files that `sha256sum` makes of the top-level package, in the order
of their paths' bytes, without what Python caches in `__pycache__`. It can be made by hand:

    cd PACKAGE && find -L . -type f ! -path '*/__pycache__/*' -printf '%P\\0' | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum

What that package imports from others is not part of it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from remediations.errors import MachineError

CACHE = "__pycache__"
MOST_FILES = 20_000
MOST_BYTES = 500_000_000


def package_digest(module: str) -> str:
    """The digest of the loaded top-level package, or single module, that `module` belongs to.

    Raises:
        MachineError: it does not consist of files, they cannot be read, are absurdly many, or one
            has a name that could stand for two lines of the list.
    """
    top = module.partition(".")[0]
    try:
        found = sorted((os.fsencode(name), path) for name, path in _files(top))
        whole = hashlib.sha256()
        left = MOST_BYTES
        for name, path in found:
            if b"\n" in name or b"\\" in name:  # sha256sum writes them in another way
                raise _unnamed(top, "a line break or a backslash in the name of a file")
            with path.open("rb") as file:
                left -= os.fstat(file.fileno()).st_size
                if left < 0:
                    raise _unnamed(top, f"more than {MOST_BYTES} bytes")
                content = hashlib.file_digest(file, "sha256").hexdigest()
            whole.update(content.encode() + b"  " + name + b"\n")
    except OSError as error:
        raise _unnamed(top, f"{error.filename}: {error.strerror}") from error
    if not found:
        raise _unnamed(top, "no file")
    return whole.hexdigest()


def _files(top: str) -> Iterator[tuple[str, Path]]:
    """Name and path of every file of a package that is loaded."""
    loaded = sys.modules.get(top)
    places = list(getattr(loaded, "__path__", []))
    if not places:
        path = Path(getattr(loaded, "__file__", None) or "")
        if path.is_file():
            yield path.name, path
        return
    count = 0
    for place in places:
        for directory, below, names in os.walk(place, followlinks=True):
            below[:] = [name for name in below if name != CACHE]
            for name in names:
                path = Path(directory) / name
                if stat.S_ISREG(path.stat().st_mode):
                    count += 1
                    if count > MOST_FILES:
                        raise _unnamed(top, f"more than {MOST_FILES} files")
                    yield str(path.relative_to(place)), path


def _unnamed(top: str, got: str) -> MachineError:
    return MachineError(
        f"the playbook's package {top} cannot be named by its files",
        guard="playbook origin",
        got=got,
        expected="a package of readable files",
        next_step=f"install the package that brings {top} again, as files",
    )
