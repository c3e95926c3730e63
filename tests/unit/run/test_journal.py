"""The journal's file: made once, whole lines only, and read back with every doubt named."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import Event, RunBegan, RunEnded
from remediations.errors import Locked, MachineError, UsageError
from tests.unit.run.events import began, checked, run_ends, seen, starts

PLAN = "a" * 64


def written(path: Path, count: int = 3) -> list[bytes]:
    """A journal of `count` entries, the first of which says how the run began; its lines."""
    journal = Journal(path, PLAN)
    journal.append(began())
    for number in range(1, count):
        journal.append(seen(number))
    journal.close()
    return path.read_bytes().splitlines(keepends=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """In order, numbered from one, each with the hash of the line before; for its owner only."""
    path = tmp_path / "journal.jsonl"
    written(path)
    entries = read_journal(path)
    assert [(e.number, e.plan) for e in entries] == [(n, PLAN) for n in (1, 2, 3)]
    assert [e.event for e in entries] == [began(), seen(1), seen(2)]
    assert entries[0].previous == ""
    assert len({e.previous for e in entries}) == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_second_application_finds_the_run_taken(tmp_path: Path) -> None:
    """The file is made by one writer only, whoever comes first."""
    path = tmp_path / "journal.jsonl"
    written(path)
    before = path.read_bytes()
    with pytest.raises(Locked, match="applied before"):
        Journal(path, PLAN).append(began())
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
        journal.append(checked("verified"))
        journal.close()
        entries = read_journal(path)
        assert [e.number for e in entries] == list(range(1, 4 + turn))
        assert path.read_bytes().startswith(b"".join(lines))


def test_a_journal_has_one_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of two that go on with it; the second leaves it as it is."""
    monkeypatch.setattr("remediations.engine.runs.journal.PATIENCE_S", 0)
    path = tmp_path / "journal.jsonl"
    first = Journal(path, PLAN)
    first.append(began())
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
    edited = b"".join(written(path)).replace(b'"value":"1"', b'"value":"7"')
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
        (lambda a, b, c: a + b.replace(b'"value":"1"', b'"value":"7"') + c, 3),
        (lambda a, b, c: a + b + c.replace(b'":', b'": ', 1), 3),
        (lambda a, b, c: a + b"\n" + b + c, 2),
        (lambda a, b, c: a + b + c.replace(b"{", b'{"more":"1",', 1), 3),
        (lambda a, b, c: a + b"nonsense\n" + c, 2),
        (lambda a, b, c: a + b.replace(b'"sampled"', b'"other"') + c, 2),
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
    journal.append(began())
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:written_bytes]))
    with pytest.raises(MachineError, match="cannot be used"):
        journal.append(seen(1))
    monkeypatch.undo()
    journal.append(run_ends("aborted"))
    assert [type(e.event) for e in read_journal(path)] == [RunBegan, RunEnded]


def test_a_record_that_is_not_durable_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written is not enough: the disk must have said so."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, PLAN)
    journal.append(began())

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(MachineError) as caught:
        journal.append(starts("1-0", "val1"))
    assert "Input/output error" in caught.value.got
    assert len(read_journal(path)) == 1


def test_a_journal_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """Nothing is concluded from it."""
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(UsageError, match="is a directory"):
        read_journal(tmp_path / "journal.jsonl")


OLD = (
    b'{"at":"2026-11-25T12:00:00Z","command_sha256":"","kind":"run-began","number":"1",'
    b'"plan":"aa","previous":"","state":""}\n'
)


@pytest.mark.parametrize("other", [OLD, b"", b'{"event":{"format":"2","kind":"run-began"}}\n'])
def test_a_journal_of_another_form_is_refused_whole(tmp_path: Path, other: bytes) -> None:
    """With what to do, and without one record of it; an empty file is not of another form."""
    path = tmp_path / "journal.jsonl"
    lines = written(path)
    path.write_bytes(other + b"".join(lines))
    if not other:
        assert len(read_journal(path)) == len(lines)
        return
    for read in (read_journal, Journal.reopened):
        with pytest.raises(UsageError, match="another version") as caught:
            read(path)
        assert "read it with the version that wrote it" in caught.value.next_step


def test_a_journal_begins_with_how_the_run_began(tmp_path: Path) -> None:
    """Or who applied it, and on whose approval, would be anybody's guess. It says so once."""
    stories: tuple[tuple[Event, ...], ...] = ((seen(1),), (began(), began()))
    for place, events in enumerate(stories, 1):
        path = tmp_path / f"{place}.jsonl"
        journal = Journal(path, PLAN)
        for event in events:
            journal.append(event)
        journal.close()
        with pytest.raises(UsageError) as caught:
            read_journal(path)
        assert f"line {place}: a journal begins with run-began, once" in caught.value.got


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (run_ends("running"), b'"state":"verified"'),
        (run_ends("running"), b'"state":"planned"'),
        (checked("verified"), b'"state":"running"'),
        (starts("1-0", "val1"), b'"state":"started"'),
    ],
)
def test_a_state_that_an_event_cannot_have_is_refused(
    tmp_path: Path, said: Event, instead: bytes
) -> None:
    """Also where the chain of hashes fits: it is not a record of this kind."""
    path = tmp_path / "journal.jsonl"
    journal = Journal(path, PLAN)
    journal.append(began())
    journal.append(said)
    journal.close()
    first, second = path.read_bytes().splitlines(keepends=True)
    changed = re.sub(rb'"state":"[a-z]+"', instead, second)
    if changed == second:
        changed = second.replace(b'"step":', instead + b',"step":')
    path.write_bytes(first + changed)
    assert changed != second
    with pytest.raises(UsageError, match="not what was written"):
        read_journal(path)
    assert check_journal(path.read_bytes()).exit_status == 1
