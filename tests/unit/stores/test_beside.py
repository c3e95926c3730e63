"""What nobody declared on the servers of declared stores: named, never looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
from moto import mock_aws

from remediations.systems.stores import beside
from remediations.systems.stores.beside import read_beside
from remediations.systems.stores.inventory import BucketPlace, FilesPlace, TablePlace, Tls
from remediations.systems.stores.postgres import PostgresStore, Table
from remediations.systems.stores.s3 import client_of
from remediations.systems.stores.store import Denied
from remediations.values.reading import Unknown, value_or_none
from remediations.values.secret import Secret
from tests.unit.stores.test_s3 import AT, no_settings

__all__ = ["no_settings"]


def bucket(secret: Path, name: str, prefix: str) -> BucketPlace:
    """A declared one, whose credentials are in a file."""
    secret.write_text("canary-secret-key\n")
    secret.chmod(0o600)
    return BucketPlace(
        name=f"{name}{len(prefix)}", endpoint=AT.endpoint, bucket=name, prefix=prefix,
        region=AT.region, access_key=AT.access_key, secret_key_file=str(secret), ca_file=None,
    )  # fmt: skip


SOME = Table(
    host="127.0.0.1", port=9, database="d", user="u", password=Secret(b"canary-word", "pg"),
    schema="public", table="t", key_column="id", value_column="v",
)  # fmt: skip


def table(name: str, column: str = "envelope", database: str = "vault") -> TablePlace:
    """A declared one."""
    return TablePlace(
        name=name, host="127.0.0.1", port=5432, database=database, user="u", tls=Tls.NONE,
        password_file="/nowhere", ca_file=None, table=f"public.{name}", key_column="id",
        value_column=column,
    )  # fmt: skip


@mock_aws
def test_other_buckets_and_other_prefixes(tmp_path: Path) -> None:
    """A bucket that is declared as a whole has nothing beside it; a server is asked once."""
    client = client_of(AT)
    for name in ("vault", "whole", "forgotten"):
        client.create_bucket(Bucket=name)
        for key in ("env/2026/one", "env/2025/two", "notes/x", "readme", "env2/y"):
            client.put_object(Bucket=name, Key=key, Body=b"x")
    secret = tmp_path / "secret"
    (found,) = read_beside(
        [bucket(secret, "vault", "env/2026/"), bucket(secret, "whole", ""),
         FilesPlace(name="tree", path="/srv/tree")]
    )  # fmt: skip
    assert value_or_none(found.places) == (
        "bucket forgotten", "bucket vault: env/ beyond env/2026/", "bucket vault: env2/",
        "bucket vault: notes/", "bucket vault: objects at its top",
    )  # fmt: skip


class Database(PostgresStore):
    """A server with two databases, and some tables."""

    def __init__(self, place: TablePlace) -> None:
        super().__init__(place.name, SOME)

    def databases(self) -> tuple[str, ...]:
        return ("vault", "archive")

    def columns(self) -> tuple[tuple[str, str], ...]:
        names = (("rows", "envelope"), ("rows", "id"), ("rows", "note"), ("old", "envelope"))
        return tuple((f"public.{table}", column) for table, column in names)


def test_other_databases_and_other_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each database that is declared is asked for itself."""
    monkeypatch.setattr(beside, "store_at", Database)
    first, second = read_beside([table("rows"), table("old", database="archive")])
    assert value_or_none(first.places) == ("table public.old: envelope", "table public.rows: note")
    assert second.server == "postgres 127.0.0.1:5432/archive"


def test_without_the_right_to_list_it_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is no empty list; also where the credentials cannot be read."""

    def denied(_: object) -> PostgresStore:
        raise Denied("the credentials do not have the right")

    (unread,) = read_beside([table("rows")])
    assert isinstance(unread.places, Unknown)
    monkeypatch.setattr(beside, "store_at", denied)
    (refused,) = read_beside([bucket(tmp_path / "secret", "vault", "")])
    assert isinstance(refused.places, Unknown)
    assert "do not have the right" in refused.places.reason
