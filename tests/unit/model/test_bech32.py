"""Addresses as the application writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.values.bech32 import NotBech32, account_of, decode, encode

KNOWN = "ve19rl4cm2hmr8afy4kldpxz3fka4jguq0aqakfsa"


def test_a_known_address() -> None:
    """The first account of the public test mnemonic."""
    prefix, content = decode(KNOWN)
    assert (prefix, len(content)) == ("ve", 20)
    assert encode(prefix, content) == KNOWN
    assert account_of(encode("vevaloper", content)) == KNOWN


@given(st.binary(min_size=1, max_size=40))
def test_there_and_back(content: bytes) -> None:
    """Whatever the bytes are."""
    assert decode(encode("ve", content)) == ("ve", content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ve1",
        KNOWN[:-1],
        KNOWN.upper(),
        f"{KNOWN[:-1]}p",
        f"x{KNOWN}",
        KNOWN.replace("9", "b", 1),
        f"ve1{'q' * 200}",
        "1qqqqqq",
        "vé19rl4",
    ],
)
def test_what_is_no_address(text: str) -> None:
    """One letter more or less, or another one, is noticed."""
    with pytest.raises(NotBech32):
        decode(text)


@pytest.mark.parametrize("prefix", ["ve", "valoper", "vevaloperx"])
def test_only_an_operator_has_an_account(prefix: str) -> None:
    """The prefix of an account is not made up."""
    with pytest.raises(NotBech32):
        account_of(encode(prefix, bytes(20)))
