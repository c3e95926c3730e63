"""Which objects are meant, and what two ways of finding them say."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.stores.merkle import is_included
from remediations.systems.stores.outcomes import Outcome, all_settled, tally
from remediations.systems.stores.scope import ObjectVersion, Scope, ScopeEntry, difference


def entry(key: str, version: str = "1", content: bytes = b"", store: str = "s") -> ScopeEntry:
    return ScopeEntry(
        object=ObjectVersion(store=store, key=key, version=version),
        sha256=hashlib.sha256(content).hexdigest(),
    )


NAMES = st.text(min_size=1, max_size=4)
ENTRIES = st.lists(st.builds(entry, NAMES, NAMES), max_size=20)


@given(entries=ENTRIES, data=st.data())
def test_the_order_of_a_listing_and_what_it_repeats_do_not_count(
    entries: list[ScopeEntry], data: st.DataObject
) -> None:
    """A scope is a set."""
    again = data.draw(st.permutations(entries + entries))
    assert Scope(again).summary == Scope(entries).summary
    assert Scope(entries).summary.count == len(set(entries))


@given(entries=ENTRIES, other=st.builds(entry, NAMES, NAMES, st.just(b"x")))
def test_one_object_more_is_another_root(entries: list[ScopeEntry], other: ScopeEntry) -> None:
    """So is one with other bytes."""
    kept = [one for one in entries if one.object != other.object]
    assert Scope([*kept, other]).summary.root != Scope(kept).summary.root


@given(entries=ENTRIES.filter(bool), data=st.data())
def test_every_entry_can_be_proved(entries: list[ScopeEntry], data: st.DataObject) -> None:
    """To somebody who has the summary only."""
    scope = Scope(entries)
    one = data.draw(st.sampled_from(entries))
    place, proof = scope.proof(one)
    root = bytes.fromhex(scope.summary.root)
    assert is_included(one.leaf, place, scope.summary.count, proof, root)


def test_a_version_has_one_content() -> None:
    """Two would mean that it changed while it was read, or that the store lies."""
    with pytest.raises(ValueError, match="two contents"):
        Scope([entry("k", content=b"a"), entry("k", content=b"b")])
    with pytest.raises(ValueError, match="not in"):
        Scope([entry("k")]).proof(entry("other"))


def test_the_difference_of_two_methods() -> None:
    """What each of them alone would have missed, and what moved in between."""
    both, moved = entry("both"), entry("moved", content=b"before")
    declared = Scope([both, moved, entry("declared")])
    scanned = Scope([both, entry("moved", content=b"after"), entry("by hand", "7")])
    found = difference(declared, scanned)
    assert [one.key for one in found.undeclared] == ["by hand"]
    assert [one.key for one in found.unmarked] == ["declared"]
    assert [one.key for one in found.changed] == ["moved"]
    assert not found.is_none
    assert difference(declared, declared).is_none


@pytest.mark.parametrize(
    ("store", "key", "version"),
    [("", "k", "1"), ("s", "", "1"), ("s", "k", ""), ("s", "k" * 5000, "1")],
)
def test_an_object_has_a_name(store: str, key: str, version: str) -> None:
    """All three of them."""
    with pytest.raises(ValueError, match="names"):
        ObjectVersion(store=store, key=key, version=version)
    with pytest.raises(ValueError, match="SHA-256"):
        ScopeEntry(object=ObjectVersion(store="s", key="k", version="1"), sha256="A" * 64)


def test_outcomes_are_counted_and_named() -> None:
    """Also those that did not occur; an empty scope is no success."""
    found = [Outcome.DONE, Outcome.ALREADY, Outcome.DONE]
    assert tally(found) == {one: found.count(one) for one in Outcome}
    assert all_settled([*found, Outcome.SKIPPED_FOREIGN])
    assert not all_settled([])
    for left in ("skipped-concurrent", "missing-key", "damaged", "locked"):
        assert not all_settled([*found, Outcome(left)])
