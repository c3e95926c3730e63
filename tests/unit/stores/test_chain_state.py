"""A chain's own state as a store: envelopes at any depth of its records, and endpoints that lie."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from remediations.reach.http_exchange import Limits
from remediations.systems.stores.chain_state import LIVE, ChainState
from remediations.systems.stores.inventory import ChainPlace
from remediations.systems.stores.look import read_store
from remediations.systems.stores.store import (
    Absent,
    Locked,
    Malformed,
    NotReachable,
    Store,
    StoreError,
    TooLarge,
)
from remediations.systems.stores.survey import Kind, Seen, survey
from remediations.values.endpoint import Endpoint
from remediations.values.reading import Known, Unknown, Why
from tests.unit.stores.keys import FIRST, ONE, SEVERAL
from tests.unit.transactions.fake_chain import FakeChain

NOWHERE = Endpoint(name="away", url="http://127.0.0.1:9")


def record(**fields: object) -> bytes:
    """A record of a module, with its envelopes as trees."""
    return json.dumps({"scope_id": "s", **fields}).encode()


def tree(envelope: bytes) -> object:
    return json.loads(envelope)


STATE = {
    b"\x02plain": ONE,
    b"\x02scope-1": record(encrypted_payload=tree(ONE)),
    b"\x02scope-2": record(parts=[{"a/b": tree(SEVERAL)}, {"c": tree(ONE)}]),
    b"\x02scope-3": record(status="no envelope"),
    b"\x02scope-4": record(encrypted_payload={"recipient_key_ids": [FIRST.fingerprint]}),
    b"\x02scope-5": record(encrypted_payload=tree(ONE), hidden=base64.b64encode(ONE).decode()),
    b"\x02twice": ONE[:-1] + b',"version":1}',
    b"\x03other": record(encrypted_payload=tree(ONE)),
}


class Chains:
    """Two nodes of one chain, each with its own state."""

    def __init__(self, stack: ExitStack) -> None:
        self.nodes = [FakeChain(state={"veid": dict(STATE)}) for _ in range(2)]
        self.endpoints = tuple(
            stack.enter_context(node.served(f"node{number}"))
            for number, node in enumerate(self.nodes)
        )

    def store(self, *more: Endpoint, module: str = "veid", chain_id: str = "one-1") -> ChainState:
        """What lies below the prefix of scopes."""
        return ChainState(
            "scopes", chain_id=chain_id, endpoints=(*self.endpoints, *more), module=module,
            prefix=b"\x02",
        )  # fmt: skip


@pytest.fixture
def chains() -> Iterator[Chains]:
    with ExitStack() as stack:
        yield Chains(stack)


def found(store: Store) -> dict[str, Seen]:
    return {one.object.key: one for one in survey(store)}


def test_every_envelope_of_a_record_is_an_object(chains: Chains) -> None:
    """With its place there; and so is what is left of the record."""
    rows = found(chains.store())
    kinds = {key: one.kind for key, one in rows.items()}
    assert kinds == {
        "%02plain#": Kind.ENVELOPE,
        "%02plain": Kind.FOREIGN,
        "%02scope-1#/encrypted_payload": Kind.ENVELOPE,
        "%02scope-1": Kind.FOREIGN,
        "%02scope-2#/parts/0/a~1b": Kind.ENVELOPE,
        "%02scope-2#/parts/1/c": Kind.ENVELOPE,
        "%02scope-2": Kind.FOREIGN,
        "%02scope-3": Kind.FOREIGN,
        "%02scope-4#/encrypted_payload": Kind.DAMAGED,
        "%02scope-4": Kind.FOREIGN,
        "%02scope-5#/encrypted_payload": Kind.ENVELOPE,
        "%02scope-5": Kind.DAMAGED,
        "%02twice": Kind.DAMAGED,
    }
    assert rows["%02scope-1#/encrypted_payload"].recipients == (FIRST.fingerprint,)


def test_it_is_never_written(chains: Chains) -> None:
    """Its owners' transactions change it."""
    store = chains.store()
    stored = store.live("%02scope-1#/encrypted_payload")
    assert json.loads(stored.data) == tree(ONE)
    with pytest.raises(Locked, match="owners"):
        store.replace(stored, SEVERAL)
    with pytest.raises(Locked, match="owners"):
        store.retire(stored.key, LIVE)
    with pytest.raises(Absent):
        store.live("%02nothing")
    assert not store.probe().is_conditional


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda node: node.state["veid"].pop(b"\x02scope-3"), Malformed, "node0, node1 have diff"),
        (lambda node: node.state.pop("veid"), Malformed, "unknown store"),
        (lambda node: setattr(node, "chain_id", "two-1"), Malformed, "is of chain 'two-1'"),
        (lambda node: setattr(node, "state", {"veid": b"\xff"}), Malformed, "no list of pairs"),
    ],
    ids=["leaves out", "no module", "another chain", "no pairs"],
)
def test_one_endpoint_that_says_something_else_makes_it_unread(
    chains: Chains, change: object, error: type[StoreError], said: str
) -> None:
    """Never another number."""
    for node in chains.nodes[1:] if "diff" in said else chains.nodes:
        change(node)  # type: ignore[operator]
    with pytest.raises(error, match=said):
        found(chains.store())


def test_an_endpoint_that_is_away_makes_it_unread(chains: Chains) -> None:
    """Others might have told, and one witness is none."""
    with pytest.raises(NotReachable, match="away"):
        found(chains.store(NOWHERE))


def test_too_large_an_answer_says_what_to_do(
    chains: Chains, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All records below a prefix come as one answer."""
    monkeypatch.setattr("remediations.systems.stores.chain_state.LIMITS", Limits(60.0, 100))
    with pytest.raises(TooLarge, match="longer prefix"):
        found(chains.store())


def test_its_reading_says_that_nothing_is_sealed_anew_there(chains: Chains) -> None:
    """In numbers like any store."""
    place = ChainPlace(
        name="scopes", chain_id="one-1", endpoints=chains.endpoints, module="veid", prefix="02"
    )
    reading = read_store(place, 60)
    assert reading.is_locked
    assert isinstance(reading.survey, Known), reading
    named = reading.survey.value.key(FIRST.fingerprint)
    assert named is not None
    assert (named.live, named.several) == (5, 1)
    chains.nodes[0].chain_id = "two-1"
    unread = read_store(place, 60).survey
    assert isinstance(unread, Unknown)
    assert unread.why is Why.MALFORMED
