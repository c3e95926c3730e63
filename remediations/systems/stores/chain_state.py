"""A chain's own state as a store: what its records hold below a prefix, by ABCI query. Read only.

1. Nothing of ours changes a chain's state: whoever owns a record replaces it by a transaction of
   their own. And what was ever in a block stays readable from former blocks.
2. All endpoints are asked for the same height, and have to give the same records byte for byte: one
   that lies or lags makes the store unread, never another number.
3. A record may be an envelope, or a JSON tree with envelopes in it, at any depth. Each envelope is
   an object of its own, and so is what is left of the record, so that traces in it are seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from remediations.reach.http_exchange import Limits
from remediations.reach.node_rpc import RpcError, ask, ask_application
from remediations.systems.stores.store import (
    MAX_OBJECT,
    Abilities,
    Absent,
    Locked,
    Malformed,
    NotReachable,
    Stored,
    StoreError,
    TooLarge,
    Version,
)
from remediations.values.endpoint import Endpoint
from remediations.values.protobuf import ProtobufError, read_all, read_one
from remediations.values.reading import Why

LIMITS = Limits(seconds=60.0, answer_bytes=256 * 1024 * 1024)
"""For all records below a prefix: they come as one answer."""
LIVE = "state"
"""The version of every object: a chain's state has no other."""
LOCKED = "a chain's state is changed by its owners' transactions, not from here"
_BACK = 1
"""Blocks below the lowest height, so that every endpoint has executed it."""
_MOST_DEPTH = 20
_MARKS = frozenset({"recipient_key_ids", "ciphertext"})
"""A tree with one of these fields is an envelope, or was one (`envelope.py` judges it)."""


class ChainState:
    """The records of one module below a prefix (`Store`)."""

    def __init__(
        self, name: str, *, chain_id: str, endpoints: Sequence[Endpoint], module: str, prefix: bytes
    ) -> None:
        """Ask nobody yet."""
        self._name = name
        self._chain_id = chain_id
        self._endpoints = tuple(endpoints)
        self._path = f"/store/{module}/subspace"
        self._prefix = prefix
        self._objects: dict[str, bytes] = {}

    @property
    def name(self) -> str:
        """As the inventory calls it."""
        return self._name

    def versions(self) -> Iterator[Version]:
        """All objects at one height. Each listing asks anew.

        Raises:
            StoreError: an endpoint gave no answer, or another one than the others.
        """
        self._objects = dict(_objects(self._records()))
        for key, data in self._objects.items():
            yield Version(key=key, version=LIVE, is_live=True, size=len(data))

    def live(self, key: str) -> Stored:
        """As it was when all were listed last.

        Raises:
            Absent: there was none.
            TooLarge: it is larger than an object may be.
        """
        return self.read(key, LIVE)

    def read(self, key: str, version: str) -> Stored:
        """The same: a state has one version of each."""
        if not self._objects:
            self._objects = dict(_objects(self._records()))
        data = self._objects.get(key)
        if data is None or version != LIVE:
            raise Absent(f"the state has no such record at that height: {key}")
        if len(data) > MAX_OBJECT:
            raise TooLarge(f"a record of {len(data)} bytes")
        return Stored(key=key, version=LIVE, token=LIVE, data=data)

    def replace(self, former: Stored, data: bytes) -> str:
        """Never.

        Raises:
            Locked: always.
        """
        del former, data
        raise Locked(LOCKED)

    def retire(self, key: str, version: str) -> None:
        """Never.

        Raises:
            Locked: always.
        """
        del key, version
        raise Locked(LOCKED)

    def close(self) -> None:
        """Forget what was read; no connection is kept."""
        self._objects = {}

    def probe(self) -> Abilities:
        """It reads alike from every endpoint, and is not written.

        Raises:
            StoreError: it does not.
        """
        self._records()
        return Abilities(
            store=self._name,
            writable=False,
            refuses_wrong_existing=False,
            refuses_wrong_absent=False,
            keeps_versions=False,
            shows_all=True,
            lacks=(LOCKED,),
        )

    def _records(self) -> dict[bytes, bytes]:
        try:
            height = min(self._height(one) for one in self._endpoints) - _BACK
            answers = [self._asked(one, height) for one in self._endpoints]
        except RpcError as error:
            raise _store_error(error) from None
        if any(one != answers[0] for one in answers):
            names = ", ".join(one.name for one in self._endpoints)
            raise Malformed(f"{names} have different records at height {height}")
        return _pairs(answers[0])

    def _height(self, endpoint: Endpoint) -> int:
        tree = ask(endpoint, "status")
        try:
            chain_id = str(tree["node_info"]["network"])
            height = int(tree["sync_info"]["latest_block_height"])
        except (KeyError, TypeError, ValueError):
            raise Malformed(f"{endpoint.name}: no status of a node") from None
        if chain_id != self._chain_id:
            raise Malformed(f"{endpoint.name} is of chain {chain_id[:64]!r}, not {self._chain_id}")
        return height

    def _asked(self, endpoint: Endpoint, height: int) -> bytes:
        answer = ask_application(endpoint, self._path, self._prefix, height=height, limits=LIMITS)
        if answer.code:
            said = " ".join(answer.log.split())[:200]
            raise Malformed(f"{endpoint.name}: {self._path}: {said}")
        return answer.value


def _store_error(error: RpcError) -> StoreError:
    if error.why is Why.TOO_LARGE:
        return TooLarge(f"{error}: choose a longer prefix")
    return NotReachable(str(error)) if error.why is not Why.MALFORMED else Malformed(str(error))


def _pairs(answer: bytes) -> dict[bytes, bytes]:
    """The records of an answer: a list of pairs of key and value, as protobuf.

    Raises:
        Malformed: it is none.
    """
    try:
        rows = [(read_one(one, 1), read_one(one, 2)) for one in read_all(answer, 1)]
    except ProtobufError as error:
        raise Malformed(f"the records are no list of pairs: {error}") from None
    found = dict(rows)
    if len(found) != len(rows):
        raise Malformed("two records have one key")
    return found


def _objects(records: dict[bytes, bytes]) -> Iterator[tuple[str, bytes]]:
    """What is surveyed: each envelope in a record by its place there, and what is left of the
    record without them."""
    for key, value in sorted(records.items()):
        name, tree = _readable(key), _tree(value)
        inside: list[tuple[str, Any]] = []
        rest = _without_envelopes(tree, "", inside, 0)
        for place, envelope in inside:
            yield f"{name}#{place}", _compact(envelope)
        yield name, _compact(rest) if inside else value


def _readable(key: bytes) -> str:
    """A key of the state: what can be read of it as it is, the rest as in a URL."""
    return "".join(
        chr(one) if 0x21 <= one <= 0x7E and chr(one) not in "%#" else f"%{one:02x}" for one in key
    )


def _compact(tree: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(tree, separators=(",", ":")).encode()


def _tree(value: bytes) -> Any:  # noqa: ANN401 - any JSON
    """A record as JSON. None where it is none, or where a field stands twice: then its bytes are
    judged as they are."""
    try:
        return json.loads(value, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a field stands twice")
    return tree


def _without_envelopes(tree: Any, place: str, inside: list[tuple[str, Any]], depth: int) -> Any:  # noqa: ANN401
    """The tree with null in place of each tree that has a mark of an envelope; those are added to
    `inside` with their JSON pointers."""
    if depth > _MOST_DEPTH:
        return tree
    if isinstance(tree, dict):
        if not _MARKS.isdisjoint(tree):
            inside.append((place, tree))
            return None
        return {
            name: _without_envelopes(value, f"{place}/{_escaped(name)}", inside, depth + 1)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [
            _without_envelopes(value, f"{place}/{number}", inside, depth + 1)
            for number, value in enumerate(tree)
        ]
    return tree


def _escaped(name: str) -> str:
    """A name in a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
