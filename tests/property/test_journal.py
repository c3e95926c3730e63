"""Whatever is done to a journal is found, by the reader and by the stand-alone checker alike."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import JournalEntry
from remediations.errors import UsageError
from remediations.values.wire import canonical
from tests.unit.run.events import began, run_ends, seen

COUNT = 8
QUICK = settings(max_examples=60)


@cache
def journal() -> bytes:
    """A journal of eight entries with an end."""
    with tempfile.TemporaryDirectory() as directory:
        writer = Journal(Path(directory) / "j", "a" * 64)
        writer.append(began(message="by otto, approved by alice SHA256:k"))
        for number in range(COUNT - 2):
            writer.append(seen(number, f'é ☃ \x1f \\ " {number}'))
        writer.append(run_ends())
        writer.close()
        return (Path(directory) / "j").read_bytes()


def lines() -> list[bytes]:
    return journal().splitlines(keepends=True)


def read(data: bytes) -> tuple[JournalEntry, ...] | None:
    """What the reader gives; None where it refuses."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "j"
        path.write_bytes(data)
        try:
            return read_journal(path)
        except UsageError:
            return None


def found(data: bytes) -> bool:
    """Whether both find something wrong; they never differ."""
    refused = read(data) is None
    assert refused == bool(check_journal(data).problems)
    return refused


def test_an_untouched_journal_is_good() -> None:
    """Both agree, and each entry is written back to the same bytes."""
    entries = read(journal())
    assert entries is not None
    assert check_journal(journal()).exit_status == 0
    assert [canonical(entry) + b"\n" for entry in entries] == lines()


@QUICK
@given(position=st.integers(0, len("x") * 100_000), value=st.integers(0, 255))
def test_a_changed_byte_is_found(position: int, value: int) -> None:
    """In every line but the last, which nothing follows; there, what is not a record is found."""
    data = bytearray(journal())
    position %= len(data) - len(lines()[-1])
    assume(data[position] != value)
    data[position] = value
    assert found(bytes(data))


@QUICK
@given(order=st.permutations(range(COUNT)))
def test_any_other_order_is_found(order: list[int]) -> None:
    """Of the same lines."""
    assume(order != sorted(order))
    assert found(b"".join(lines()[n] for n in order))


@QUICK
@given(kept=st.sets(st.integers(0, COUNT - 1)))
def test_removed_lines_are_found(kept: set[int]) -> None:
    """Unless they are the end, which a crash may have cost too: that is said, and no more."""
    data = b"".join(lines()[n] for n in sorted(kept))
    cut = kept == set(range(len(kept)))
    assert found(data) is not cut
    if cut and len(kept) < COUNT:
        assert check_journal(data).exit_status == 3


@QUICK
@given(data=st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    """Neither ever fails on a file, whatever it holds."""
    found(data)
    found(journal() + data)


@QUICK
@given(cut=st.integers(0, 100_000))
def test_a_cut_leaves_a_true_beginning(cut: int) -> None:
    """Wherever the machine died, what is read is what was written, in order."""
    whole = read(journal())
    entries = read(journal()[: cut % (len(journal()) + 1)])
    assert whole is not None
    assert entries is not None
    assert entries == whole[: len(entries)]
