"""A directory as a store: nothing of anybody's is lost, whatever happens in between."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest import mock

import pytest

from remediations.systems.stores import file_steps, file_tree
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.store import (
    Absent,
    AllDenied,
    Changed,
    Denied,
    NoSpace,
    StoreError,
    TooLarge,
)
from tests.unit.stores import conformance


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "a").mkdir(parents=True)
    (root / "a/one").write_bytes(b"old")
    (root / "two").write_bytes(b"other")
    return root


@pytest.fixture
def store(root: Path) -> FileTree:
    return FileTree("files", root)


def test_compare_and_swap(store: FileTree) -> None:
    """As every store."""
    conformance.replaces_by_compare_and_swap(store, "a/one")


def test_retire(store: FileTree, root: Path) -> None:
    """As every store; no file of ours stays."""
    conformance.retires_by_id(store, "a/one", keeps_versions=True)
    assert [one.name for one in (root / "a").iterdir()] == ["one"]


def test_absent(store: FileTree) -> None:
    """As every store."""
    conformance.says_what_is_absent(store)


def test_probe(store: FileTree) -> None:
    """As every store."""
    conformance.probe_leaves_nothing(store, keeps_versions=True)


def test_owner_and_mode_stay(store: FileTree, root: Path) -> None:
    """A reader that could read it still can, and nobody else."""
    (root / "two").chmod(0o640)
    store.replace(store.live("two"), b"new")
    assert (root / "two").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, NoSpace), (errno.EDQUOT, NoSpace), (errno.EIO, StoreError)],
    ids=["full", "quota", "broken"],
)
def test_what_cannot_be_written_to_its_end_leaves_nothing(
    store: FileTree, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    """However often it is tried, a full disk does not get fuller; the former file is live."""

    def fails(_: int) -> None:
        raise OSError(number, "made")

    former = store.live("two")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError) as caught:
        store.replace(former, b"new")
    assert type(caught.value) is kind
    assert (root / "two").read_bytes() == b"other"
    assert sorted(one.name for one in root.iterdir()) == ["a", "two"]


def test_one_file_that_cannot_be_read_is_no_store_that_is_away(
    store: FileTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector is of one object; a file system that may not be written is of all."""
    for number, kind in ((errno.EIO, StoreError), (errno.EROFS, AllDenied)):
        error = OSError(number, "made")
        monkeypatch.setattr(file_tree, "read_whole", mock.Mock(side_effect=error))
        with pytest.raises(StoreError) as caught:
            store.live("two")
        assert type(caught.value) is kind


def test_a_writer_between_check_and_exchange_wins(
    store: FileTree, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was exchanged out, is seen not to be the one that was read, and is put back."""
    former = store.live("two")
    exchange = file_steps.exchange

    def late_writer(folder: int, one: bytes, other: bytes) -> None:
        monkeypatch.setattr(file_tree, "exchange", exchange)
        (root / "theirs").write_bytes(b"theirs")
        (root / "theirs").rename(root / "two")
        exchange(folder, one, other)

    monkeypatch.setattr(file_tree, "exchange", late_writer)
    with pytest.raises(Changed):
        store.replace(former, b"new")
    assert (root / "two").read_bytes() == b"theirs"
    assert sorted(one.name for one in root.iterdir()) == ["a", "two"]


def test_what_was_deleted_is_not_written_again(store: FileTree, root: Path) -> None:
    """Whoever deleted it was first."""
    former = store.live("two")
    (root / "two").unlink()
    with pytest.raises(Changed):
        store.replace(former, b"new")
    assert [one.name for one in root.iterdir()] == ["a"]


@pytest.mark.parametrize("function", ["write_whole", "exchange", "sync"])
def test_whatever_fails_the_key_has_a_whole_file(
    store: FileTree, root: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """The former or the new one, and the former is somewhere."""
    former = store.live("two")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_tree, function, full)
    with pytest.raises(Exception, match="No space left"):
        store.replace(former, b"new")
    assert store.live("two").data in (b"other", b"new")
    assert store.read("two", former.version).data == b"other"


def test_other_files_are_not_entered(store: FileTree, root: Path, tmp_path: Path) -> None:
    """Links lead elsewhere; pipes have no end."""
    (tmp_path / "outside").write_bytes(b"x")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "folder").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    assert conformance.live_keys(store) == ["a/one", "two"]
    for key in ("link", "folder/outside", "pipe"):
        with pytest.raises(Absent):
            store.live(key)


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a/../two", "", "a//one", "two\0"])
def test_a_key_does_not_climb(store: FileTree, key: str) -> None:
    """It is a path within the tree."""
    with pytest.raises(Absent):
        store.live(key)


def test_any_name_is_a_key(store: FileTree, root: Path) -> None:
    """Bytes that are no text, percent signs, line breaks."""
    for name in (b"\xff\xfe", b"100%", b"%41", "ä\n".encode()):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(name)
    keys = conformance.live_keys(store)
    assert {"%FF%FE", "100%25", "%2541", "ä\n"} <= set(keys)
    assert all(store.live(key).data for key in keys)


def test_a_large_file_is_not_read(root: Path) -> None:
    """It is said to be too large, and never cut."""
    with pytest.raises(TooLarge):
        FileTree("files", root, limit=4).live("two")
    assert FileTree("files", root, limit=5).live("two").data == b"other"


def test_a_tree_that_cannot_be_written_says_so(
    store: FileTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is planned."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(file_tree, "write_whole", denied)
    found = store.probe()
    assert not found.writable
    assert not found.is_conditional
    assert "Permission denied" in found.lacks[0]
    with pytest.raises(Denied):
        store.replace(store.live("two"), b"new")


def test_no_tree_is_not_an_empty_one(tmp_path: Path) -> None:
    """Nothing found there would be taken for nothing left."""
    with pytest.raises(Absent):
        list(FileTree("files", tmp_path / "nowhere").versions())


@pytest.mark.parametrize("step", ["write", "exchange", "rename"])
def test_whoever_dies_leaves_whole_versions_of_one_key(tmp_path: Path, step: str) -> None:
    """Killed in the middle of the new file, after it was written, and after the exchange: readers
    get one whole file, nothing torn is listed, and the former one is retired by its id."""
    (tmp_path / "a").write_bytes(b"former")
    store = FileTree("tree", tmp_path)
    child = os.fork()
    if not child:
        name = {"write": "os.fchmod", "exchange": "exchange", "rename": "rename"}[step]
        room = "remediations.systems.stores.file_"
        where = f"{room}steps.{name}" if step == "write" else f"{room}tree.{name}"
        with mock.patch(where, side_effect=lambda *_: os._exit(0)):
            store.replace(store.live("a"), b"new")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(list(tmp_path.iterdir())) == 2
    assert store.live("a").data == (b"new" if step == "rename" else b"former")
    listed = list(store.versions())
    assert {one.key for one in listed} == {"a"}
    assert sum(one.is_live for one in listed) == 1
    aside = {one.version: store.read("a", one.version).data for one in listed if not one.is_live}
    kept = {"write": [], "exchange": [b"new"], "rename": [b"former"]}[step]
    assert list(aside.values()) == kept
    for version in aside:
        store.retire("a", version)
    assert [one.is_live for one in store.versions()] == [True]
