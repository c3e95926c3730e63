"""The digest of the code of a playbook.

It is the SHA-256 of the output of `sha256sum` for all files of the top-level package, sorted by the
bytes of their paths, without Python's caches in `__pycache__`. It can be computed by hand:

    cd PACKAGE && find -L . -type f ! -path '*/__pycache__/*' -printf '%P\\0' | LC_ALL=C sort -z |
        xargs -0 sha256sum | sha256sum

Other packages that it imports are not included.
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
        MachineError: it does not consist of files, they cannot be read or are too many, or a file
            name could be taken for two lines of the list.
    """
    top = module.partition(".")[0]
    try:
        found = sorted((os.fsencode(name), path) for name, path in _files(top))
        whole = hashlib.sha256()
        left = MOST_BYTES
        for name, path in found:
            if b"\n" in name or b"\\" in name:  # sha256sum escapes them
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
    """Relative and full path of every file of a loaded package."""
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
        f"the files of the playbook's package {top} cannot be digested",
        guard="playbook origin",
        got=got,
        expected="a package of readable files",
        next_step=f"install the package that provides {top} again, as files",
    )
