"""`remediate doctor` about stores and readers: what works, and what is missing with its mend."""

from __future__ import annotations

import msgspec
import pytest

from remediations.engine.doctor.line import LineState
from remediations.playbooks.keys.stores_doctor import reader_lines, store_lines
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.reading import KeyFilesReading, ReaderReading
from remediations.systems.stores.reading import StoresReading
from tests.unit.playbooks.keys.cases import NEW_PRINT, OUT, unknown
from tests.unit.playbooks.keys.reader_cases import entry, reader, with_file
from tests.unit.playbooks.keys.store_cases import key_file, store, stores, survey, unread_store

OK, WARN, LACK = LineState.OK, LineState.WARN, LineState.LACK
WELL = [OK, OK, OK, OK]
"""A store, the machine, and two private keys."""


@pytest.mark.parametrize(
    ("found", "states", "word"),
    [
        (stores(), WELL, "10 versions, 7 envelopes"),
        (stores(unread_store(), store("other")), [LACK, *WELL], "store/other"),
        (stores(store(found=survey(damaged=2, unread=1))), [WARN, *WELL[1:]], "3 of 10"),
        (stores(store(found=survey(damaged=2), accept_damaged=2)), WELL, "10 versions"),
        (stores(here="laptop"), [OK, WARN], "vault-1 alone, and this is laptop"),
        (stores(flaw="/x is not yours alone"), [OK, LACK, OK, OK], "/x is not yours"),
        (stores(running=("j1",)), WELL, "running: j1"),
        (stores(keys=(key_file("old", ""),)), [OK, OK, LACK], "private key old"),
        (msgspec.structs.replace(stores(), reencrypt=None), [OK, WARN], "not declared"),
    ],
    ids=["well", "unread", "damaged", "accepted", "elsewhere", "flaw", "runs", "key", "undeclared"],
)
def test_stores(found: StoresReading, states: list[LineState], word: str) -> None:
    """One that is bad hides no other."""
    lines = list(store_lines(found))
    assert [line.state for line in lines] == states
    assert any(word in f"{line.topic}: {line.found}" for line in lines), lines
    assert all(line.mend for line in lines if line.state is not OK)


@pytest.mark.parametrize(
    ("found", "state", "word"),
    [
        (reader(), OK, f"has {OUT}; brought there: {NEW_PRINT}"),
        (reader(file=unknown()), LACK, "/etc/vault/reader.key"),
        (with_file(flaw="others may write it"), LACK, "others may write it"),
        (with_file(fingerprint=""), LACK, "no key of the declared form"),
        (reader(unit=unknown()), LACK, "vault.service"),
        (reader(told=entry(told=Told.READS_EACH_TIME, unit=""), unit=unknown()), OK, OUT),
    ],
    ids=["well", "file", "flaw", "empty", "unit", "reads each time"],
)
def test_readers(found: ReaderReading, state: LineState, word: str) -> None:
    """The first thing that is missing, or which key it has."""
    (line,) = reader_lines(KeyFilesReading(hosts=(found,)))
    assert (line.state, word in line.found) == (state, True), line
