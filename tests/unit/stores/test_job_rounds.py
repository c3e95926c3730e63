"""The rounds of a long job, in this process: a store that is away, a busy writer, and rates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.inventory import FormerVersions
from remediations.systems.stores.job import Job
from remediations.systems.stores.job_directory import jobs_in
from remediations.systems.stores.job_scope import JobFailed
from remediations.systems.stores.job_steps import JobOrder
from remediations.systems.stores.reencrypt import Resealing
from remediations.systems.stores.reencrypt_section import Several
from remediations.systems.stores.store import Denied, Locked, NotReachable, Stored, Version
from tests.unit.stores.keys import FIRST, SECOND
from tests.unit.stores.test_job import Here, here, name
from tests.unit.stores.test_reencrypt import opened, sealed

__all__ = ["here"]


class Away:
    """A store that is not reachable for some calls, and then is."""

    def __init__(self, true: FileTree, calls: int) -> None:
        self._true, self.calls = true, calls

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def live(self, key: str) -> Stored:
        self.calls -= 1
        if self.calls >= 0:
            raise NotReachable("no connection")
        return self._true.live(key)


def made_job(
    here: Here,
    store: object,
    ledger: Path,
    former: FormerVersions = FormerVersions.REFUSE,
    number: int = 9,
) -> Job:
    """A job in this process."""
    directory = jobs_in(here.directory).of_step(name(number))
    directory.make()
    work = Resealing(
        store=store,  # type: ignore[arg-type]
        old=FIRST, new=SECOND, former=former, several=Several.REFUSE,
    )  # fmt: skip
    order = JobOrder.parse(here.step().payload)
    return Job(directory, order, here.entry, work, ledger.open("ab"), time.monotonic())


def test_a_store_that_was_away_is_tried_again(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the object at hand, and nothing is left out."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    store = Away(FileTree("vault", here.tree), 3)
    result = made_job(here, store, tmp_path / "ledger").run(0)
    assert (result.reason, result.sealed, result.left) == ("", 3, 0)


def test_a_store_that_stays_away_ends_it(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason; what was sealed before is whole."""
    monkeypatch.setattr("remediations.systems.stores.job.PATIENCE_S", 0)
    with pytest.raises(JobFailed, match="the store is away"):
        made_job(here, Away(FileTree("vault", here.tree), 9), tmp_path / "ledger").run(0)
    assert opened((here.tree / "0").read_bytes(), FIRST)


class Rewriting:
    """A store into which somebody writes with the old key, whenever it is listed."""

    def __init__(self, true: FileTree, tree: Path) -> None:
        self._true, self._tree = true, tree

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def versions(self) -> Iterator[Version]:
        (self._tree / "0").write_bytes(sealed("again"))
        return self._true.versions()


def test_a_writer_who_does_not_know_is_named(here: Here, tmp_path: Path) -> None:
    """It would go on for ever: people have to tell that writer."""
    store = Rewriting(FileTree("vault", here.tree), here.tree)
    with pytest.raises(JobFailed, match="tell its writers first"):
        made_job(here, store, tmp_path / "ledger").run(0)


def test_it_keeps_to_its_rates(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By sleeping after what it wrote."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    here.entry = replace(here.entry, objects_per_s=1)
    made_job(here, FileTree("vault", here.tree), tmp_path / "ledger").run(0)
    assert sum(slept) == pytest.approx(1 + 2 + 3, abs=1)
    assert max(slept) <= 1, "so that it can be stopped"


class Kept:
    """A store that lets nothing be written, or no former version be removed."""

    def __init__(self, true: FileTree, *, writes: bool) -> None:
        self._true, self._writes = true, writes

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def replace(self, former: Stored, data: bytes) -> str:
        if not self._writes:
            raise Denied("no right to write")
        return self._true.replace(former, data)

    def retire(self, key: str, version: str) -> None:
        raise Locked(f"{key} is locked")


def test_former_versions_that_stay_are_accepted_and_live_ones_are_not(
    here: Here, tmp_path: Path
) -> None:
    """`former_versions: keep` is about what readers do not get."""
    tree = FileTree("vault", here.tree)
    keep = FormerVersions.KEEP
    denied = made_job(here, Kept(tree, writes=False), tmp_path / "ledger", keep).run(0)
    assert "3 not sealed anew (0: locked, no right to write" in denied.reason
    assert denied.left == 3
    kept = made_job(here, Kept(tree, writes=True), tmp_path / "ledger", keep, 8).run(0)
    assert (kept.reason, kept.left) == ("", 3)
