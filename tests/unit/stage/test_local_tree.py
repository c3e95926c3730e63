"""A directory as one file: which bytes it has, and what is refused before anything is sent."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from remediations.engine.stage import local_tree
from remediations.engine.stage.local_tree import LocalTree, open_tree
from remediations.errors import UsageError

FILES = {"b": b"1", "a/z": b"22", "a.txt": b"333", "a/empty": b"", "notes.json": b"4444"}
"""Their order by bytes: `.` is before `/`."""
WHOLE = b"333" + b"" + b"22" + b"1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "model"
    for name, content in FILES.items():
        file = found / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return found


def contents(tree: LocalTree) -> bytes:
    found = b""
    while part := asyncio.run(tree.chunk(len(found))):
        found += part
    return found


def test_it_is_the_contents_in_the_order_of_paths(path: Path) -> None:
    """Without what is left out, under one hash; each file says where it begins."""
    with open_tree(path, frozenset({"notes.json"})) as tree:
        assert contents(tree) == WHOLE
        assert (tree.size, tree.sha256) == (len(WHOLE), hashlib.sha256(WHOLE).hexdigest())
        assert [(f.path, f.size, f.offset) for f in tree.files] == [
            ("a.txt", 3, 0),
            ("a/empty", 0, 3),
            ("a/z", 2, 3),
            ("b", 1, 5),
        ]
    with open_tree(path) as tree:
        assert tree.size == len(WHOLE) + 4


def test_no_more_than_a_chunk_is_read_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path / "b").write_bytes(bytes(2500))
    monkeypatch.setattr(local_tree, "CHUNK", 1000)
    with open_tree(path) as tree:
        assert max(len(asyncio.run(tree.chunk(n))) for n in range(tree.size)) == 1000
        assert hashlib.sha256(contents(tree)).hexdigest() == tree.sha256


def test_the_open_files_are_those_that_were_hashed(path: Path) -> None:
    """Others under their names later are not sent."""
    with open_tree(path, frozenset({"notes.json"})) as tree:
        (path / "b").unlink()
        (path / "b").write_bytes(b"x")
        assert contents(tree) == WHOLE


def test_a_link_to_the_directory_is_followed_and_none_in_it(path: Path, tmp_path: Path) -> None:
    """`current -> v3` is how models are named; what lies in it is what it is."""
    link = tmp_path / "current"
    link.symlink_to(path)
    with open_tree(link) as tree:
        assert len(tree.files) == len(FILES)
    (path / "c").symlink_to(path / "b")
    with pytest.raises(UsageError, match="cannot be brought"):
        open_tree(path).__enter__()
    (path / "c").unlink()
    (path / "c").symlink_to(path / "a")
    with pytest.raises(UsageError) as refused:
        open_tree(path).__enter__()
    assert "which is a link" in refused.value.got


def _nothing(path: Path) -> None:
    for file in path.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")


def _pipe(path: Path) -> None:
    os.mkfifo(path / "pipe")


def _many(path: Path) -> None:
    for number in range(local_tree.MOST_FILES):
        (path / f"file{number}").touch()


def _large(path: Path) -> None:
    with (path / "large").open("wb") as file:
        file.truncate(local_tree.MAX_BYTES)


@pytest.mark.parametrize(
    ("broken", "got"),
    [
        (_nothing, "without a file that is not empty"),
        (_pipe, "pipe, which is not a regular file"),
        (_many, "more than 200 files"),
        (_large, f"more than {local_tree.MAX_BYTES} bytes"),
    ],
)
def test_what_is_no_directory_of_files_is_refused(path: Path, broken: object, got: str) -> None:
    assert callable(broken)
    broken(path)
    with pytest.raises(UsageError) as refused:
        open_tree(path).__enter__()
    assert got in refused.value.got


@pytest.mark.parametrize(("name", "got"), [("absent", "No such file"), ("b", "not a directory")])
def test_what_is_not_there(path: Path, name: str, got: str) -> None:
    with pytest.raises(UsageError) as refused:
        open_tree(path / name).__enter__()
    assert got in refused.value.got
