"""A secret shows itself nowhere."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable

import msgspec
import pytest

from remediations.values.secret import Secret
from remediations.values.wire import canonical

CANARY = b"canary-4f1e77"
SECRET = Secret(CANARY, "keys/old")


def shown_by_exception(secret: Secret) -> str:
    try:
        raise ValueError("not usable", secret)
    except ValueError:
        return traceback.format_exc()


SINKS: dict[str, Callable[[Secret], str]] = {
    "str": str,
    "repr": repr,
    "f-string": lambda one: f"{one:>40}",
    "percent": lambda one: "%s %r" % (one, one),  # noqa: UP031
    "in a list": lambda one: repr([one, {"key": one}]),
    "exception": shown_by_exception,
    "canonical": lambda one: canonical({"key": one}).decode(),
    "log": lambda one: logging.LogRecord("", 0, "", 0, "%s", (one,), None).getMessage(),
}


@pytest.mark.parametrize("sink", SINKS)
def test_it_renders_as_origin_and_fingerprint(sink: str) -> None:
    """Everywhere the same, and without the bytes."""
    shown = SINKS[sink](SECRET)
    assert f"<secret keys/old #{SECRET.fingerprint}>" in shown
    assert CANARY.decode() not in shown


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_not_copied_out(take: Callable[[object], object]) -> None:
    """A pickle is a file or a pipe; a copy is one more place in memory."""
    with pytest.raises(TypeError, match="not copied or pickled") as caught:
        take(SECRET)
    assert CANARY.decode() not in str(caught.value)


@pytest.mark.parametrize("write", [json.dumps, msgspec.json.encode])
def test_other_encoders_refuse_it(write: Callable[[object], object]) -> None:
    """Nobody has told them how it is shown."""
    with pytest.raises(TypeError) as caught:
        write(SECRET)
    assert CANARY.decode() not in str(caught.value)


def test_it_has_no_dictionary_and_no_length() -> None:
    """What walks over attributes finds the origin."""
    assert not hasattr(SECRET, "__dict__")
    with pytest.raises(TypeError):
        len(SECRET)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        bytes(SECRET)  # type: ignore[call-overload]


def test_secrets_are_compared_by_their_bytes() -> None:
    """Wherever they are from; never with bytes."""
    same = Secret(CANARY, "elsewhere")
    assert same == SECRET
    assert hash(same) == hash(SECRET)
    assert Secret(b"other", "keys/old") != SECRET
    assert SECRET != CANARY


def test_a_fingerprint_is_keyed() -> None:
    """A plain hash would let anybody try a list of passwords against a report."""
    import hashlib

    assert SECRET.fingerprint != hashlib.sha256(CANARY).hexdigest()[:8]
    assert SECRET.tag(b"one") != SECRET.tag(b"another")
    assert Secret(CANARY, "elsewhere").tag(b"one") == SECRET.tag(b"one")
