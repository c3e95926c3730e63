"""What doctor says of stores, of who seals anew, and of readers."""

from __future__ import annotations

import msgspec
import pytest

from remediations.engine.doctor.line import DoctorLine
from remediations.playbooks.keys.stores_doctor import reader_lines, store_lines
from remediations.systems.keyfile.reading import KeyFilesReading, ReaderReading
from remediations.systems.stores.reading import Beside, StoresReading
from remediations.values.reading import Known, Why
from tests.unit.playbooks.keys.cases import OUT, situation, unknown
from tests.unit.playbooks.keys.reader_cases import reader, with_file
from tests.unit.playbooks.keys.store_cases import (
    key_file,
    store,
    stores,
    survey,
    unread_store,
)


def by_topic(reading: StoresReading) -> dict[str, DoctorLine]:
    """The lines, of which each has a next step where something is missing."""
    lines = tuple(store_lines(reading))
    assert all(line.state == "ok" or line.mend for line in lines), lines
    return {line.topic: line for line in lines}


def test_all_in_order() -> None:
    """A store, the machine, and both keys."""
    found = by_topic(stores())
    assert {line.state for line in found.values()} == {"ok"}
    assert list(found) == ["store/vault", "sealing anew", "key old", "key new"]


@pytest.mark.parametrize(
    ("reading", "topic", "said"),
    [
        (stores(unread_store()), "store/vault", "no answer"),
        (stores(store(found=survey(damaged=2))), "store/vault", "2 that cannot be read"),
        (stores(store(found=survey(), holds="nothing")), "store/vault", "to hold nothing"),
        (stores(store(found=survey(envelopes=0))), "store/vault", "to hold envelopes"),
        (stores(here="laptop"), "sealing anew", "on vault-1, and this is laptop"),
        (stores(flaw="it is not yours alone"), "sealing anew", "not yours alone"),
        (stores(keys=(key_file("old", ""),)), "key old", "no answer"),
        (
            stores(keys=(msgspec.structs.replace(key_file("new", OUT), backup=None),)),
            "key new", "without a backup",
        ),
        (msgspec.structs.replace(stores(), reencrypt=None), "sealing anew", "nobody is named"),
        (
            msgspec.structs.replace(stores(), beside=(Beside(server="s3 a", places=unknown()),)),
            "s3 a", "beside: no answer",
        ),
        (
            msgspec.structs.replace(stores(), beside=(Beside(
                server="s3 a", places=Known(value=("bucket b",), source="s3", at=situation().at),
            ),)),
            "s3 a", "1 beside the declared places are not scanned",
        ),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_missing_is_said(reading: StoresReading, topic: str, said: str) -> None:
    """By its own line."""
    line = by_topic(reading)[topic]
    assert line.state != "ok"
    assert said in line.found


@pytest.mark.parametrize(
    ("one", "state", "said"),
    [
        (reader(), "ok", OUT),
        (reader(file=unknown(Why.REFUSED)), "lack", "no answer"),
        (with_file(flaw="it is a link"), "lack", "it is a link"),
        (with_file(fingerprint=""), "lack", "no key in the form hex"),
        (with_file(mode="0444"), "warn", "vault:vault 0444"),
        (reader(unit=unknown()), "lack", "vault.service: no answer"),
    ],
    ids=range(6),
)
def test_readers(one: ReaderReading, state: str, said: str) -> None:
    """Which key each has, or why that is not known."""
    (line,) = reader_lines(KeyFilesReading(hosts=(one,)))
    assert (line.state, said in line.found) == (state, True), line
