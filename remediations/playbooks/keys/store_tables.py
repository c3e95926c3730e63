"""What lies in the stores of the inventory and to which keys it is sealed, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import FindingTable
from remediations.playbooks.keys.reencryption_scope import stores_of, survey_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.inventory import Holds
from remediations.systems.stores.reading import StoreReading
from remediations.values.reading import Unknown

_MOST_ROWS, _SHOWN = 100, 8


def store_tables(keys: KeysSituation) -> Iterator[FindingTable]:
    """Each store, and each key that is named there; nothing where the inventory has no stores."""
    stores = stores_of(keys).stores
    if not stores:
        return
    yield FindingTable(
        title="stores",
        columns=("store", "versions", "envelopes", "cannot be read", "holds"),
        rows=tuple(_row(one) for one in stores),
    )
    rows = tuple(row for one in stores for row in _keys_of(keys, one))
    if rows:
        yield FindingTable(
            title="what is sealed to which key"
            + (f" (the first {_MOST_ROWS} of {len(rows)})" if len(rows) > _MOST_ROWS else ""),
            columns=("store", "key", "stands", "live", "former versions"),
            rows=rows[:_MOST_ROWS],
        )
    if beside := tuple(_beside(keys)):
        yield FindingTable(
            title="beside the declared places: not declared, not scanned",
            columns=("server", "what"),
            rows=beside[:_MOST_ROWS],
        )


def undeclared(keys: KeysSituation) -> Iterator[str]:
    """What nobody declared on the servers of the stores, for an approver: a sentence for each."""
    for one in stores_of(keys).beside:
        if isinstance(one.places, Unknown):
            yield f"what else {one.server} has is not known: {one.places.reason}"
        elif names := one.places.value:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            told = ", ".join(names[:_SHOWN])
            yield f"not declared, so not scanned, on {one.server}: {told}{more}"


def _beside(keys: KeysSituation) -> Iterator[tuple[str, ...]]:
    for one in stores_of(keys).beside:
        if isinstance(one.places, Unknown):
            yield (one.server, f"not known: {one.places.reason}")
        else:
            yield from ((one.server, name) for name in one.places.value)


def _row(store: StoreReading) -> tuple[str, ...]:
    declared = store.rules.holds
    holds = "declared to hold none" if declared is Holds.NOTHING else declared.value
    if isinstance(store.survey, Unknown):
        return (store.store, "?", "?", store.survey.reason, holds)
    seen = store.survey.value
    bad = str(seen.damaged + seen.unread)
    return (store.store, str(seen.versions), str(seen.envelopes), bad, holds)


def _keys_of(keys: KeysSituation, store: StoreReading) -> Iterator[tuple[str, ...]]:
    survey = survey_of(store)
    for one in () if survey is None else survey.keys:
        stands = _stands(keys, one.fingerprint)
        yield (store.store, one.fingerprint, stands, str(one.live), str(one.former))


def _stands(keys: KeysSituation, fingerprint: str) -> str:
    known = next((one for one in keys.reading.keys if one.fingerprint == fingerprint), None)
    if known is None:
        return "of no account of the inventory"
    return "revoked" if known.revoked_at else "rotated" if known.deprecated_at else "active"
