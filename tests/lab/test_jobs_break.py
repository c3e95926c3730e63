"""Real stores that break in the middle of a job: nothing is lost, and another job finishes.

Of each: every object opens with exactly one of the two keys and has its content, the error says
what to do next, and what is left is sealed by the next job.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import DiskFull

from remediations.systems.stores import job, postgres, s3
from remediations.systems.stores.store import MAX_OBJECT
from tests.lab import store_servers, vaults
from tests.lab.breaking import Bench
from tests.lab.choice import full_lab
from tests.lab.resealing import NEW, OLD
from tests.lab.shell import run
from tests.lab.vaults import Vault, read_with
from tests.lab.wires import State, Wire
from tests.unit.stores.test_envelope import WRONG

SMALL = "2m"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ten minutes for people is seconds here."""
    monkeypatch.setattr(job, "PATIENCE_S", 6)
    monkeypatch.setattr(postgres, "_ANSWER_S", 1.5)
    monkeypatch.setattr(s3, "_ANSWER_S", 1.5)


@contextmanager
def small_disk(at: Path, size: str = SMALL) -> Iterator[Path]:
    """A file system of its own that is soon full."""
    at.mkdir(mode=0o700)
    run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(at))
    try:
        yield at
    finally:
        run("umount", "--lazy", str(at))


def fill_up(directory: Path) -> Path:
    """A file that takes all the room that is left."""
    rest = directory / "rest"
    with rest.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return rest


def test_a_full_disk_below_a_tree(tmp_path: Path) -> None:
    """The job ends at once and says so; no torn file stays, and none was exchanged for one."""
    with small_disk(tmp_path / "disk") as disk:
        bench = Bench.of(vaults.files(disk / "tree"), tmp_path / "home")
        result = bench.seals(while_=lambda: fill_up(disk))
        bench.breaks(result, "No space left", "make room")
        assert not [path for path in (disk / "tree").iterdir() if "remediate-new" in path.name]
        (disk / "rest").unlink()
        bench.finishes()


@full_lab
def test_a_full_disk_below_the_record(tmp_path: Path) -> None:
    """How it ended can be said nevertheless, and nothing is sealed that could not be recorded but
    the object at hand."""
    with small_disk(tmp_path / "disk") as disk:
        bench = Bench.of(vaults.files(tmp_path / "tree"), disk / "home", 80)
        result = bench.seals(while_=lambda: fill_up(disk))
        bench.breaks(result, "No space left")
        new, _ = bench.halves()
        assert new - len(bench.recorded()) in (0, 1)
        (kept,) = (one.result for one in bench.jobs)
        assert kept == result
        (disk / "rest").unlink()
        bench.finishes()


@full_lab
def test_a_full_disk_below_a_table(tmp_path: Path) -> None:
    """The job ends at once and says so; each row is whole."""
    with store_servers.postgres_server(small="4m") as (_, at):
        vault = vaults.table_at(at, tmp_path / "secret")
        for statement in (
            f"CREATE TABLESPACE small LOCATION '{store_servers.SPACE}'",
            "ALTER TABLE vault SET TABLESPACE small",
            "ALTER INDEX vault_pkey SET TABLESPACE small",
            "CREATE TABLE rest (data text) TABLESPACE small",
            "ALTER TABLE rest ALTER data SET STORAGE EXTERNAL",
        ):
            vaults.execute(at, statement)
        bench = Bench.of(vault, tmp_path / "home")

        def fill() -> None:
            for size in (65536, 1000):  # what fails leaves its pages behind
                with suppress(DiskFull):
                    rows = f"SELECT repeat('x', {size}) FROM generate_series(1, 9999)"
                    vaults.execute(at, f"INSERT INTO rest {rows}")

        result = bench.seals(while_=fill)
        bench.breaks(result, "disk of the server is full", "make room")
        vaults.execute(at, "DROP TABLE rest")
        bench.finishes()


@full_lab
def test_a_tree_that_becomes_read_only(tmp_path: Path) -> None:
    """No object is at fault, so none is called locked."""
    with small_disk(tmp_path / "disk") as disk:
        bench = Bench.of(vaults.files(disk / "tree"), tmp_path / "home")
        result = bench.seals(while_=lambda: run("mount", "-o", "remount,ro", str(disk)))
        bench.breaks(result, "Read-only file system")
        run("mount", "-o", "remount,rw", str(disk))
        bench.finishes()


@pytest.fixture(params=["bucket", "versions", "table"])
def wired(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Vault, Wire]]:
    """A store of a server, whose inventory leads over a wire."""
    with ExitStack() as stack:
        secret = tmp_path / "secret"
        if request.param == "table":
            at = stack.enter_context(store_servers.postgres())
            vault, port = vaults.table_at(at, secret), at.port
        else:
            keeps = request.param == "versions"
            blobs = stack.enter_context(store_servers.s3(versions=keeps))
            vault = vaults.bucket_at(blobs, secret, versions=keeps)
            port = int(blobs.endpoint.rpartition(":")[2])
        wire = stack.enter_context(Wire(port).served())
        vault.section = vault.section.replace(str(port), str(wire.port))
        yield vault, wire


@full_lab
@pytest.mark.parametrize("state", [State.SILENT, State.RESETS], ids=["silent", "resets"])
def test_the_wire_is_cut_and_mended(
    wired: tuple[Vault, Wire], tmp_path: Path, state: State
) -> None:
    """The job waits, goes on by itself, and every object that it sealed has a record, also one
    whose write was never confirmed."""
    vault, wire = wired
    bench = Bench.of(vault, tmp_path / "home")

    def cut() -> None:
        wire.becomes(state)
        time.sleep(3)
        wire.becomes(State.PASSES)

    result = bench.seals(while_=cut)
    assert (result.reason, result.left) == ("", 0), result
    assert bench.halves() == (40, 0)
    assert len(bench.recorded()) == 40
    assert len(vault.objects()) == 43


@full_lab
@pytest.mark.parametrize("state", [State.SILENT, State.RESETS], ids=["silent", "resets"])
def test_the_wire_is_cut_for_good(wired: tuple[Vault, Wire], tmp_path: Path, state: State) -> None:
    """The job ends, after a while, and not by its limit of a day."""
    vault, wire = wired
    bench = Bench.of(vault, tmp_path / "home")
    began = time.monotonic()
    result = bench.seals(while_=lambda: wire.becomes(state))
    assert time.monotonic() - began < 40
    live = [name for name in vault.objects() if "@" not in name]
    assert len(live) == 43
    assert "the store is away" in result.reason
    assert "plan again" in result.reason
    wire.becomes(State.RESETS)
    wire.becomes(State.PASSES)
    bench.finishes()


@full_lab
def test_a_database_that_is_restarted(tmp_path: Path) -> None:
    """The job goes on when it is back."""
    with store_servers.postgres_server() as (server, at):
        bench = Bench.of(vaults.table_at(at, tmp_path / "secret"), tmp_path / "home")

        def restart() -> None:
            server.stop()
            time.sleep(1)
            server.start()

        result = bench.seals(while_=restart)
        assert (result.reason, result.left) == ("", 0), result
        assert bench.halves() == (40, 0)
        assert len(bench.recorded()) == 40


@full_lab
@pytest.mark.parametrize("how", ["revoked", "read-only", "no right"])
def test_a_database_that_refuses(tmp_path: Path, how: str) -> None:
    """Its user may not enter any more, or may not write: one clear error, and the next step."""
    with store_servers.postgres() as at:
        vault = vaults.table_at(at, tmp_path / "secret")
        vaults.execute(at, f"CREATE ROLE worker LOGIN PASSWORD '{at.password.reveal().decode()}'")
        vaults.execute(at, "GRANT SELECT, UPDATE ON vault TO worker")
        vault.section = vault.section.replace("user: admin", "user: worker")
        bench = Bench.of(vault, tmp_path / "home")
        change, back, word = {
            "revoked": ("NOLOGIN", "LOGIN", "refuses these credentials"),
            "read-only": (
                "SET default_transaction_read_only = on",
                "RESET default_transaction_read_only",
                "read-only",
            ),
            "no right": ("", "", "does not have the right"),
        }[how]

        def refuse() -> None:
            if not change:
                vaults.execute(at, "REVOKE UPDATE ON vault FROM worker")
                return
            vaults.execute(at, f"ALTER ROLE worker {change}")
            vaults.execute(
                at, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE usename = 'worker'",
            )  # fmt: skip

        result = bench.seals(while_=refuse)
        if change:
            bench.breaks(result, word)
            vaults.execute(at, f"ALTER ROLE worker {back}")
        else:
            assert word in result.reason
            assert sum(bench.halves()) == 40
            vaults.execute(at, "GRANT UPDATE ON vault TO worker")
        bench.finishes()


@full_lab
def test_a_bucket_whose_key_is_revoked(tmp_path: Path) -> None:
    """Its server knows another secret key from one moment to the next."""
    with store_servers.s3_server(versions=True) as (server, at):
        vault = vaults.bucket_at(at, tmp_path / "secret", versions=True)
        bench = Bench.of(vault, tmp_path / "home")

        def revoke() -> None:
            server.stop()
            server.settings["ROOT_SECRET_KEY"] = "another-secret-key"
            server.start()

        result = bench.seals(while_=revoke)
        server.stop()
        server.settings["ROOT_SECRET_KEY"] = at.secret_key.reveal().decode()
        server.start()
        bench.breaks(result, "secret key is not that of the access key")
        bench.finishes()


@full_lab
def test_a_clock_that_is_not_that_of_the_bucket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real server refuses what is signed at another time; the error names the clock."""
    from botocore import auth

    true = auth.get_current_datetime
    skew = [timedelta(0)]
    monkeypatch.setattr(auth, "get_current_datetime", lambda: true() + skew[0])
    with vaults.bucket(tmp_path / "secret", versions=False) as vault:
        bench = Bench.of(vault, tmp_path / "home")

        def jump() -> None:
            skew[0] = timedelta(hours=1)

        result = bench.seals(while_=jump)
        skew[0] = timedelta(0)
        bench.breaks(result, "clock of this machine", "timedatectl")
        bench.finishes()


@contextmanager
def plain(kind: str, tmp_path: Path) -> Iterator[Vault]:
    """A store of each kind, in which nothing breaks."""
    if kind == "tree":
        yield vaults.files(tmp_path / "tree")
    elif kind == "bucket":
        with vaults.bucket(tmp_path / "secret", versions=True) as vault:
            yield vault
    else:
        with vaults.table(tmp_path / "secret") as vault:
            yield vault


@full_lab
@pytest.mark.parametrize("kind", ["tree", "bucket", "table"])
def test_every_poison_at_once(tmp_path: Path, kind: str) -> None:
    """Huge, deep, twice, cut, of wrong lengths and versions: each is named with its flaw and left
    as it is, every other object is sealed anew, and the job is no success."""
    poison = {f"bad-{number:02d}": data for number, (_, data) in enumerate(WRONG.values())}
    poison["bad-huge"] = vaults.sealed(b"x", OLD)[:-1] + b" " * (MAX_OBJECT + 1) + b"}"
    with plain(kind, tmp_path) as vault:
        bench = Bench.of(vault, tmp_path / "home", extra="    several: refuse\n")
        for name, data in poison.items():
            vault.put(name, data)
        result = bench.seals()
        objects = vault.objects()
        assert {name: objects[name] for name in poison} == poison
        assert len(objects) == 43 + len(poison)
        for name, content in vault.contents.items():
            assert read_with(objects[name], NEW) == content
            assert read_with(objects[name], OLD) is None
        assert f"{len(poison)} damaged, 0 accepted" in result.reason
        ledger = (bench.jobs[0].path / "objects.jsonl").read_text().split("\n")[:-1]
        named = {
            one["key"].rpartition("/")[2]: one["reason"]
            for one in map(json.loads, ledger)
            if one["outcome"] == "damaged"
        }
        assert named.keys() == poison.keys()
        assert all(named.values())


class Lying:
    """The client of a real server that lies: it drops conditions, or writes, or half of a page."""

    def __init__(self, true: Any, lie: str) -> None:  # noqa: ANN401 - boto3's
        self._true, self._lie, self.writes, self.listings = true, lie, 0, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._true, name)

    def put_object(self, **given: object) -> object:
        self.writes += 1
        if self._lie == "ignores conditions":
            given = {name: value for name, value in given.items() if not name.startswith("If")}
        if self._lie == "loses a write" and self.writes > 10:
            return {"ETag": '"0123456789abcdef0123456789abcdef"'}
        return self._true.put_object(**given)

    def list_object_versions(self, **given: object) -> dict[str, Any]:
        self.listings += 1
        page: dict[str, Any] = self._true.list_object_versions(**given)
        if self._lie == "leaves out a page" and self.listings % 2:
            page["Versions"] = page.get("Versions", [])[::2]
        return page


@full_lab
@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("ignores conditions", "does not refuse wrong conditions"),
        ("leaves out a page", "two listings differ"),
        ("loses a write", "the former version is live; do not write to that store"),
    ],
)
def test_a_bucket_that_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str, said: str
) -> None:
    """Two of the lies are found before the first object is written, by the first stage of every
    plan; the third at the object at hand. When it tells the truth again, another job finishes."""
    true = s3.client_of
    with vaults.bucket(tmp_path / "secret", versions=False) as vault:
        bench = Bench.of(vault, tmp_path / "home")
        monkeypatch.setattr(s3, "client_of", lambda at: Lying(true(at), lie))
        result = bench.seals() if lie == "loses a write" else bench.proves()
        assert said in result.reason, result
        assert bench.halves()[0] == (10 if lie == "loses a write" else 0)
        monkeypatch.setattr(s3, "client_of", true)
        assert bench.proves().reason == ""
        bench.finishes()
