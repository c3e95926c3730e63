"""Canaries in every encoding, and what is found of them afterwards."""

from __future__ import annotations

import base64
import functools
import itertools
import json
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediations.values.redaction import redacted
from remediations.values.secret import Secret

TEXT = 'kanarie-Ä 7&f1+e/77 "q"\\z'
CANARIES = {
    "text": TEXT.encode(),
    "bytes": bytes(range(128, 160)),
    "lines": b"-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\n-----END KEY-----",
}


def in_base64(value: bytes, before: int = 0, after: int = 0) -> str:
    return base64.b64encode(b"x" * before + value + b"y" * after).decode()


def as_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


ENCODINGS: dict[str, Callable[[bytes], str]] = {
    "raw": as_text,
    "repr of bytes": repr,
    "JSON": lambda one: json.dumps(as_text(one)),
    "JSON, not only ASCII": lambda one: json.dumps(as_text(one), ensure_ascii=False),
    "JSON in JSON": lambda one: json.dumps(json.dumps(as_text(one))),
    "percent": lambda one: quote(one, safe=""),
    "percent, lower case": lambda one: "".join(f"%{byte:02x}" for byte in one),
    "form": quote_plus,
    "hex": lambda one: one.hex(),
    "HEX": lambda one: one.hex().upper(),
    "he:x": lambda one: one.hex(":"),
    "0xhe, 0xx": lambda one: ", ".join(f"0x{byte:02x}" for byte in one),
    "base64 for URLs": lambda one: base64.urlsafe_b64encode(one).decode(),
    "base64 in percent": lambda one: quote(in_base64(one, 1), safe=""),
    "base64 in JSON lines": lambda one: json.dumps(base64.encodebytes(b"x" * 40 + one).decode()),
    "hex in lines": lambda one: "\n    ".join(textwrap.wrap(one.hex(), 10)),
    "base64 in a quoted mail": lambda one: "\n> ".join(textwrap.wrap(in_base64(one, 2, 5), 11)),
    "base64 in source text": lambda one: '"\n    "'.join(textwrap.wrap(in_base64(one), 11)),
}
for _before, _after in itertools.product(range(3), range(3)):
    ENCODINGS[f"base64 after {_before}, before {_after}"] = functools.partial(
        in_base64, before=_before, after=_after
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("canary", CANARIES)
def test_it_is_found_in_every_encoding(canary: str, encoding: str) -> None:
    """What is left are its neighbours, and what stands for it."""
    value = CANARIES[canary]
    secret = Secret(value, "canary")
    encoded = ENCODINGS[encoding](value)
    left = redacted(f"before {encoded} after", [secret])
    assert str(secret) in left
    rest = left.replace(str(secret), "")
    assert rest.startswith("before ")
    assert rest.endswith(" after")
    kept = rest.removeprefix("before ").removesuffix(" after")
    # Of what was beside the secret in one base64 text, up to eight characters stay at each end.
    assert len(kept) <= (60 if "lines" in encoding else 16), kept


@given(
    value=st.binary(min_size=6, max_size=40),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
)
def test_no_base64_of_it_stays(value: bytes, before: bytes, after: bytes) -> None:
    """Whatever is beside it: decoding what is left never shows it."""
    secret = Secret(value, "s")
    left = redacted(base64.b64encode(before + value + after).decode(), [secret])
    assert str(secret) in left
    rest = left.split(str(secret))
    assert len(rest[0]) <= -(-len(before) * 8 // 6)
    assert len(rest[-1]) <= -(-8 * len(after) // 6) + 2  # with padding


@given(value=st.binary(min_size=2, max_size=40), before=st.text(max_size=20))
def test_no_hex_of_it_stays(value: bytes, before: str) -> None:
    """In any text."""
    secret = Secret(value, "s")
    assert value.hex() not in redacted(before + value.hex(), [secret]).replace(str(secret), "")


@given(text=st.text(max_size=200))
def test_other_text_stays(text: str) -> None:
    """Byte for byte."""
    assert redacted(text, [Secret(b"\x00canary that is nowhere\xff", "s")]) == text


def test_the_shown_form_of_another_secret_is_no_cover() -> None:
    """Overlapping secrets: nothing of either stays, and the text around does."""
    long, short = Secret(b"password-of-alice", "a"), Secret(b"of-alice-and-bob", "b")
    left = redacted("x password-of-alice-and-bob y\n", [long, short])
    assert left == f"x {long} y\n"


def test_a_line_break_after_it_stays() -> None:
    """Only what stands for the secret goes."""
    secret = Secret(b"canary", "s")
    assert redacted("a\ncanary\nb\n", [secret]) == f"a\n{secret}\nb\n"


def test_nothing_is_looked_for_without_secrets() -> None:
    """An empty one is in every text, and is no secret."""
    assert redacted("text", [Secret(b"", "empty")]) == "text"
    assert redacted("", [Secret(b"x", "s")]) == ""


@pytest.mark.parametrize("run", [" ", "\\", '"', "\\n", "%41", "a:", "\n", "+", "\\u00", "> "])
def test_a_long_run_takes_no_longer_than_in_proportion(run: str) -> None:
    """A host may have written the text."""
    secret = Secret(b"canary-canary", "s")

    def seconds(times: int) -> float:
        text = run * times + "x"
        began = time.process_time()
        assert redacted(text, [secret]) == text
        return time.process_time() - began

    seconds(1000)
    assert seconds(40_000) < 40 * max(seconds(4_000), 0.002)
