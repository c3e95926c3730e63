"""A secret by origin: bytes that no sink can show, and what takes them out of any text.

Whatever reads a secret makes a `Secret` of it at once, and only code that uses the bytes asks for
them (`reveal`). A `Secret` renders as where it is from and a short fingerprint, everywhere: on
screens, in logs, exceptions, f-strings, canonical JSON. Pickling and copying it are refused.

The fingerprint is keyed anew in each process. It tells two secrets of one process apart; as a plain
hash it would let anybody try a list of passwords against a report.

Python does not wipe memory. What is done is not to make copies.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import NoReturn

_PROCESS_KEY = os.urandom(32)
_SHOWN = 8


class Secret:
    """Bytes that came from a secret source; `origin` names it, and is shown."""

    __slots__ = ("__value", "origin")

    def __init__(self, value: bytes, origin: str) -> None:
        self.__value = bytes(value)
        self.origin = origin

    def reveal(self) -> bytes:
        """The bytes. Nothing but the code that uses them asks for them."""
        return self.__value

    def tag(self, key: bytes) -> str:
        """The HMAC-SHA-256 of the bytes in hex, to compare them with others by the same key, and
        without showing them."""
        return hmac.new(key, self.__value, hashlib.sha256).hexdigest()

    @property
    def fingerprint(self) -> str:
        """Short, and of use in this process only."""
        return self.tag(_PROCESS_KEY)[:_SHOWN]

    def __str__(self) -> str:
        return f"<secret {self.origin} #{self.fingerprint}>"

    __repr__ = __str__

    def __format__(self, _form: str) -> str:
        return str(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__value, other.__value)

    def __hash__(self) -> int:
        return hash(self.tag(_PROCESS_KEY))

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is not copied or pickled: hand it on, or read it again")
