"""What an endpoint is asked, and how its answers are read. Strictly: what is odd is an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from remediations.reach.node_rpc import RpcError, ask, ask_application
from remediations.systems.transactions.codes import in_words
from remediations.systems.transactions.values import (
    AccountState,
    KeyEvent,
    KeyEventKind,
    KeyRecord,
)
from remediations.values.endpoint import Endpoint
from remediations.values.multisig import read_key
from remediations.values.protobuf import (
    ProtobufError,
    read_all,
    read_number,
    read_one,
    read_text,
    write_text,
)
from remediations.values.reading import Why

T = TypeVar("T")
Tree = dict[str, Any]
_ENCRYPTION = "virtengine.encryption.v1"
_BASE_ACCOUNT = "/cosmos.auth.v1beta1.BaseAccount"
_PAGE = 100
_MOST_PAGES = 20
_MOST_KEYS = 200
_MOST_HEADERS = 20
"""The chain's program answers with no more of them."""


class Status(NamedTuple):
    """An endpoint of itself. `time` is that of its last block, in seconds since 1970."""

    chain_id: str
    height: int
    catching_up: bool
    time: float


class Included(NamedTuple):
    """A transaction in a block, and how it ended there."""

    height: int
    code: int
    codespace: str
    log: str
    gas_used: int


def status(endpoint: Endpoint) -> Status:
    """What it says of itself.

    Raises:
        RpcError: no answer that can be used.
    """
    tree = ask(endpoint, "status")
    return read_answer(endpoint, lambda: Status(
        str(tree["node_info"]["network"]),
        _number(tree["sync_info"]["latest_block_height"]),
        bool(tree["sync_info"]["catching_up"]),
        _time(tree["sync_info"]["latest_block_time"]),
    ))  # fmt: skip


def block_times(endpoint: Endpoint, last: int) -> tuple[float, ...]:
    """When the last twenty blocks up to this height were made, in seconds since 1970, in order.

    Raises:
        RpcError: no answer that can be used.
    """
    first = max(1, last - _MOST_HEADERS + 1)
    tree = ask(endpoint, "blockchain", minHeight=str(first), maxHeight=str(last))
    return read_answer(endpoint, lambda: tuple(
        sorted(_time(one["header"]["time"]) for one in tree["block_metas"])
    ))  # fmt: skip


def account(endpoint: Endpoint, address: str) -> AccountState:
    """Number, sequence and key of an account.

    Raises:
        RpcError: no answer, or an account that is not a plain one.
    """
    answer = query(endpoint, "/cosmos.auth.v1beta1.Query/Account", write_text(1, address))

    def found() -> AccountState:
        boxed = read_one(answer, 1)
        if read_text(boxed, 1) != _BASE_ACCOUNT:
            raise ValueError(f"{address} is not a plain account")
        base = read_one(boxed, 2)
        key = read_one(base, 2)
        if read_text(base, 1) != address:
            raise ValueError("the answer is about another account")
        return AccountState(
            number=read_number(base, 3),
            sequence=read_number(base, 4),
            public_key=read_key(key) if key else "",
        )

    return read_answer(endpoint, found)


def keys(endpoint: Endpoint, address: str) -> tuple[KeyRecord, ...]:
    """The keys that an account has registered, in the order of their fingerprints.

    Raises:
        RpcError: no answer that can be used.
    """
    answer = query(endpoint, f"/{_ENCRYPTION}.Query/RecipientKey", write_text(1, address))

    def found() -> tuple[KeyRecord, ...]:
        records = tuple(_record(one) for one in read_all(answer, 1))
        if len(records) > _MOST_KEYS or any(one.address != address for one in records):
            raise ValueError("keys of another account, or too many")
        return tuple(sorted(records, key=lambda one: one.fingerprint))

    return read_answer(endpoint, found)


def events(endpoint: Endpoint) -> tuple[KeyEvent, ...]:
    """All that happened to keys, by transactions and by blocks (governance acts at the end of one).

    Asked by `EXISTS`, and compared here: the values of typed events are JSON, and a search for one
    without its inner quotes finds nothing, without an error.

    Raises:
        RpcError: no answer, as of a node that does not index.
    """
    found: list[KeyEvent] = []
    for kind, name, key in (
        (KeyEventKind.REGISTERED, "EventKeyRegistered", "fingerprint"),
        (KeyEventKind.REVOKED, "EventKeyRevoked", "fingerprint"),
        (KeyEventKind.ROTATED, "EventKeyRotated", "old_fingerprint"),
    ):
        query = f"{_ENCRYPTION}.{name}.{key} EXISTS"
        for tree in _pages(endpoint, "tx_search", "txs", query):
            result, height, named = tree["tx_result"], _number(tree["height"]), str(tree["hash"])
            found += _events(endpoint, kind, name, key, result.get("events"), height, named)
        for tree in _pages(endpoint, "block_search", "blocks", query):
            height = _number(tree["block"]["header"]["height"])
            result = ask(endpoint, "block_results", height=str(height))
            own = result.get("finalize_block_events")
            found += _events(endpoint, kind, name, key, own, height, "")
    return tuple(sorted(found, key=lambda one: (one.height, one.kind, one.fingerprint)))


def simulate(endpoint: Endpoint, transaction: bytes) -> int:
    """The gas that it takes now. Signatures are not looked at.

    Raises:
        RpcError: it would fail, or no answer.
    """
    answer = query(endpoint, "/app/simulate", transaction, raw=True)
    # This one answers in JSON, as no other does.
    return read_answer(endpoint, lambda: _number(json.loads(answer)["gas_info"]["gas_used"]))


def included(endpoint: Endpoint, named: str) -> Included | None:
    """The transaction of that hash in a block; None where the endpoint knows of none.

    Raises:
        RpcError: no answer that can be used.
    """
    try:
        tree = ask(endpoint, "tx", hash=f"0x{named}")
    except RpcError as error:
        if "not found" in str(error):
            return None
        raise

    def found() -> Included:
        if str(tree["hash"]).upper() != named.upper():
            raise ValueError("the answer is about another transaction")
        result = tree["tx_result"]
        return Included(
            _number(tree["height"]),
            int(result["code"]),
            str(result.get("codespace", "")),
            str(result.get("log", "")),
            _number(result.get("gas_used", "0")),
        )

    return read_answer(endpoint, found)


def query(endpoint: Endpoint, path: str, asked: bytes, *, raw: bool = False) -> bytes:
    """The bytes of an answer. With `raw` those of the application itself.

    Raises:
        RpcError: there is none, or an error.
    """
    answer = ask_application(endpoint, path, asked)
    if answer.code:
        told = in_words(answer.codespace, answer.code, answer.log)
        said = " ".join(answer.log.split())[:300]
        raise RpcError(f"{endpoint.name}: {said if raw else f'{told}: {said}'}", why=Why.FAILED)
    return answer.value


def _record(content: bytes) -> KeyRecord:
    return KeyRecord(
        address=read_text(content, 1),
        public_key=read_one(content, 2).hex(),
        fingerprint=read_text(content, 3),
        algorithm=read_text(content, 5),
        registered_at=read_number(content, 6),
        revoked_at=read_number(content, 7),
        deprecated_at=read_number(content, 8),
        expires_at=read_number(content, 9),
        purge_at=read_number(content, 10),
        label=read_text(content, 11)[:80],
    )


def _pages(endpoint: Endpoint, method: str, key: str, query: str) -> Iterator[Tree]:
    """Everything that a search finds, page by page.

    Raises:
        RpcError: no answer, or more than can be gone through.
    """
    seen = 0
    for page in range(1, _MOST_PAGES + 1):
        words = {"query": f'"{query}"', "page": str(page), "per_page": str(_PAGE)}
        tree = ask(endpoint, method, order_by='"asc"', **words)
        total = read_answer(endpoint, partial(_total, tree))
        found = tree.get(key) or []
        yield from found
        seen += len(found)
        if seen >= total:
            return
        if not found:
            break
    raise RpcError(f"{endpoint.name}: {query}: not all could be read", why=Why.TOO_LARGE)


def _total(tree: Tree) -> int:
    return _number(tree["total_count"])


def _events(
    endpoint: Endpoint,
    kind: KeyEventKind,
    name: str,
    key: str,
    given: object,
    height: int,
    transaction: str,
) -> Iterator[KeyEvent]:
    def found() -> list[KeyEvent]:
        those = given if isinstance(given, list) else []
        told = [_attributes(one) for one in those if one["type"] == f"{_ENCRYPTION}.{name}"]
        return [
            KeyEvent(
                kind=kind,
                fingerprint=one[key],
                address=one["address"],
                by=one.get("revoked_by", ""),
                new=one.get("new_fingerprint", ""),
                at=_number(one[f"{kind.value}_at"]),
                height=height,
                transaction=transaction,
            )
            for one in told
        ]

    yield from read_answer(endpoint, found)


def _attributes(event: Tree) -> dict[str, str]:
    """Those whose values are JSON texts; the SDK adds others."""
    found = {}
    for one in event["attributes"]:
        value = str(one["value"])
        if value.startswith('"'):
            found[str(one["key"])] = str(json.loads(value))[:200]
    return found


def _number(value: object) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ValueError("a number that is none")
    return int(value)


def _time(value: object) -> float:
    """A time as Go writes it, with nine digits after the second: six are kept."""
    text = str(value)[:40].removesuffix("Z")
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00").timestamp()


def read_answer(endpoint: Endpoint, found: Callable[[], T]) -> T:
    """What is found in an answer.

    Raises:
        RpcError: it is of another form.
    """
    try:
        return found()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        told = str(error) if isinstance(error, ProtobufError | ValueError) else type(error).__name__
        said = f"{endpoint.name}: an answer of another form: {told}"
        raise RpcError(said, why=Why.MALFORMED) from None
