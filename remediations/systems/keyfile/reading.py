"""What was read of readers, host by host, in one look: the part `keyfile.reading/1`.

Fingerprints are of public halves. Nothing here is computed from a private key alone, so nothing
here helps to guess one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, ClassVar

import msgspec

from remediations.systems.keyfile.inventory import ReaderEntry
from remediations.values.part import Kinded
from remediations.values.reading import Reading
from remediations.values.record import Record

Count = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]


class KeyFile(Record, frozen=True, kw_only=True):
    """A file with a private key. `flaw` is why others than root could exchange it, or why it is no
    regular file; then nothing of its content was read. `fingerprint` is "" where it has no key of
    the declared form."""

    flaw: str
    fingerprint: str
    owner: str
    group: str
    mode: str


class KeptKey(Record, frozen=True, kw_only=True):
    """A private key that lies beside: under the name of a fingerprint, and with which one really
    ("" for none that can be used)."""

    name: str
    fingerprint: str


class ReaderUnit(Record, frozen=True, kw_only=True):
    """The unit that is told. `changed_us` is when its state changed last, in microseconds since the
    host was booted; a reload is a change."""

    load: str
    active: str
    sub: str
    invocation: str
    changed_us: Count
    reloads: bool


class ReaderReading(Record, frozen=True, kw_only=True):
    """The reader of one host. `staged` are the keys that people have brought to the host, `former`
    those that were in use before; `unit` is unknown (absent) where nobody has to be told. `ready`
    is what says that it serves: "200", "active", "" where nobody asks."""

    host: str
    entry: ReaderEntry
    file: Reading[KeyFile]
    staged: Reading[tuple[KeptKey, ...]]
    former: Reading[tuple[KeptKey, ...]]
    unit: Reading[ReaderUnit]
    ready: Reading[str]


class KeyFilesReading(Kinded, frozen=True, kw_only=True, dict=True):
    """All readers of an inventory, in its order."""

    KIND: ClassVar[str] = "keyfile.reading/1"

    hosts: tuple[ReaderReading, ...]

    def host(self, name: str) -> ReaderReading:
        """The reading of host `name`.

        Raises:
            KeyError: it was not observed, or has no reader.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, ReaderReading]:
        return {one.host: one for one in self.hosts}
