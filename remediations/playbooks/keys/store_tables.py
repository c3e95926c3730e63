"""What lies in the stores of the inventory and to which keys it is sealed, for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import FindingTable
from remediations.playbooks.keys.reencryption_scope import stores_of, survey_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.inventory import Holds
from remediations.systems.stores.reading import StoreReading
from remediations.values.reading import Unknown

_MOST_ROWS = 100


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
