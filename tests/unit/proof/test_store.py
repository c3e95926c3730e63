"""A value is proven by its tree alone: anything else, and nothing is."""

from __future__ import annotations

import pytest

from remediations.systems.comet.proof.protobuf import Malformed
from remediations.systems.comet.proof.store import app_hash_of
from tests.unit.proof.stored import (
    OTHER,
    existence,
    head,
    inner_op,
    leaf_op,
    tree,
)

KEY, VALUE = b"\x01\x14" + bytes(20), b"jailed until then"


def test_the_root_is_the_app_hash() -> None:
    """Both trees lead to it."""
    expected, ops = tree("slashing", KEY, VALUE)
    assert app_hash_of("slashing", KEY, VALUE, ops) == expected


@pytest.mark.parametrize(
    ("store", "key", "value"),
    [("slashing", KEY, b"free"), ("slashing", KEY + b"x", VALUE), ("staking", KEY, VALUE)],
)
def test_a_proof_is_one_of_its_own_value(store: str, key: bytes, value: bytes) -> None:
    """Not of another value, key or module."""
    _, ops = tree("slashing", KEY, VALUE)
    with pytest.raises(Malformed, match="another key or value"):
        app_hash_of(store, key, value, ops)


def test_another_neighbour_is_another_app_hash() -> None:
    """Whoever changes the path gets a root that no header has."""
    expected, ops = tree("slashing", KEY, VALUE)
    before = head(1, 2) + b"\x20" + bytes(32) + b"\x20"
    iavl = existence(KEY, VALUE, leaf_op(head(0, 1)), inner_op(before))
    with pytest.raises(Malformed):
        app_hash_of("slashing", KEY, VALUE, [("ics23:iavl", iavl), ops[1]])
    changed = ops[1][1].replace(OTHER, bytes(32))
    assert app_hash_of("slashing", KEY, VALUE, [ops[0], ("ics23:simple", changed)]) != expected


LEAF = leaf_op(head(0, 1))
STEP = head(1, 2) + b"\x20"
FORGED: dict[str, bytes] = {
    "leaf of another form": existence(KEY, VALUE, leaf_op(b"\x01" + head(0, 1)[1:])),
    "leaf prefix too long": existence(KEY, VALUE, leaf_op(head(0, 1) + b"x")),
    "inner node like a leaf": existence(KEY, VALUE, LEAF, inner_op(head(0, 1) + b"\x20")),
    "one child": existence(KEY, VALUE, LEAF, inner_op(STEP)),
    "two on both sides": existence(
        KEY, VALUE, LEAF, inner_op(STEP + OTHER + b"\x20", b"\x20" + OTHER)
    ),
    "a child of another length": existence(
        KEY, VALUE, LEAF, inner_op(STEP, b"\x20" + OTHER + b"x")
    ),
    "no proof at all": b"",
    "cut": existence(KEY, VALUE, LEAF)[:-3],
    "too deep": existence(KEY, VALUE, LEAF, *[inner_op(STEP, b"\x20" + OTHER)] * 65),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_has_not_the_form_of_the_tree_proves_nothing(name: str) -> None:
    """Else an inner node could be taken for a leaf."""
    _, ops = tree("slashing", KEY, VALUE)
    with pytest.raises(Malformed):
        app_hash_of("slashing", KEY, VALUE, [("ics23:iavl", FORGED[name]), ops[1]])


def test_both_proofs_in_their_order_are_needed() -> None:
    """Of one tree alone nothing follows for the app hash."""
    _, ops = tree("slashing", KEY, VALUE)
    for some in (ops[:1], ops[::-1], [], [*ops, ops[1]]):
        with pytest.raises(Malformed):
            app_hash_of("slashing", KEY, VALUE, some)
