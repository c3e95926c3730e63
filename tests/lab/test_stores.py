"""Real stores keep the rules of systems/stores/store.py: PostgreSQL, versitygw."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from remediations.systems.stores.beside import read_beside
from remediations.systems.stores.envelope import Envelope, canonical, parse
from remediations.systems.stores.inventory import BucketPlace, TablePlace, Tls
from remediations.systems.stores.look import read_store
from remediations.systems.stores.postgres import PostgresStore, Table
from remediations.systems.stores.s3 import Bucket, S3Store, client_of
from remediations.systems.stores.sealing import Opened, open_envelope, seal
from remediations.systems.stores.store import (
    Absent,
    Changed,
    Denied,
    Malformed,
    NotReachable,
    Store,
    StoreError,
    TooLarge,
)
from remediations.values.reading import Known
from remediations.values.secret import Secret
from tests.lab import store_servers, vaults
from tests.lab.choice import full_lab
from tests.unit.stores import conformance
from tests.unit.stores.keys import FIRST, SECOND

OLD = canonical(seal(Secret(b"content", "c"), FIRST.public))


@pytest.fixture(scope="module")
def server() -> Iterator[Table]:
    with store_servers.postgres() as table:
        yield table


def run_sql(table: Table, *statements: str, data: bytes = OLD) -> None:
    with psycopg.connect(
        host=table.host, port=table.port, dbname="postgres", user="admin",
        password=table.password.reveal().decode(), autocommit=True,
    ) as connection:  # fmt: skip
        for one in statements:
            given = {"data": data.decode(), "bytes": data} if "%(" in one else None
            connection.execute(one, given)


def filled(table: Table, kind: str) -> PostgresStore:
    run_sql(
        table,
        "DROP TABLE IF EXISTS vault CASCADE",
        f"CREATE TABLE vault (id integer PRIMARY KEY, envelope {kind}, note text)",
        "INSERT INTO vault SELECT n, "
        + ("%(bytes)s" if kind == "bytea" else f"%(data)s::{kind}")
        + " FROM generate_series(1, 3) n",
        "INSERT INTO vault VALUES (4, NULL)",
    )
    return PostgresStore("table", table)


@pytest.mark.parametrize("kind", ["bytea", "text", "varchar", "json", "jsonb"])
def test_rows_are_sealed_anew(server: Table, kind: str) -> None:
    """Whatever type the column has: read, opened, written by compare-and-swap, read back."""
    store = filled(server, kind)
    assert conformance.live_keys(store) == ["1", "2", "3"]
    reseal(store, "2")
    assert conformance.live_keys(store) == ["1", "2", "3"]
    with pytest.raises(Absent):
        store.live("4")
    with pytest.raises(Absent):
        store.live("not a number")
    found = store.probe()
    assert found.is_conditional, found
    assert found.shows_all
    assert not found.lacks


def reseal(store: Store, key: str) -> None:
    """What a job will do with each object; the former reader is told that it is late."""
    former = store.live(key)
    envelope = parse(former.data)
    assert isinstance(envelope, Envelope)
    opened = open_envelope(envelope, FIRST)
    assert isinstance(opened, Opened)
    version = store.replace(former, canonical(seal(opened.content, SECOND.public)))
    back = store.live(key)
    assert back.version == version
    again = parse(back.data)
    assert isinstance(again, Envelope)
    assert again.recipients == (SECOND.fingerprint,)
    assert open_envelope(again, SECOND) == opened
    with pytest.raises(Changed):
        store.replace(former, b"{}")
    assert store.live(key) == back
    store.retire(key, former.version)
    assert (key, former.version) not in conformance.names(store)


def test_a_writer_who_commits_first_wins(server: Table) -> None:
    """Its row stays; a change of another column is no change of the envelope."""
    store = filled(server, "text")
    former = store.live("1")
    run_sql(server, "UPDATE vault SET note = 'read' WHERE id = 1")
    other = PostgresStore("other", server)
    other.replace(other.live("1"), b"theirs")
    with pytest.raises(Changed):
        store.replace(former, b"ours")
    assert store.live("1").data == b"theirs"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE vault DROP CONSTRAINT vault_pkey", "no unique index"),
        ("REVOKE UPDATE ON vault FROM reader", "may not update"),
        ("ALTER TABLE vault ENABLE ROW LEVEL SECURITY", "hides rows"),
        ("ALTER ROLE reader SET default_transaction_read_only = on", "read-only"),
        ("CREATE RULE r AS ON UPDATE TO vault DO INSTEAD NOTHING", "rules"),
    ],
)
def test_what_a_table_cannot_do_is_said(server: Table, change: str, said: str) -> None:
    """Before anything is planned, and in a sentence."""
    filled(server, "text")
    run_sql(
        server,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN PASSWORD 'lab-password'",
        "GRANT SELECT, UPDATE ON vault TO reader",
        change,
    )
    store = PostgresStore("table", dataclasses.replace(server, user="reader"))
    found = store.probe()
    store.close()
    run_sql(server, "DROP OWNED BY reader", "DROP ROLE reader")
    assert any(said in one for one in found.lacks), found
    assert not (found.is_conditional and found.shows_all)


def test_a_trigger_that_writes_something_else_is_refused(server: Table) -> None:
    """And rolled back."""
    store = filled(server, "text")
    run_sql(
        server,
        "CREATE OR REPLACE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.envelope := 'other'; RETURN NEW; END $$",
        "CREATE TRIGGER t BEFORE UPDATE ON vault FOR EACH ROW EXECUTE FUNCTION other()",
    )
    with pytest.raises(Malformed, match="nothing was changed"):
        store.replace(store.live("1"), b"new")
    assert store.live("1").data == OLD


def test_wrong_settings_say_what_is_wrong(server: Table) -> None:
    """Each in its own words, and without the password."""
    filled(server, "text")
    wrong: dict[str, tuple[Table, type[StoreError], str]] = {
        "port": (dataclasses.replace(server, port=9), NotReachable, "no connection"),
        "password": (
            dataclasses.replace(server, password=Secret(b"canary", "x")), Denied, "credentials",
        ),
        "database": (dataclasses.replace(server, database="x"), NotReachable, "database"),
        "table": (dataclasses.replace(server, table="x"), NotReachable, "no such table"),
        "column": (dataclasses.replace(server, value_column="x"), NotReachable, "no such table"),
        "type": (dataclasses.replace(server, value_column="id"), NotReachable, "type is integer"),
        "TLS": (dataclasses.replace(server, sslmode="verify-full"), NotReachable, "TLS"),
    }  # fmt: skip
    for table, error, said in wrong.values():
        with pytest.raises(error, match=said) as caught:
            PostgresStore("s", table).live("1")
        assert "canary" not in str(caught.value)
    with pytest.raises(TooLarge):
        PostgresStore("s", server, limit=10).live("1")


def test_a_connection_that_was_lost_is_opened_again(server: Table) -> None:
    """The next call works."""
    store = filled(server, "text")
    store.live("1")
    run_sql(
        server,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'remediate'",
    )
    with pytest.raises(NotReachable):
        store.live("1")
    assert store.live("1").data == OLD


@pytest.fixture(
    scope="module",
    params=[True, pytest.param(False, marks=full_lab)],
    ids=["versions", "no versions"],
)
def bucket(request: pytest.FixtureRequest) -> Iterator[tuple[Bucket, bool]]:
    with store_servers.s3(versions=request.param) as bucket:
        client = client_of(bucket)
        client.create_bucket(Bucket=bucket.bucket)
        if request.param:
            client.put_bucket_versioning(
                Bucket=bucket.bucket, VersioningConfiguration={"Status": "Enabled"}
            )
        yield bucket, request.param


def test_objects_are_sealed_anew(bucket: tuple[Bucket, bool]) -> None:
    """A real server: conditions are kept, former versions are listed and retired by their id."""
    at, keeps = bucket
    client, store = client_of(at), S3Store("bucket", at)
    for number in range(3):
        client.put_object(Bucket=at.bucket, Key=f"env/{number}", Body=OLD)
    client.put_object(Bucket=at.bucket, Key="elsewhere", Body=b"x")
    found = store.probe()
    assert found.is_conditional, found
    assert found.keeps_versions is keeps
    assert not found.lacks
    assert conformance.live_keys(store) == ["env/0", "env/1", "env/2"]
    if keeps:
        reseal(store, "env/1")
        conformance.retires_by_id(store, "env/2", keeps_versions=True)
    else:
        conformance.replaces_by_compare_and_swap(store, "env/1")
    conformance.says_what_is_absent(store)
    assert len(conformance.names(store)) == 3


@full_lab
def test_a_page_that_repeats_a_row_counts_it_once(bucket: tuple[Bucket, bool]) -> None:
    """This server does: its pages overlap by a row."""
    at, _ = bucket
    client = client_of(at)
    for number in range(50):
        client.put_object(Bucket=at.bucket, Key=f"pages/{number:04}", Body=b"x")
    listing = client.list_object_versions
    client.list_object_versions = lambda **asked: listing(**asked, MaxKeys=20)
    rows = list(
        S3Store("bucket", dataclasses.replace(at, prefix="pages/"), client=client).versions()
    )
    assert len(rows) > 50
    assert len({one.key for one in rows}) == 50
    assert len({(one.key, one.version) for one in rows}) == 50


def test_a_real_store_is_read_for_an_observation(
    server: Table, bucket: tuple[Bucket, bool], tmp_path: Path
) -> None:
    """With credentials from files, as an inventory names them."""
    filled(server, "jsonb")
    at, keeps = bucket
    client = client_of(at)
    for _ in range(2):
        client.put_object(Bucket=at.bucket, Key="read/1", Body=OLD)
    keys = {"password": server.password, "secret": at.secret_key}
    for name, secret in keys.items():
        (tmp_path / name).write_bytes(secret.reveal() + b"\n")
        (tmp_path / name).chmod(0o600)
    table = TablePlace(
        name="rows", host=server.host, port=server.port, database=server.database, user="admin",
        password_file=str(tmp_path / "password"), table="public.vault", key_column="id",
        value_column="envelope", tls=Tls.NONE, ca_file=None,
    )  # fmt: skip
    blobs = BucketPlace(
        name="blobs", endpoint=at.endpoint, bucket=at.bucket, prefix="read/", region=at.region,
        access_key=at.access_key, secret_key_file=str(tmp_path / "secret"), ca_file=None,
    )  # fmt: skip
    for place, live, former in ((table, 3, 0), (blobs, 1, int(keeps))):
        survey = read_store(place, 60).survey
        assert isinstance(survey, Known), survey
        (count,) = survey.value.keys
        assert (count.fingerprint, count.live, count.former) == (FIRST.fingerprint, live, former)
        assert (count.several, count.root) == (0, survey.value.root)
    client.put_object(Bucket=at.bucket, Key="forgotten/1", Body=OLD)
    for statement in (
        "CREATE DATABASE archive",
        "CREATE TABLE IF NOT EXISTS notes (id int, body text, at date)",
    ):
        vaults.execute(server, statement)
    named = {one.server.partition(" ")[0]: one.places for one in read_beside([table, blobs])}
    assert isinstance(named["s3"], Known), named
    assert isinstance(named["postgres"], Known), named
    assert f"bucket {at.bucket}: forgotten/" in named["s3"].value
    assert f"bucket {at.bucket}: read/" not in named["s3"].value
    others = {"database archive", "table public.notes: body", "table public.vault: note"}
    assert set(named["postgres"].value) == others
    vaults.execute(server, "DROP DATABASE archive")
