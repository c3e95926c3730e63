"""What holds for every store, as functions that a test calls with a store and two keys in it."""

from __future__ import annotations

import pytest

from remediations.systems.stores.store import Absent, Changed, LiveVersion, Store


def names(store: Store) -> set[tuple[str, str]]:
    """The versions of a store that have bytes, as a set."""
    return {(one.key, one.version) for one in store.versions() if not one.is_marker}


def live_keys(store: Store) -> list[str]:
    return sorted({one.key for one in store.versions() if one.is_live and not one.is_marker})


def replaces_by_compare_and_swap(store: Store, key: str) -> None:
    """The live version is exchanged once; who read the former one is told so."""
    former = store.live(key)
    version = store.replace(former, b"new")
    assert store.live(key).data == b"new"
    assert store.live(key).version == version
    with pytest.raises(Changed):
        store.replace(former, b"newer")
    assert store.live(key).data == b"new"


def retires_by_id(store: Store, key: str, *, keeps_versions: bool) -> None:
    """The former version goes, and nothing else; the live one does not."""
    former, others = store.live(key), names(store)
    version = store.replace(former, b"new")
    if keeps_versions:
        assert store.read(key, former.version).data == former.data
        assert names(store) == others | {(key, version)}
    with pytest.raises(LiveVersion):
        store.retire(key, version)
    store.retire(key, former.version)
    store.retire(key, former.version)
    assert names(store) == others - {(key, former.version)} | {(key, version)}
    assert store.live(key).data == b"new"
    with pytest.raises(Absent):
        store.read(key, former.version)


def says_what_is_absent(store: Store) -> None:
    """A key that is not there is no empty object."""
    with pytest.raises(Absent):
        store.live("nowhere")


def probe_leaves_nothing(store: Store, *, keeps_versions: bool) -> None:
    """It sees conditions refused, and its scratch object is gone."""
    before = names(store)
    found = store.probe()
    assert found.is_conditional, found
    assert found.keeps_versions is keeps_versions
    assert found.shows_all
    assert names(store) == before
