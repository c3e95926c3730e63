"""asyncssh, imported without a compiler. All modules that use it import it from here.

While it is imported it looks for two optional libraries (liboqs, nettle) with
`ctypes.util.find_library`, which asks the cache of ldconfig and, for a library that is not in it,
starts whatever is called `gcc` and `ld` on PATH to link against it. No operator expects that of a
tool that reads, nobody checked those programs, and it takes 50 ms of CPU and as long as eight
processes take, before the first host is dialled. What ldconfig knows is still found.
"""

from __future__ import annotations

import ctypes.util
from collections.abc import Iterator
from contextlib import contextmanager

_LINKERS = ("_findLib_gcc", "_findLib_ld")
"""How `find_library` asks them, on Linux (Python 3.8 to 3.14)."""


@contextmanager
def _no_linkers() -> Iterator[None]:
    usual = {name: found for name, found in vars(ctypes.util).items() if name in _LINKERS}
    for name in usual:
        setattr(ctypes.util, name, lambda _: None)
    try:
        yield
    finally:
        for name, found in usual.items():
            setattr(ctypes.util, name, found)


with _no_linkers():
    import asyncssh
    from asyncssh.encryption import get_default_encryption_algs
    from asyncssh.kex import get_default_kex_algs
    from asyncssh.mac import get_default_mac_algs
    from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

__all__ = [
    "asyncssh",
    "get_default_certificate_algs",
    "get_default_encryption_algs",
    "get_default_kex_algs",
    "get_default_mac_algs",
    "get_default_public_key_algs",
]
