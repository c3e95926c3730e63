"""Canonical JSON: one value, one text; and a decoder that refuses what it does not know."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from remediations.model.chain import AppInfo, BlockMeta
from remediations.model.wire import WireError, canonical, decode, digest

META = BlockMeta(
    height=2**63 - 1,
    block_hash="AB",
    app_hash="CD",
    time=datetime(2026, 11, 25, 16, 39, 0, 123457, tzinfo=UTC),
    evidence=False,
)


def test_integers_are_decimal_strings() -> None:
    """RFC 8785 numbers are doubles; heights are not. Keys are sorted, booleans stay."""
    assert canonical(META) == (
        b'{"app_hash":"CD","block_hash":"AB","evidence":false,"height":"9223372036854775807",'
        b'"time":"2026-11-25T16:39:00.123457Z"}'
    )


def test_a_value_comes_back() -> None:
    """All of it, to the last digit."""
    assert decode(canonical(META), BlockMeta) == META


def test_the_digest_is_that_of_the_bytes() -> None:
    """And changes with any of them."""
    value = AppInfo(height=1, app_hash="")
    assert digest(value) == hashlib.sha256(b'{"app_hash":"","height":"1"}').hexdigest()
    assert digest(value) != digest(AppInfo(height=2, app_hash=""))


def test_floats_are_refused() -> None:
    """There are none in the domain, and they would not be canonical."""
    with pytest.raises(TypeError):
        canonical({"share": 0.5})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"height":"1"}',
        b'{"height":"1","app_hash":"","more":1}',
        b'{"height":"one","app_hash":""}',
        b'{"height":"1","app_hash":7}',
    ],
)
def test_what_is_no_such_document_is_one_error(text: bytes) -> None:
    """Unknown fields, missing fields, other types, no JSON."""
    with pytest.raises(WireError):
        decode(text, AppInfo)
