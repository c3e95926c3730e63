"""Bringing a file to many targets: which file, and what one failure does to the others."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from remediations.engine.stage import local_file
from remediations.engine.stage.keeper import FileSource, NotKept, TargetFile
from remediations.engine.stage.local_file import open_file
from remediations.engine.stage.stage import StagedOn, StageOutcome, stage_on
from remediations.errors import UsageError

CONTENT = b"\x7fELF" + bytes(range(256)) * 100


class Shelf:
    """Keeps files in memory; fails where it is told to."""

    def __init__(self, fails_at: str = "", *, silent: bool = False) -> None:
        self.kept: dict[str, bytes] = {}
        self.sent = bytearray()
        self._fails_at, self._silent = fails_at, silent

    def _call(self, verb: str) -> None:
        if verb == self._fails_at:
            raise NotKept(f"no {verb}", silent=self._silent)

    async def begin(self, target: str, sha256: str, size: int, token: str) -> bool:
        self._call("begin")
        return sha256 in self.kept

    async def append(self, target: str, sha256: str, offset: int, token: str, chunk: bytes) -> None:
        self._call("append")
        self.sent[offset:] = chunk
        await asyncio.sleep(0)

    async def finish(self, target: str, sha256: str, size: int, token: str) -> None:
        self._call("finish")
        assert hashlib.sha256(self.sent).hexdigest() == sha256
        assert len(self.sent) == size
        self.kept[sha256] = bytes(self.sent)

    async def size(self, target: str, sha256: str, token: str) -> int:
        self._call("size")
        return len(self.kept[sha256])

    async def read(self, target: str, sha256: str, offset: int, token: str) -> bytes:
        self._call("read")
        return self.kept[sha256][offset : offset + 1000]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "program"
    found.write_bytes(CONTENT)
    return found


def brought(path: Path, shelves: dict[str, Shelf]) -> dict[str, StagedOn]:
    heard: list[StagedOn] = []
    with open_file(path) as file:
        found = asyncio.run(stage_on(file, dict(shelves), heard.append))
    assert sorted(heard, key=lambda one: one.target) == sorted(found, key=lambda one: one.target)
    assert [one.target for one in found] == list(shelves)
    return {one.target: one for one in found}


@pytest.mark.parametrize("fails", [False, True])
def test_from_one_target_to_another(path: Path, fails: bool) -> None:
    """Part by part; where it comes from is named if it fails."""
    donor, other = Shelf("read" if fails else ""), Shelf()
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    donor.kept[sha256] = CONTENT
    file = TargetFile(
        keeper=donor, target="full1", sha256=sha256, size=len(CONTENT), token="0" * 16
    )
    (found,) = asyncio.run(stage_on(file, {"val3": other}, lambda _: None))
    assert found.outcome is (StageOutcome.FAILED if fails else StageOutcome.STAGED)
    assert found.why == ("full1: no read" if fails else "")
    assert other.kept.get(sha256) == (None if fails else CONTENT)


@pytest.mark.parametrize("verb", ["begin", "append", "finish"])
@pytest.mark.parametrize("silent", [False, True])
def test_one_that_fails_does_not_stop_the_others(path: Path, verb: str, silent: bool) -> None:
    """Each target has an outcome of its own, with the reason."""
    shelves = {"a": Shelf(), "b": Shelf(verb, silent=silent), "c": Shelf()}
    found = brought(path, shelves)
    assert found["b"].outcome is (StageOutcome.SILENT if silent else StageOutcome.FAILED)
    assert found["b"].why == f"no {verb}"
    assert [found[name].outcome for name in "ac"] == [StageOutcome.STAGED] * 2
    assert shelves["a"].kept == shelves["c"].kept != {}
    assert shelves["b"].kept == {}


def test_a_second_time_nothing_is_sent(path: Path) -> None:
    """It is there already."""
    shelf = Shelf()
    brought(path, {"a": shelf})
    shelf.sent.clear()
    assert brought(path, {"a": shelf})["a"].outcome is StageOutcome.ALREADY_THERE
    assert shelf.sent == b""


def test_no_more_than_a_chunk_is_read_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is never in memory as a whole."""
    monkeypatch.setattr(local_file, "CHUNK", 1000)
    with open_file(path) as file:
        sizes = {len(read(file, offset)) for offset in range(0, len(CONTENT), 1000)}
        assert max(sizes) == 1000
        assert read(file, len(CONTENT)) == b""
    assert brought(path, {"a": Shelf()})["a"].outcome is StageOutcome.STAGED


def test_the_open_file_is_the_one_that_was_named(path: Path) -> None:
    """Another one under its name later is not sent."""
    with open_file(path) as file:
        path.unlink()
        path.write_bytes(b"\x7fELF other")
        assert read(file) == CONTENT
        assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()


def read(file: FileSource, offset: int = 0) -> bytes:
    return asyncio.run(file.chunk(offset))


def oversized(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate((1 << 30) + 1)


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.touch(), "0 bytes"),
        (lambda path: path.write_bytes(b"#!/bin/sh\n"), "does not begin as an ELF file"),
        (oversized, "1073741825 bytes"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, make: object, got: str) -> None:
    """Missing, a directory, a pipe, a device, empty, no program, too large: each at once."""
    assert callable(make)
    path = tmp_path / "file"
    make(path)
    with pytest.raises(UsageError) as refused, open_file(path):
        pass
    assert got in refused.value.got
    assert refused.value.guard == "file"
