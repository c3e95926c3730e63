"""The journal's file: made once, whole lines only, and read back with every doubt named."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import EntryKind, RunState
from remediations.errors import Locked, MachineError, UsageError

PLAN = "a" * 64


def written(path: Path, count: int = 3) -> list[bytes]:
    """A journal of `count` entries; its lines."""
    journal = Journal(path, PLAN)
    for number in range(count):
        journal.append(EntryKind.SAMPLE, round=number)
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """In order, numbered from one, each with the hash of the line before; for its owner only."""
    path = tmp_path / "journal.jsonl"
    written(path)
    entries = read_journal(path)
    assert [(e.number, e.round, e.plan) for e in entries] == [(n + 1, n, PLAN) for n in range(3)]
    assert entries[0].previous == ""
    assert len({e.previous for e in entries}) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_application_finds_the_run_taken(tmp_path: Path) -> None:
    """The file is made by one writer only, whoever comes first."""
    path = tmp_path / "journal.jsonl"
    written(path)
    before = path.read_bytes()
    with pytest.raises(Locked, match="applied before"):
        Journal(path, PLAN).append(EntryKind.RUN_BEGAN)
    assert path.read_bytes() == before


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """Wherever it tears: the machine died while it was written, so it announced nothing."""
    path = tmp_path / "journal.jsonl"
    lines = written(path)
    for cut in (*range(0, len(lines[2]), 17), len(lines[2]) - 1):
        path.write_bytes(b"".join(lines[:2]) + lines[2][:cut])
        assert len(read_journal(path)) == 2
    path.write_bytes(lines[0][:10])
    assert read_journal(path) == ()


def test_a_journal_goes_on_behind_its_last_whole_record(tmp_path: Path) -> None:
    """What a verification adds; a line that tore is taken away, nothing else is."""
    path = tmp_path / "journal.jsonl"
    lines = written(path)
    path.write_bytes(b"".join(lines) + lines[0][:20])
    for turn in (1, 2):
        journal = Journal.reopened(path)
        journal.append(EntryKind.CHECKED, state=RunState.VERIFIED, message="1 of 1 checks pass")
        journal.close()
        entries = read_journal(path)
        assert [e.number for e in entries] == list(range(1, 4 + turn))
        assert path.read_bytes().startswith(b"".join(lines))


def test_a_journal_has_one_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of two that go on with it; the second leaves it as it is."""
    monkeypatch.setattr("remediations.engine.runs.journal.PATIENCE_S", 0)
    path = tmp_path / "journal.jsonl"
    first = Journal(path, PLAN)
    first.append(EntryKind.RUN_BEGAN)
    before = path.read_bytes()
    with pytest.raises(Locked, match="another process writes"):
        Journal.reopened(path)
    first.close()
    second = Journal.reopened(path)
    with pytest.raises(Locked, match="another process writes"):
        Journal.reopened(path)
    second.close()
    assert path.read_bytes() == before


def test_only_a_sound_journal_goes_on(tmp_path: Path) -> None:
    """None, one without a record, one that was edited: nothing is added."""
    path = tmp_path / "journal.jsonl"
    with pytest.raises(MachineError):
        Journal.reopened(path)
    path.touch(mode=0o600)
    with pytest.raises(UsageError, match="not what was written"):
        Journal.reopened(path)
    path.unlink()
    edited = b"".join(written(path)).replace(b'"round":"1"', b'"round":"7"')
    path.write_bytes(edited)
    with pytest.raises(UsageError, match="not what was written"):
        Journal.reopened(path)
    assert path.read_bytes() == edited
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MachineError):
        Journal.reopened(path)


def test_no_journal_and_an_empty_one_have_no_entries(tmp_path: Path) -> None:
    """Nothing was done."""
    assert read_journal(tmp_path / "none") == ()
    (tmp_path / "empty").touch()
    assert read_journal(tmp_path / "empty") == ()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda a, b, c: a + c, 2),
        (lambda a, b, c: b + c, 1),
        (lambda a, b, c: b + a + c, 1),
        (lambda a, b, c: a + b + b + c, 3),
        (lambda a, b, c: a + b.replace(b'"round":"1"', b'"round":"7"') + c, 3),
        (lambda a, b, c: a + b + c.replace(b'":', b'": ', 1), 3),
        (lambda a, b, c: a + b"\n" + b + c, 2),
        (lambda a, b, c: a + b + c.replace(b"{", b'{"more":"1",', 1), 3),
        (lambda a, b, c: a + b"nonsense\n" + c, 2),
    ],
)
def test_a_changed_journal_is_refused(tmp_path: Path, change: object, line: int) -> None:
    """Deleted, reordered, doubled, edited, reformatted, extended: the line is named."""
    path = tmp_path / "journal.jsonl"
    lines = written(path)
    assert callable(change)
    path.write_bytes(change(*lines))
    with pytest.raises(UsageError) as caught:
        read_journal(path)
    assert f"line {line}:" in caught.value.got


@pytest.mark.parametrize("written_bytes", [0, 1, 100])
def test_half_a_record_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written_bytes: int
) -> None:
    """A full disk leaves whole lines; the run's end can be written once there is room."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, PLAN)
    journal.append(EntryKind.RUN_BEGAN)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:written_bytes]))
    with pytest.raises(MachineError, match="cannot be used"):
        journal.append(EntryKind.SAMPLE)
    monkeypatch.undo()
    journal.append(EntryKind.RUN_ENDED, state=RunState.ABORTED)
    assert [e.kind for e in read_journal(path)] == [EntryKind.RUN_BEGAN, EntryKind.RUN_ENDED]


def test_a_record_that_is_not_durable_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written is not enough: the disk must have said so."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, PLAN)
    journal.append(EntryKind.RUN_BEGAN)

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(MachineError) as caught:
        journal.append(EntryKind.COMMAND_STARTING)
    assert "Input/output error" in caught.value.got
    assert len(read_journal(path)) == 1


def test_a_journal_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    """Nothing is concluded from it."""
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(UsageError, match="is a directory"):
        read_journal(tmp_path / "journal.jsonl")
