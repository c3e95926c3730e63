"""The document of a probe: sections, clocks, and what a damaged one becomes."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from remediations.systems.hosts.document import DocumentError
from tests.readings import read_document

SENT = datetime(2026, 11, 25, 16, 0, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def printed(sections: dict[str, object], *, began: datetime, took_ms: int = 1000) -> bytes:
    ended = began + timedelta(milliseconds=took_ms)
    return json.dumps(
        {
            "remediate_probe": 1,
            "began": microseconds(began),
            **sections,
            "ended": microseconds(ended),
        },
        separators=(",", ":"),
    ).encode()


def test_clocks_are_compared_without_the_time_spent_on_the_host() -> None:
    """A host three seconds ahead, 100 ms away, that worked for a second."""
    began = SENT + timedelta(seconds=3, milliseconds=50)
    document = read_document(
        printed({}, began=began), sent=SENT, received=SENT + timedelta(milliseconds=1100)
    )
    assert document.round_trip_ms == 100
    assert document.clock_offset_ms == 3000


def test_times_of_sections_are_by_our_clock() -> None:
    """A section read when the host's wrong clock said so is dated as ours was."""
    began = SENT + timedelta(hours=1)
    section = {"b64": packed(b"x"), "rc": 0, "err": "", "at": microseconds(began), "us": 5}
    document = read_document(
        printed({"login": section}, began=began), sent=SENT, received=SENT + timedelta(seconds=1)
    )
    assert document.sections["login"].at == SENT
    assert document.sections["login"].data == b"x"


def test_what_a_login_says_first_is_skipped() -> None:
    """A shell's greeting is not part of the document."""
    text = b"Welcome to Debian\n" + printed({}, began=SENT)
    assert read_document(text, sent=SENT, received=SENT).sections == {}


def test_text_is_safe_to_show() -> None:
    """Colours go, and no byte of a host moves an operator's cursor."""
    section = {
        "b64": packed(b"\x1b[31mERR\x1b[0m a\x1b]0;title\x07b\xff\n"),
        "rc": 1,
        "err": base64.b64encode(b"no\x1b[2J\n").decode(),
        "at": microseconds(SENT),
        "us": 1,
    }
    document = read_document(printed({"login": section}, began=SENT), sent=SENT, received=SENT)
    assert document.sections["login"].text == "ERR a\ufffd]0;title\ufffdb\ufffd\n"
    assert document.sections["login"].said == "no\ufffd[2J"


@pytest.mark.parametrize(
    ("b64", "status", "trouble"),
    [
        ("", 124, "time limit"),
        ("", 0, "cut off"),
        ("!!!", 0, "damaged"),
        (packed(b"x" * 100)[:20], 0, "cut off"),
        (packed(b"x" * 4097), 0, "too large"),
        (base64.b64encode(b"plain").decode(), 0, "damaged"),
    ],
)
def test_a_damaged_section_harms_only_itself(b64: str, status: int, trouble: str) -> None:
    """Cut off, no gzip, or a bomb: its neighbours are read all the same."""
    good = {"b64": packed(b"fine"), "rc": 0, "err": "", "at": microseconds(SENT), "us": 1}
    bad = {"b64": b64, "rc": status, "err": "", "at": microseconds(SENT), "us": 1}
    document = read_document(
        printed({"login": good, "key": bad}, began=SENT), sent=SENT, received=SENT
    )
    assert document.sections["login"].data == b"fine"
    said = document.sections["key"].trouble
    assert said is not None
    assert trouble in said.reason


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"bash: command not found",
        printed({}, began=SENT)[:-5],
        b'{"remediate_probe":1,"began":1}',
        b'{"remediate_probe":1,"began":-1,"ended":2}',
        b'{"remediate_probe":1,"began":1,"ended":99999999999999999999}',
        b'{"remediate_probe":1,"began":1,"ended":2,"key":{"b64":7}',
        b'{"remediate_probe":1,"began":1,"ended":2,"key":[}',
    ],
)
def test_half_a_document_is_none(text: bytes) -> None:
    """It says so, and the host is unknown as a whole."""
    with pytest.raises(DocumentError):
        read_document(text, sent=SENT, received=SENT)
