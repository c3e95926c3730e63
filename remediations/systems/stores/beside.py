"""What lies on the same servers beside the places that are declared: by name, and not looked into.

A scan finds envelopes where somebody says that there may be some. Who forgot a bucket, a prefix of
one, a database or a table is told of it here: what is not declared is not scanned, and "all of it"
is about what was declared. A directory has no server that could be asked for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType

from remediations.errors import RemediationError
from remediations.systems.stores.inventory import BucketPlace, Place, TablePlace
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.postgres import PostgresStore
from remediations.systems.stores.reading import Beside
from remediations.systems.stores.s3 import S3Store
from remediations.systems.stores.store import (
    AllDenied,
    Denied,
    Malformed,
    NotReachable,
    StoreError,
    TooLarge,
)
from remediations.values.known_secrets import without_secrets
from remediations.values.reading import Known, Unknown, Why

WHYS: Mapping[type[StoreError], Why] = MappingProxyType(
    {
        AllDenied: Why.DENIED,
        Denied: Why.DENIED,
        Malformed: Why.MALFORMED,
        NotReachable: Why.UNREACHABLE,
        TooLarge: Why.TOO_LARGE,
    }
)


def read_beside(places: Sequence[Place]) -> tuple[Beside, ...]:
    """What lies beside the declared places of each bucket, S3 server, and database, in the
    inventory's order; each is asked once. Never raises for what a server does."""
    buckets = [one for one in places if isinstance(one, BucketPlace)]
    tables = [one for one in places if isinstance(one, TablePlace)]
    asked: dict[str, Callable[[], Iterator[str]]] = {}
    for one in buckets:
        there = [other for other in buckets if other.endpoint == one.endpoint]
        asked.setdefault(f"s3 {one.endpoint}", partial(_s3, one, there))
    for at in tables:
        those = [other for other in tables if (other.host, other.port) == (at.host, at.port)]
        asked.setdefault(
            f"postgres {at.host}:{at.port}/{at.database}", partial(_postgres, at, those)
        )
    return tuple(_read(server, names) for server, names in asked.items())


def _read(server: str, names: Callable[[], Iterator[str]]) -> Beside:
    at = datetime.now(UTC)
    try:
        return Beside(
            server=server, places=Known(value=tuple(sorted(set(names()))), source=server, at=at)
        )
    except StoreError as error:
        why, said = WHYS.get(type(error), Why.FAILED), str(error)
    except RemediationError as error:
        why, said = Why.REFUSED, f"{error.what}: {error.got}"
    reason = without_secrets(said)
    return Beside(server=server, places=Unknown(why=why, reason=reason, source=server, at=at))


def _s3(one: BucketPlace, places: Sequence[BucketPlace]) -> Iterator[str]:
    """Other buckets, and what is beside the declared prefixes of each declared one."""
    declared: dict[str, list[str]] = {}
    for place in places:
        declared.setdefault(place.bucket, []).append(place.prefix)
    store = store_at(one)
    assert isinstance(store, S3Store), "it is a bucket"
    with closing(store):
        yield from (f"bucket {name}" for name in store.buckets() if name not in declared)
        for bucket, prefixes in declared.items():
            if "" in prefixes:
                continue
            for name in store.top_of(bucket):
                if any(name.startswith(prefix) for prefix in prefixes):
                    continue
                partly = [prefix for prefix in prefixes if prefix.startswith(name)]
                what = name if name.endswith("/") else "objects at its top"
                yield f"bucket {bucket}: {what}{f' beyond {partly[0]}' if partly else ''}"


def _postgres(at: TablePlace, places: Sequence[TablePlace]) -> Iterator[str]:
    """Other databases, and other columns of the declared one that could have envelopes."""
    databases = {place.database for place in places}
    known = {(place.table, place.value_column) for place in places if place.database == at.database}
    store = store_at(at)
    assert isinstance(store, PostgresStore), "it is a table"
    with closing(store):
        yield from (f"database {one}" for one in store.databases() if one not in databases)
        for table, column in store.columns():
            if (table, column) not in known and (table, column) != (at.table, at.key_column):
                yield f"table {table}: {column}"
