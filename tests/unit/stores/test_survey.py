"""Going through a store: everything is a row, and lies are found where they can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.store import Malformed, NotReachable
from remediations.systems.stores.survey import Kind, listed_alike, read_back, scope_of, survey
from tests.unit.stores.keys import FIRST, ONE, SECOND, SEVERAL
from tests.unit.stores.lying_store import LyingStore


@pytest.fixture
def store(tmp_path: Path) -> FileTree:
    contents = {"one": ONE, "several": SEVERAL, "cut": ONE[:-1], "notes": b"x", "huge": bytes(9000)}
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return FileTree("files", tmp_path, limit=8000)


def kinds(store: FileTree | LyingStore) -> dict[str, Kind]:
    return {one.object.key: one.kind for one in survey(store)}


def test_every_version_is_a_row(store: FileTree) -> None:
    """What cannot be read, too, with its reason."""
    rows = {one.object.key: one for one in survey(store)}
    assert kinds(store) == {
        "one": Kind.ENVELOPE,
        "several": Kind.ENVELOPE,
        "cut": Kind.DAMAGED,
        "notes": Kind.FOREIGN,
        "huge": Kind.UNREAD,
    }
    assert rows["several"].recipients == (FIRST.fingerprint, SECOND.fingerprint)
    assert "8000" in rows["huge"].reason
    assert sorted(key for key, one in rows.items() if not one.is_accounted_for) == ["cut", "huge"]


def test_the_scope_of_a_key_are_the_versions_that_name_it(store: FileTree) -> None:
    """Former ones included."""
    former = store.live("one")
    store.replace(former, SEVERAL)
    scope = scope_of(survey(store), [FIRST.fingerprint])
    assert [one.object.key for one in scope.entries] == ["one", "one", "several"]
    assert former.version in {one.object.version for one in scope.entries}
    assert len(scope_of(survey(store), [SECOND.fingerprint]).entries) == 2
    assert scope_of(survey(store), ["0" * 40]).summary.count == 0


def test_one_bad_object_stops_nothing(store: FileTree) -> None:
    """One that may not be read, one that went, rows that are repeated."""
    lying = LyingStore(store, denied=("one",), vanished=("notes",))
    rows = list(survey(lying))
    assert len(rows) == 5
    found = {one.object.key: one.kind for one in rows}
    assert (found["one"], found["notes"]) == (Kind.UNREAD, Kind.GONE)
    assert found["several"] is Kind.ENVELOPE


def test_a_store_that_is_gone_stops_it(store: FileTree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing read any more is not nothing there."""

    def gone(*_: object) -> None:
        raise NotReachable("no connection")

    monkeypatch.setattr(store, "read", gone)
    with pytest.raises(NotReachable):
        list(survey(store))


def test_a_listing_that_leaves_something_out_differs_from_the_next(store: FileTree) -> None:
    """One that always leaves it out is found by the declared places alone."""
    listed_alike(store)
    listed_alike(LyingStore(store))
    with pytest.raises(Malformed, match="differ in 1"):
        listed_alike(LyingStore(store, leaves_out={"several": 2}))


def test_a_write_that_was_confirmed_and_lost_is_found(store: FileTree) -> None:
    """By reading it back, before the former version is retired."""
    former = store.live("one")
    lying = LyingStore(store, loses_writes=True)
    with pytest.raises(Malformed, match="not what is live"):
        read_back(lying, "one", lying.replace(former, SEVERAL), SEVERAL)
    version = store.replace(former, SEVERAL)
    read_back(store, "one", version, SEVERAL)
    with pytest.raises(Malformed, match="not there"):
        read_back(store, "nowhere", version, SEVERAL)
