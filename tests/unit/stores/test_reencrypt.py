"""One store is sealed anew: what becomes of each object, whatever others, kills and stores do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from remediations.systems.stores.envelope import Envelope, canonical, parse
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.reencrypt import Ended, Resealing, StoreLies
from remediations.systems.stores.reencrypt_section import Several
from remediations.systems.stores.sealing import (
    NotOpened,
    Opened,
    PrivateKey,
    open_envelope,
    seal,
    seal_for_several,
    tag_of,
)
from remediations.systems.stores.store import (
    AllDenied,
    NoAnswer,
    NoSpace,
    NotReachable,
    Store,
    Stored,
    StoreError,
)
from remediations.values.secret import Secret
from tests.unit.stores.keys import FIRST, SECOND, SEVERAL, private_key
from tests.unit.stores.lying_store import LyingStore

THIRD = private_key(3)


def sealed(text: str, key: PrivateKey = FIRST) -> bytes:
    """An envelope with that content."""
    return canonical(seal(Secret(text.encode(), "test"), key.public, {"owner": "a<b"}))


def opened(data: bytes, key: PrivateKey) -> bytes | None:
    """The content, None where the key does not open it."""
    envelope = parse(data)
    assert isinstance(envelope, Envelope)
    found = open_envelope(envelope, key)
    return None if isinstance(found, NotOpened) else found.content.reveal()


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    """Two objects of the key that is out, one of another key, and one that is no envelope."""
    for name, data in {
        "a": sealed("a"), "b": sealed("b"), "other": sealed("o", THIRD), "notes": b"notes",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    return FileTree("vault", tmp_path)


def resealing(
    store: Store,
    *,
    former: FormerVersions = FormerVersions.REFUSE,
    several: Several = Several.REFUSE,
) -> Resealing:
    return Resealing(store=store, old=FIRST, new=SECOND, former=former, several=several)


def go_through(work: Resealing) -> dict[str, Ended]:
    """One round, by key."""
    return {row.key: work.one(row) for row in work.rows()}


def counts(ends: dict[str, Ended]) -> Counter[Outcome]:
    return Counter(one.outcome for one in ends.values())


def test_each_object_ends_as_one_outcome(tree: FileTree, tmp_path: Path) -> None:
    """What names the key is sealed anew with its content and metadata; nothing else is touched."""
    before = (tmp_path / "other").read_bytes()
    ends = go_through(resealing(tree))
    assert counts(ends) == {Outcome.DONE: 2, Outcome.ALREADY: 1, Outcome.SKIPPED_FOREIGN: 1}
    for name in ("a", "b"):
        data = (tmp_path / name).read_bytes()
        assert opened(data, SECOND) == name.encode()
        assert opened(data, FIRST) is None
        envelope = parse(data)
        assert isinstance(envelope, Envelope)
        assert envelope.metadata == {"owner": "a<b"}
        assert ends[name].tag == tag_of(Secret(name.encode(), "test"), SECOND)
    assert (tmp_path / "other").read_bytes() == before
    assert (tmp_path / "notes").read_bytes() == b"notes"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "notes", "other"]


def test_the_last_round_finds_nothing_and_counts_what_is_sealed(tree: FileTree) -> None:
    """A scope computed anew: the entries are those that name the new key."""
    work = resealing(tree)
    go_through(work)
    work.found.clear()
    ends = go_through(work)
    assert counts(ends) == {Outcome.ALREADY: 3, Outcome.SKIPPED_FOREIGN: 1}
    assert [one.object.key for one in work.found] == ["a", "b"]


class Concurrent:
    """A store with another writer, who is there between our read and our write."""

    def __init__(self, true: FileTree, path: Path, data: bytes) -> None:
        self._true, self._path, self._data = true, path, data

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def replace(self, former: Stored, data: bytes) -> str:
        if self._path.name == former.key:
            self._path.write_bytes(self._data)
        return self._true.replace(former, data)


def test_a_concurrent_writer_wins(tree: FileTree, tmp_path: Path) -> None:
    """Its bytes stay; the next round seals what it wrote."""
    newer = sealed("newer")
    store: Store = Concurrent(tree, tmp_path / "a", newer)  # type: ignore[assignment]
    ends = go_through(resealing(store))
    assert ends["a"].outcome is Outcome.SKIPPED_CONCURRENT
    assert (tmp_path / "a").read_bytes() == newer
    assert go_through(resealing(tree))["a"].outcome is Outcome.DONE
    assert opened((tmp_path / "a").read_bytes(), SECOND) == b"newer"


class Cut(Exception):
    """The process is ended here."""


class Dying:
    """A store whose process dies before it retires anything, or right after a write."""

    def __init__(self, true: FileTree, at: str) -> None:
        self._true, self._at = true, at

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def replace(self, former: Stored, data: bytes) -> str:
        version = self._true.replace(former, data)
        if self._at == "replace":
            raise Cut
        return version

    def retire(self, key: str, version: str) -> None:
        if self._at == "retire":
            raise Cut
        self._true.retire(key, version)


@pytest.mark.parametrize("at", ["replace", "retire"])
def test_what_a_death_leaves_is_finished(tree: FileTree, tmp_path: Path, at: str) -> None:
    """Readers get the new version, the former one lies beside it; the next run retires it."""
    with pytest.raises(Cut):
        go_through(resealing(Dying(tree, at)))  # type: ignore[arg-type]
    assert opened((tmp_path / "a").read_bytes(), SECOND) == b"a"
    assert len(list(tmp_path.iterdir())) == 5
    ends = [resealing(tree).one(row) for row in resealing(tree).rows()]
    reasons = [one.reason for one in ends if one.outcome is Outcome.DONE]
    assert reasons == ["", "its content is the live version's"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "notes", "other"]


@pytest.mark.parametrize("policy", FormerVersions)
def test_a_former_version_goes_only_where_people_decided(
    tree: FileTree, tmp_path: Path, policy: FormerVersions
) -> None:
    """Its content is nowhere else: it stays, or it goes and is named."""
    older = tmp_path / ".a.remediate-former-1-1-1"
    older.write_bytes(sealed("older"))
    status = older.stat()
    name = f".a.remediate-former-{status.st_ino}-{status.st_size}-{status.st_mtime_ns}"
    older = older.rename(tmp_path / name)
    work = resealing(tree, former=policy)
    ends = [work.one(row) for row in work.rows()]
    (found,) = [one for one in ends if "former version" in one.reason]
    gone = policy is FormerVersions.RETIRE
    assert found.outcome is (Outcome.DONE if gone else Outcome.LOCKED)
    assert found.names_key is not gone
    assert older.exists() is not gone


class Silent:
    """A store that answers nothing to a write, which it did or did not."""

    def __init__(self, true: FileTree, *, writes: bool) -> None:
        self._true, self._writes, self.calls = true, writes, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def replace(self, former: Stored, data: bytes) -> str:
        self.calls += 1
        if self._writes or self.calls > 1:
            self._true.replace(former, data)
        raise NoAnswer("made")


@pytest.mark.parametrize("writes", [True, False])
def test_silence_is_settled_by_what_is_live(
    tree: FileTree, tmp_path: Path, *, writes: bool
) -> None:
    """Written once, whether the store did it at once or not."""
    store = Silent(tree, writes=writes)
    work = resealing(store)  # type: ignore[arg-type]
    (row,) = [one for one in work.rows() if one.key == "a"]
    assert work.one(row).outcome is Outcome.DONE
    assert store.calls == (1 if writes else 2)
    assert opened((tmp_path / "a").read_bytes(), SECOND) == b"a"


class Torn:
    """A store whose connection is gone right after a write, which it did."""

    def __init__(self, true: FileTree, tree: Path, *, rewritten: bool) -> None:
        self._true, self._tree, self._rewritten, self.away = true, tree, rewritten, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def replace(self, former: Stored, data: bytes) -> str:
        self._true.replace(former, data)
        if self._rewritten:
            (self._tree / former.key).write_bytes(sealed("of another writer", SECOND))
        self.away = True
        raise NoAnswer("made")

    def live(self, key: str) -> Stored:
        if self.away:
            self.away = False
            raise NotReachable("no connection")
        return self._true.live(key)


@pytest.mark.parametrize("rewritten", [False, True])
def test_what_was_written_before_the_store_was_away_is_found_again(
    tree: FileTree, tmp_path: Path, *, rewritten: bool
) -> None:
    """When it is back, the object is done, with its tag, and the former version retired: by what is
    live, so what another writer wrote meanwhile is not called ours."""
    store = Torn(tree, tmp_path, rewritten=rewritten)
    work = resealing(store)  # type: ignore[arg-type]
    (row,) = [one for one in work.rows() if one.key == "a"]
    with pytest.raises(NotReachable):
        work.one(row)
    ended = work.one(row)
    if rewritten:
        assert ended.outcome is Outcome.ALREADY
        return
    assert (ended.outcome, ended.version) == (Outcome.DONE, tree.live("a").version)
    assert ended.tag == tag_of(Secret(b"a", "test"), SECOND)
    assert ended.object.version == row.version
    assert not [one for one in tree.versions() if one.key == "a" and not one.is_live]
    assert work.one(row).outcome is Outcome.ALREADY, "once"


@pytest.mark.parametrize("error", [AllDenied("read-only"), NoSpace("full")])
def test_what_no_other_object_would_survive_ends_it(
    tree: FileTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: StoreError
) -> None:
    """It is no outcome of the object at hand, which is as it was."""

    def refuse(*_: object) -> str:
        raise error

    monkeypatch.setattr(tree, "replace", refuse)
    work = resealing(tree)
    with pytest.raises(type(error)):
        work.one(work.rows()[0])
    assert opened((tmp_path / "a").read_bytes(), FIRST) == b"a"


def test_a_store_that_loses_writes_is_written_to_no_more(tree: FileTree, tmp_path: Path) -> None:
    """It confirmed the write; the former version is live. Nothing was retired."""
    work = resealing(LyingStore(tree, loses_writes=True))
    with pytest.raises(StoreLies, match="confirmed"):
        work.one(work.rows()[0])
    assert opened((tmp_path / "a").read_bytes(), FIRST) == b"a"


def poisoned() -> Iterator[tuple[str, bytes]]:
    """Envelopes of people who mean harm, and of disks that fail."""
    good = sealed("x")
    yield "cut", good[:-10]
    yield "version", good.replace(b'"version":1', b'"version":9')
    yield "deep", b'{"recipient_key_ids":' + b"[" * 100_000
    yield "huge", good[:-1] + b',"metadata":{"a":"' + b"x" * (17 * 1024 * 1024) + b'"}}'
    envelope = parse(good)
    assert isinstance(envelope, Envelope)
    broken = envelope.ciphertext[:-1] + bytes([envelope.ciphertext[-1] ^ 1])
    yield "tampered", canonical(msgspec.structs.replace(envelope, ciphertext=broken))


@pytest.mark.parametrize(("name", "data"), list(poisoned()), ids=lambda one: str(one)[:10])
def test_a_bad_object_stops_and_hides_nothing(
    tree: FileTree, tmp_path: Path, name: str, data: bytes
) -> None:
    """It is damaged, untouched and named; all others are sealed anew."""
    (tmp_path / name).write_bytes(data)
    ends = go_through(resealing(tree))
    assert ends[name].outcome is Outcome.DAMAGED
    assert ends[name].reason
    assert counts(ends)[Outcome.DONE] == 2
    assert (tmp_path / name).read_bytes() == data


@pytest.mark.parametrize("several", Several)
def test_what_is_for_several_needs_a_decision(
    tree: FileTree, tmp_path: Path, several: Several
) -> None:
    """Then it is sealed soundly, to the others as before and to the new key for the old."""
    (tmp_path / "many").write_bytes(
        canonical(seal_for_several(Secret(b"m", "test"), [FIRST.public, THIRD.public]))
    )
    ends = go_through(resealing(tree, several=several))
    data = (tmp_path / "many").read_bytes()
    if several is Several.REFUSE:
        assert ends["many"].outcome is Outcome.LOCKED
        assert opened(data, FIRST) == b"m"
        return
    assert ends["many"].outcome is Outcome.DONE
    assert opened(data, SECOND) == opened(data, THIRD) == b"m"
    assert opened(data, FIRST) is None


def test_the_constant_of_the_chains_library_is_left_behind(tmp_path: Path) -> None:
    """An envelope that anybody can read is sealed so that only its recipients can."""
    (tmp_path / "one").write_bytes(SEVERAL)
    envelope = parse(SEVERAL)
    assert isinstance(envelope, Envelope)
    work = Resealing(
        store=FileTree("vault", tmp_path), old=FIRST, new=THIRD,
        former=FormerVersions.REFUSE, several=Several.DATA_KEY,
    )  # fmt: skip
    assert work.one(work.rows()[0]).outcome is Outcome.DONE
    found = parse((tmp_path / "one").read_bytes())
    assert isinstance(found, Envelope)
    result = open_envelope(found, THIRD)
    assert isinstance(result, Opened)
    assert result.content_key == "wrapped"
