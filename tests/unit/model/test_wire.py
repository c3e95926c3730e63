"""Canonical JSON: one value, one text; and a decoder that refuses what it does not know."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec import Struct

from remediations.engine.approve.approval import Approval
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.plan import Plan
from remediations.engine.report.report import Report
from remediations.engine.runs.records import JournalEntry
from remediations.systems.comet.values import AppInfo, BlockMeta
from remediations.values.reading import Unknown
from remediations.values.wire import WireError, canonical, decode, digest, format_of
from tests.hostile import leaves, record_of

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
def test_any_malformed_document_is_one_error(text: bytes) -> None:
    """Unknown fields, missing fields, other types, no JSON."""
    with pytest.raises(WireError):
        decode(text, AppInfo)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"scope":"CANARY"}', "a value or a field that is not known, at $.scope"),
        (b'{"scope":"x - at `$.CANARY`"}', "a value or a field that is not known, at $.scope"),
        (b'{"CANARY":1}', "a value or a field that is not known"),
        (b'{"began":"CANARY"}', "Invalid RFC3339 encoded datetime, at $.began"),
        (b'{"format":"CANARY"}', "Expected `int`, got `str`, at $.format"),
        (
            b'{"logins":[{"hops":[{"port":"CANARY"}]}]}',
            "Expected `int`, got `str`, at $.logins[0].hops[0].port",
        ),
        (b"{}", "Object missing required field `format`"),
        (b'{"tool":"CANARY\xff"}', "not UTF-8"),
        (b"CANARY", "JSON is malformed: invalid character (byte 0)"),
        (b'{"tool":"CANARY', "Input data was truncated"),
    ],
)
def test_an_error_names_path_and_type_only(text: bytes, reason: str) -> None:
    """What stood there may be a secret: a path is easily that of another file."""
    with pytest.raises(WireError) as caught:
        decode(text, Observation)
    assert str(caught.value) == reason
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'{"format":"2"}', "2"),
        (b'{"format":"CANARY"}', None),
        (b'{"format":2}', 2),
        (b"[]", None),
    ],
)
def test_a_format_is_a_number(text: bytes, found: str | int | None) -> None:
    """It is told to people, so it is nothing else."""
    assert format_of(text) == found


@pytest.mark.parametrize("kind", [Plan, Observation, Approval, JournalEntry, Report, Unknown])
def test_every_time_is_in_utc(kind: type[Struct]) -> None:
    """Times are written for people as they stand: one of another zone would be shown hours away
    from when it is, in whatever field."""
    moments = dict(_moments(record_of(kind, str)))
    assert moments
    for at, text in moments.values():
        elsewhere = at.astimezone(timezone(timedelta(hours=-10))).isoformat()
        written = canonical(at).decode().strip('"')
        assert decode(text.encode(), kind)
        with pytest.raises(WireError, match="in UTC"):
            decode(text.replace(written, elsewhere).encode(), kind)


def _moments(whole: Struct) -> Iterator[tuple[str, tuple[datetime, str]]]:
    """The times of a record, which all differ; the first of a sequence stands for the others."""
    text = canonical(whole).decode()
    for path, value in leaves(whole):
        if isinstance(value, datetime) and {n for n in path if isinstance(n, int)} <= {0}:
            yield ".".join(map(str, path)), (value, text)
