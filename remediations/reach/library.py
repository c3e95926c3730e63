"""asyncssh, imported without a compiler. All modules that use it import it from here.

While it is imported it looks for two optional libraries (liboqs, nettle) with
`ctypes.util.find_library`, which asks the cache of ldconfig, and where that does not have one,
starts whatever is called `gcc` and `ld` on PATH to link against it. No operator expects that of a
tool that reads, nobody checked those programs, and for what is not installed it takes 50 ms of CPU
and as long as four processes take to start, before the first host is dialled. What ldconfig knows
is still found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NOWHERE = "/nonexistent"
"""Not an empty PATH, which would mean the working directory."""


@contextmanager
def _no_programs() -> Iterator[None]:
    before = os.environ.get("PATH")
    os.environ["PATH"] = _NOWHERE
    try:
        yield
    finally:
        if before is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = before


with _no_programs():
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
