"""The tree of RFC 6962, against its definition and known values."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.systems.stores.merkle import inclusion_proof, is_included, leaf_hash, root_of

# The test vectors of Certificate Transparency's reference implementation.
ENTRIES = [
    bytes.fromhex(one)
    for one in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def by_definition(entries: list[bytes]) -> bytes:
    """Word for word from the RFC."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    half = 1
    while half * 2 < len(entries):
        half *= 2
    left, right = by_definition(entries[:half]), by_definition(entries[half:])
    return hashlib.sha256(b"\1" + left + right).digest()


@pytest.mark.parametrize("size", ROOTS)
def test_the_known_roots(size: int) -> None:
    """Of the first entries of Certificate Transparency's vectors."""
    assert root_of(map(leaf_hash, ENTRIES[:size])).hex() == ROOTS[size]


@given(entries=st.lists(st.binary(max_size=4), max_size=40))
def test_it_is_what_the_definition_says(entries: list[bytes]) -> None:
    """Any list."""
    assert root_of(map(leaf_hash, entries)) == by_definition(entries)


@given(entries=st.lists(st.binary(max_size=4), min_size=1, max_size=40), data=st.data())
def test_a_proof_shows_one_entry_at_one_place(entries: list[bytes], data: st.DataObject) -> None:
    """And nothing else: no other place, entry, size, root, or proof."""
    leaves = [leaf_hash(bytes([n]) + one) for n, one in enumerate(entries)]
    place = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = root_of(leaves), inclusion_proof(leaves, place)
    assert is_included(leaves[place], place, len(leaves), proof, root)
    assert not is_included(leaf_hash(b"other"), place, len(leaves), proof, root)
    assert not is_included(leaves[place], place, len(leaves), (*proof, root), root)
    assert not is_included(leaves[place], place, len(leaves), proof, leaf_hash(b"other"))
    assert not is_included(leaves[place], len(leaves), len(leaves), proof, root)
    assert not is_included(leaves[place], -1, len(leaves), proof, root)
    for other in range(len(leaves)):
        if other != place:
            assert not is_included(leaves[place], other, len(leaves), proof, root)


@pytest.mark.parametrize("place", [-1, 1, 5])
def test_there_is_no_proof_of_what_is_not_there(place: int) -> None:
    """A negative place would be one from the end."""
    with pytest.raises(IndexError):
        inclusion_proof([leaf_hash(b"")], place)
