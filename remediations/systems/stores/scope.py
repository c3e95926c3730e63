"""What is in scope: which objects, which versions of them, with which bytes; and one root over it.

An object is identified by its store, its key, its version in that store, and the SHA-256 of its
bytes as they lie there. So the root over a scope says which ciphertexts are meant: "all of it" is a
claim that another person can check with `tools/scope_verify.py`. Pure.

Two methods find what is in scope: the places that somebody declared, and a scan for traces of
envelopes (`marks`). Each alone is blind where the other sees; their difference is shown, and is
resolved or signed, never dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import ClassVar

from remediations.systems.stores.merkle import inclusion_proof, leaf_hash, root_of
from remediations.values.part import Kinded
from remediations.values.record import Record
from remediations.values.wire import canonical, decode

_HASH = re.compile("[0-9a-f]{64}")
MAX_KEY = 4096
"""Characters of a key. S3 has at most 1024 bytes; a path may be longer."""


class ObjectVersion(Record, frozen=True, kw_only=True, order=True):
    """One version of one object. `version` is what its store calls it: opaque here."""

    store: str
    key: str
    version: str

    def __post_init__(self) -> None:
        """Raise a ValueError where it identifies nothing."""
        super().__post_init__()
        if not self.store or not self.key or len(self.key) > MAX_KEY or not self.version:
            raise ValueError("Expected the names of a store, a key and a version")


class ScopeEntry(Record, frozen=True, kw_only=True, order=True):
    """A version with the SHA-256 of its bytes, in hex."""

    object: ObjectVersion
    sha256: str

    def __post_init__(self) -> None:
        """Raise a ValueError for what is no hash."""
        super().__post_init__()
        if not _HASH.fullmatch(self.sha256):
            raise ValueError("Expected a SHA-256 in hex")

    @property
    def leaf(self) -> bytes:
        """Its hash in the tree: over its canonical JSON."""
        return leaf_hash(canonical(self))


class ScopeSummary(Kinded, frozen=True, kw_only=True):
    """What a plan says of a scope: how many, and their root in hex. A root alone says nothing of
    how many there are."""

    KIND: ClassVar[str] = "stores.scope/1"

    count: int
    root: str


class Scope:
    """Versions in scope, each once, in the order of their names. What stands twice in a listing
    (some stores repeat the last row of a page as the first of the next) is one."""

    def __init__(self, entries: Iterable[ScopeEntry]) -> None:
        """Sort the entries.

        Raises:
            ValueError: one version has two contents.
        """
        self.entries = tuple(sorted(set(entries)))
        if len({one.object for one in self.entries}) != len(self.entries):
            raise ValueError("one version of an object was read with two contents")

    @cached_property
    def leaves(self) -> tuple[bytes, ...]:
        """The hashes of the entries, in order."""
        return tuple(one.leaf for one in self.entries)

    @cached_property
    def summary(self) -> ScopeSummary:
        """Number and root."""
        return ScopeSummary(count=len(self.entries), root=root_of(self.leaves).hex())

    def proof(self, entry: ScopeEntry) -> tuple[int, tuple[bytes, ...]]:
        """Its place, and the proof that it is there.

        Raises:
            ValueError: it is not in the scope.
        """
        place = self.entries.index(entry)
        return place, inclusion_proof(self.leaves, place)


class ScopeDifference(Record, frozen=True, kw_only=True):
    """Where two methods do not agree, in the order of names.

    `undeclared` were found by the scan alone: nobody said that they are there. `unmarked` lie in
    declared places and show no trace: emptied, overwritten, or of another form. `changed` were read
    with other bytes by the second method: somebody wrote in between.
    """

    undeclared: tuple[ObjectVersion, ...]
    unmarked: tuple[ObjectVersion, ...]
    changed: tuple[ObjectVersion, ...]

    @property
    def is_none(self) -> bool:
        """Whether the methods agree."""
        return not (self.undeclared or self.unmarked or self.changed)


def difference(declared: Scope, scanned: Scope) -> ScopeDifference:
    """Where the declared places and the scan differ."""
    by_name = {one.object: one.sha256 for one in declared.entries}
    by_scan = {one.object: one.sha256 for one in scanned.entries}
    return ScopeDifference(
        undeclared=tuple(one for one in by_scan if one not in by_name),
        unmarked=tuple(one for one in by_name if one not in by_scan),
        changed=tuple(one for one, sha256 in by_name.items() if by_scan.get(one, sha256) != sha256),
    )


class ScopeDocument(Record, frozen=True, kw_only=True):
    """A scope in a file: what `tools/scope_verify.py` reads. Count and root are in it for people;
    whoever reads it computes both from the entries."""

    format: int
    count: int
    root: str
    entries: tuple[ScopeEntry, ...]


SCOPE_FORMAT = 1


def scope_document(scope: Scope) -> bytes:
    """The file of a scope."""
    summary = scope.summary
    return canonical(
        ScopeDocument(
            format=SCOPE_FORMAT, count=summary.count, root=summary.root, entries=scope.entries
        )
    )


def read_scope(data: bytes) -> Scope:
    """The scope in a file.

    Raises:
        ValueError: it is none, or its entries are not those of its count and root.
    """
    document = decode(data, ScopeDocument)
    scope = Scope(document.entries)
    told = ScopeSummary(count=document.count, root=document.root)
    if document.format != SCOPE_FORMAT or told != scope.summary:
        raise ValueError("the entries are not those of the count and the root that stand there")
    return scope
