"""Copies of a node's databases: what one says of itself, and what is planned with it. Pure.

A copy is a tar archive that `systems/hosts/files.sh` keeps by its SHA-256. Its first member,
`about`, fills one block and is written by the step that makes the copy; so it is covered by the
hash, and read without unpacking anything. There is never a key, a sign state, a write-ahead log or
an address book in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.comet.planned import (
    APP_HASH,
    MAX_HEIGHT,
    PlannedNode,
    PlannedNodeError,
    described,
    with_numbers,
)
from remediations.values.lines import TextError, parse_number, parse_pairs
from remediations.values.record import Record

FORMAT = "1"
ABOUT_BYTES = 512
"""One block of a tar archive (POSIX ustar)."""
SHA256 = re.compile("[0-9a-f]{64}")
_CHAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
_DONOR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_BACKEND = re.compile("[a-z0-9]{0,20}")
_PATTERNS = (
    ("chain_id", _CHAIN_ID, "a chain id"),
    ("donor", _DONOR, "a host of the inventory"),
    ("app_hash", APP_HASH, "pairs of upper-case hex digits, or empty"),
    ("backend", _BACKEND, "the name of a kind of database, or empty"),
)
MAX_COPIES = 20
"""So many are read of one host."""


class DataCopy(Record, frozen=True, kw_only=True):
    """A copy that a host keeps. With `app_hash` it is exactly the state after the block `height`;
    without, the chain went on, and the copy has this height or one shortly above. `backend` is the
    `db_backend` of the donor, `bytes` what the copy takes unpacked. `took_s` is known where it was
    made: how long it took there to read the databases, write the copy, and read it again."""

    sha256: str
    chain_id: str
    donor: str
    height: int
    app_hash: str
    backend: str
    bytes: int
    took_s: int | None = None

    @property
    def words(self) -> str:
        """What it says of itself, in one line: the form in which it is a fact."""
        return " ".join(f"{name}={getattr(self, name)}" for name in ABOUT_FIELDS)


ABOUT_FIELDS = ("chain_id", "donor", "height", "app_hash", "backend", "bytes")


@dataclass(frozen=True, kw_only=True)
class PlannedCopy:
    """What is copied: the databases of `node`, with what the copy is to say of itself.

    Raises:
        PlannedNodeError: a field is malformed.
    """

    node: PlannedNode
    chain_id: str
    donor: str
    height: int
    app_hash: str
    backend: str

    def __post_init__(self) -> None:
        _check(self)

    @property
    def about(self) -> str:
        """What the copy says of itself, but for its size, which is found out on the host."""
        return _about(self)

    @property
    def mark(self) -> str:
        """The name of the note on the donor that this copy was made."""
        return f"{hashlib.sha256(self.about.encode()).hexdigest()[:32]}.copy"

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedCopy:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, {**data, "node": PlannedNode.from_data(data)})

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedCopy:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        node = PlannedNode.from_words(words)
        return described(cls, {**with_numbers(words, ("height",)), "node": node})


@dataclass(frozen=True, kw_only=True)
class PlannedReplacement:
    """The databases of `node`, which are replaced by those of the copy `sha256`, and what it must
    say of itself.

    Raises:
        PlannedNodeError: a field is malformed.
    """

    node: PlannedNode
    sha256: str
    chain_id: str
    donor: str
    height: int
    app_hash: str
    backend: str
    bytes: int

    def __post_init__(self) -> None:
        _check(self)
        if not isinstance(self.sha256, str) or not SHA256.fullmatch(self.sha256):
            raise PlannedNodeError(f"sha256 is {self.sha256!r}, not a SHA-256 in lower-case hex")
        if type(self.bytes) is not int or not 0 <= self.bytes < MAX_HEIGHT:
            raise PlannedNodeError(f"bytes is {self.bytes!r}, not a size")

    @property
    def about(self) -> str:
        """What the copy must say of itself."""
        return f"{_about(self)}bytes={self.bytes}\n"

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedReplacement:
        """What host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, {**data, "node": PlannedNode.from_data(data)})

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedReplacement:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        node = PlannedNode.from_words(words)
        return described(cls, {**with_numbers(words, ("height", "bytes")), "node": node})


def parse_copies(text: str) -> tuple[DataCopy, ...]:
    """The copies that a host keeps: for each its hash in a line `copy=SHA256`, what it says of
    itself, and where it was made `seconds=N`.

    Raises:
        TextError: a copy is malformed, or there are more than `MAX_COPIES`.
    """
    head, *parts = text.split("copy=")
    if head or len(parts) > MAX_COPIES:
        raise TextError(f"expected at most {MAX_COPIES} copies")
    return tuple(_copy(part) for part in parts)


def _copy(part: str) -> DataCopy:
    sha256, _, about = part.partition("\n")
    told = dict(parse_pairs(about))
    took = told.pop("seconds", None)
    names = {"format", *ABOUT_FIELDS}
    if not SHA256.fullmatch(sha256) or set(told) != names or told["format"] != FORMAT:
        raise TextError("expected what a copy says of itself, in the format 1")
    for name, pattern, meaning in _PATTERNS:
        if not pattern.fullmatch(told[name]):
            raise TextError(f"expected {meaning} as {name}")
    return DataCopy(
        sha256=sha256,
        chain_id=told["chain_id"],
        donor=told["donor"],
        height=parse_number(told["height"]),
        app_hash=told["app_hash"],
        backend=told["backend"],
        bytes=parse_number(told["bytes"]),
        took_s=None if took is None else parse_number(took),
    )


def _about(planned: PlannedCopy | PlannedReplacement) -> str:
    """Its first lines; `bytes` is the last one."""
    return f"format={FORMAT}\n" + "".join(
        f"{name}={getattr(planned, name)}\n" for name in ABOUT_FIELDS if name != "bytes"
    )


def _check(planned: PlannedCopy | PlannedReplacement) -> None:
    for name, pattern, meaning in _PATTERNS:
        value = getattr(planned, name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")
    if type(planned.height) is not int or not 0 <= planned.height < MAX_HEIGHT:
        raise PlannedNodeError(f"height is {planned.height!r}, not a height")
