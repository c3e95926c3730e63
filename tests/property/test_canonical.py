"""Canonical JSON against a second implementation of RFC 8785, byte for byte."""

from __future__ import annotations

from typing import Any

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from remediations.values.wire import canonical
from tests.property.mutations import examples

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.none() | st.booleans() | TEXT | st.integers()
TREES = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


def written(tree: Any) -> Any:  # noqa: ANN401 - a JSON tree has no narrower type
    """The tree with its integers as decimal strings, which is all that we add to RFC 8785."""
    if isinstance(tree, dict):
        return {key: written(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [written(value) for value in tree]
    return str(tree) if isinstance(tree, int) and not isinstance(tree, bool) else tree


@given(TREES)
@example({"\ufb33": 1, "\U0001f600": 2, "\r": 3, "1": 4, "\u20ac": 5, "\x80": 6, "\u00f6": 7})
@example(['\x00\x08\t\n\x0b\x0c\r\x1f"\\/\x7f\x80\u2028\u2029\ufeff', 2**70, -1, True])
@examples(300)
def test_the_same_bytes_as_rfc8785(tree: Any) -> None:  # noqa: ANN401 - see above
    """Keys by UTF-16 code units, the shortest escapes, no blanks: digests hold elsewhere, too."""
    assert canonical(tree) == rfc8785.dumps(written(tree))
