"""One look at the stores of an inventory: each by itself, within its time, and reading only."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from remediations.engine.system import LookRequest
from remediations.errors import RemediationError
from remediations.reach.background import run_in_thread
from remediations.systems.stores.beside import WHYS, read_beside
from remediations.systems.stores.inventory import ChainPlace, Place, place_text, stores_of
from remediations.systems.stores.job_directory import jobs_in
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.private_key import read_private_key
from remediations.systems.stores.reading import (
    KeyCount,
    KeyFileReading,
    ReencryptReading,
    StoreReading,
    StoresReading,
    StoreSurvey,
)
from remediations.systems.stores.reencrypt_section import KeyFile, ReencryptEntry
from remediations.systems.stores.scope import Scope, ScopeEntry
from remediations.systems.stores.store import Absent, Store, StoreError
from remediations.systems.stores.survey import Kind, survey
from remediations.values.known_secrets import without_secrets
from remediations.values.part import Kinded
from remediations.values.reading import Known, Reading, Unknown, Why

_ALL = ""
_AT_ONCE = 4
"""Stores that are gone through at the same time."""

_WHYS: Mapping[type[StoreError], Why] = MappingProxyType({**WHYS, Absent: Why.ABSENT})


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
    beside = await run_in_thread(read_beside, entry.places)
    ours = None if entry.reencrypt is None else await run_in_thread(_reencrypt, entry.reencrypt)
    return (StoresReading(stores=tuple(read), reencrypt=ours, beside=beside),)


def _reencrypt(entry: ReencryptEntry) -> ReencryptReading:
    jobs = jobs_in(Path(entry.directory))
    rates = [
        f"at most {count} {unit} a second"
        for count, unit in ((entry.objects_per_s, "objects"), (entry.mebibytes_per_s, "MiB"))
        if count
    ]
    return ReencryptReading(
        machine=entry.machine,
        here=socket.gethostname(),
        flaw=jobs.flaw,
        running=jobs.running if not jobs.flaw else (),
        several=entry.several,
        limits=", ".join([*rates, f"nice {entry.nice}"]),
        keys=tuple(_key_file(file) for file in entry.private_keys),
    )


def _key_file(file: KeyFile) -> KeyFileReading:
    source, at = f"key file {file.name}", datetime.now(UTC)
    fingerprint: Reading[str]
    try:
        key = read_private_key(file)
        fingerprint = Known(value=key.fingerprint, source=source, at=at)
    except StoreError as error:
        why = _WHYS.get(type(error), Why.FAILED)
        reason = without_secrets(str(error))
        fingerprint = Unknown(why=why, reason=reason, source=source, at=at)
    return KeyFileReading(
        name=file.name, file=file.file, backup=file.backup, fingerprint=fingerprint
    )


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
    return _reading(place, Known(value=seen, source=source, at=at))


def _reading(place: Place, survey: Reading[StoreSurvey]) -> StoreReading:
    return StoreReading(
        store=place.name,
        place=place_text(place),
        rules=place.rules,
        is_locked=isinstance(place, ChainPlace),
        survey=survey,
    )


def _unread(place: Place, why: Why, reason: str, source: str, at: datetime) -> StoreReading:
    said = without_secrets(reason)
    return _reading(place, Unknown(why=why, reason=said, source=source, at=at))


def _surveyed(store: Store, until: float) -> StoreSurvey:
    kinds: Counter[Kind] = Counter()
    live: Counter[str] = Counter()
    several: Counter[str] = Counter()
    entries: list[ScopeEntry] = []
    named: defaultdict[str, list[ScopeEntry]] = defaultdict(list)
    for one in survey(store):
        if time.monotonic() > until:
            raise _TimeUp
        kinds[one.kind] += 1
        if one.kind is Kind.ENVELOPE:
            entry = ScopeEntry(object=one.object, sha256=one.sha256)
            entries.append(entry)
            for key in set(one.recipients):
                named[key].append(entry)
                live[key] += one.is_live
                several[key] += len(one.recipients) > 1
            several[_ALL] += len(one.recipients) > 1
    return StoreSurvey(
        versions=kinds.total(),
        envelopes=kinds[Kind.ENVELOPE],
        several=several[_ALL],
        foreign=kinds[Kind.FOREIGN],
        damaged=kinds[Kind.DAMAGED],
        unread=kinds[Kind.UNREAD] + kinds[Kind.GONE],
        markers=kinds[Kind.MARKER],
        root=Scope(entries).summary.root,
        keys=tuple(
            KeyCount(
                fingerprint=one,
                live=live[one],
                former=len(named[one]) - live[one],
                several=several[one],
                root=Scope(named[one]).summary.root,
            )
            for one in sorted(named)
        ),
    )
