"""One look at the stores of an inventory: each by itself, within its time, and reading only."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from remediations.engine.system import LookRequest
from remediations.errors import RemediationError
from remediations.files.trusted import read_trusted
from remediations.reach.background import run_in_thread
from remediations.systems.stores.file_tree import FileTree
from remediations.systems.stores.inventory import (
    BucketPlace,
    FilesPlace,
    Place,
    Tls,
    stores_of,
)
from remediations.systems.stores.postgres import PostgresStore, Table
from remediations.systems.stores.reading import (
    KeyCount,
    StoreReading,
    StoresReading,
    StoreSurvey,
)
from remediations.systems.stores.s3 import Bucket, S3Store
from remediations.systems.stores.scope import Scope, ScopeEntry
from remediations.systems.stores.store import (
    Absent,
    Denied,
    Malformed,
    NotReachable,
    Store,
    StoreError,
    TooLarge,
)
from remediations.systems.stores.survey import Kind, survey
from remediations.values.part import Kinded
from remediations.values.reading import Known, Unknown, Why
from remediations.values.secret import Secret

_SECRET_BYTES = 4096
_OTHERS_READ = 0o077
_AT_ONCE = 4
"""Stores that are gone through at the same time."""

_WHYS: dict[type[StoreError], Why] = {
    Absent: Why.ABSENT,
    Denied: Why.DENIED,
    Malformed: Why.MALFORMED,
    NotReachable: Why.UNREACHABLE,
    TooLarge: Why.TOO_LARGE,
}


class _TimeUp(StoreError):
    """The store was not gone through in its time."""


async def look_at_stores(look: LookRequest) -> Sequence[Kinded]:
    """All stores of the inventory. Never raises for what a store does."""
    entry = stores_of(look.inventory)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(place: Place) -> StoreReading:
        async with turns:
            return await run_in_thread(read_store, place, entry.read_within_s)

    read = await asyncio.gather(*(one(place) for place in entry.places))
    return (StoresReading(stores=tuple(read)),)


def read_store(place: Place, within_s: int) -> StoreReading:
    """Go through one store, or say why it could not be gone through."""
    source, at = f"{type(place).__struct_config__.tag} {place.name}", datetime.now(UTC)
    try:
        with closing(store_at(place)) as store:
            seen = _surveyed(store, time.monotonic() + within_s)
    except _TimeUp:
        said = f"not gone through within {within_s} s (read_within_seconds)"
        return _unread(place, Why.TIME_LIMIT, said, source, at)
    except StoreError as error:
        return _unread(place, _WHYS.get(type(error), Why.FAILED), str(error), source, at)
    except RemediationError as error:
        return _unread(place, Why.REFUSED, f"{error.what}: {error.got}", source, at)
    return StoreReading(store=place.name, survey=Known(value=seen, source=source, at=at))


def _unread(place: Place, why: Why, reason: str, source: str, at: datetime) -> StoreReading:
    unknown = Unknown(why=why, reason=reason, source=source, at=at)
    return StoreReading(store=place.name, survey=unknown)


def store_at(place: Place) -> Store:
    """The adapter for a store of the inventory. Credentials are read here, when they are needed.

    Raises:
        StoreError: its credentials cannot be read.
        RemediationError: somebody else could have written them.
    """
    if isinstance(place, FilesPlace):
        return FileTree(place.name, Path(place.path))
    if isinstance(place, BucketPlace):
        return S3Store(
            place.name,
            Bucket(
                endpoint=place.endpoint,
                bucket=place.bucket,
                prefix=place.prefix,
                region=place.region,
                access_key=place.access_key,
                secret_key=_secret_in(place.secret_key_file),
                ca_file=place.ca_file,
            ),
        )
    schema, _, table = place.table.partition(".")
    return PostgresStore(
        place.name,
        Table(
            host=place.host,
            port=place.port,
            database=place.database,
            user=place.user,
            password=_secret_in(place.password_file),
            schema=schema,
            table=table,
            key_column=place.key_column,
            value_column=place.value_column,
            sslmode="disable" if place.tls is Tls.NONE else "verify-full",
            ca_file=place.ca_file,
        ),
    )


def _secret_in(path: str) -> Secret:
    """The one line of a file that nobody else reads."""
    try:
        if os.stat(path).st_mode & _OTHERS_READ:  # noqa: PTH116 - with the path as it is told
            raise Denied(f"{path} can be read by others: chmod 600")
        data = read_trusted(Path(path), limit=_SECRET_BYTES).data
    except OSError as error:
        raise Absent(f"{path}: {os.strerror(error.errno or 0)}") from None
    value = data.removesuffix(b"\n")
    try:
        value.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed(f"{path} is not one line of ASCII") from None
    if not value or b"\n" in value or b"\0" in value:
        raise Malformed(f"{path} is not one line of ASCII")
    return Secret(value, path)


def _surveyed(store: Store, until: float) -> StoreSurvey:
    kinds: Counter[Kind] = Counter()
    live: Counter[str] = Counter()
    former: Counter[str] = Counter()
    entries: list[ScopeEntry] = []
    several = 0
    for one in survey(store):
        if time.monotonic() > until:
            raise _TimeUp
        kinds[one.kind] += 1
        if one.kind is Kind.ENVELOPE:
            entries.append(ScopeEntry(object=one.object, sha256=one.sha256))
            (live if one.is_live else former).update(one.recipients)
            several += len(one.recipients) > 1
    return StoreSurvey(
        versions=kinds.total(),
        envelopes=kinds[Kind.ENVELOPE],
        several=several,
        foreign=kinds[Kind.FOREIGN],
        damaged=kinds[Kind.DAMAGED],
        unread=kinds[Kind.UNREAD] + kinds[Kind.GONE],
        markers=kinds[Kind.MARKER],
        root=Scope(entries).summary.root,
        keys=tuple(
            KeyCount(fingerprint=one, live=live[one], former=former[one])
            for one in sorted(live.keys() | former.keys())
        ),
    )
