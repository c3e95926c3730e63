"""Made stores, beside the made accounts: what was found in them, and what seals anew here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.inventory import FilesPlace, PlaceRules, place_text
from remediations.systems.stores.reading import (
    KeyCount,
    KeyFileReading,
    ReencryptReading,
    StoreReading,
    StoresReading,
    StoreSurvey,
)
from remediations.systems.stores.reencrypt_section import Several
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import (
    NEW_PRINT,
    OUT,
    VAULT,
    reading,
    situation,
    unknown,
    with_account,
)

TARGET = "store/vault"
StoresChange = Callable[[StoresReading], StoresReading]


def key_count(**changes: int) -> KeyCount:
    """Five versions that readers get name the key that is out."""
    fields = {"live": 5, "former": 0, "several": 0, **changes}
    return KeyCount(fingerprint=OUT, root="ab" * 32, **fields)


def survey(*keys: KeyCount, **changes: int) -> StoreSurvey:
    """A store of ten versions."""
    counts = {
        "versions": 10, "envelopes": 7, "several": 0, "foreign": 3, "damaged": 0, "unread": 0,
        "markers": 0, **changes,
    }  # fmt: skip
    return StoreSurvey(root="cd" * 32, keys=keys, **counts)


def store(name: str = "vault", found: StoreSurvey | None = None, **rules: object) -> StoreReading:
    """One that was gone through."""
    decided = msgspec.convert(rules, PlaceRules)
    place = FilesPlace(name=name, path=f"/srv/{name}", rules=decided)
    known = Known(
        value=survey(key_count()) if found is None else found,
        source="files",
        at=reading().height.at,
    )
    return StoreReading(store=name, place=place_text(place), rules=decided, survey=known)


def locked_store(**rules: object) -> StoreReading:
    """A chain's own state, in which five envelopes name the key."""
    made = store("scopes", survey(key_count()), **rules)
    return msgspec.structs.replace(made, is_locked=True)


def key_file(name: str, fingerprint: str) -> KeyFileReading:
    """One that was read; one that was not, where the fingerprint is ""."""
    known = Known(value=fingerprint, source="key file", at=reading().height.at)
    return KeyFileReading(
        name=name, file=f"/k/{name}", backup="/b", fingerprint=known if fingerprint else unknown()
    )


def ours(**changes: object) -> ReencryptReading:
    """What seals anew here: on the named machine, with both keys."""
    found = ReencryptReading(
        machine="vault-1", here="vault-1", flaw="", running=(), several=Several.REFUSE,
        limits="nice 10", keys=(key_file("old", OUT), key_file("new", NEW_PRINT)),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def stores(*those: StoreReading, **changes: object) -> StoresReading:
    """One store, or those."""
    return StoresReading(stores=those or (store(),), reencrypt=ours(**changes))


def unread_store() -> StoreReading:
    """One that did not answer."""
    return msgspec.structs.replace(store(), survey=unknown())


def revoked(
    found: StoresReading | None = None, *, revoked_at: int = 1796019300, new_active: bool = True,
    **inputs: str,
) -> KeysSituation:  # fmt: skip
    """The key is revoked, the new one is registered by the same owner, and stores were read."""
    vault = reading().accounts[0]
    assert isinstance(vault.keys, Known)
    out, gone = vault.keys.value
    new = msgspec.structs.replace(
        out, fingerprint=NEW_PRINT, public_key=bytes(range(1, 33)).hex(), address=VAULT
    )
    keys = (msgspec.structs.replace(out, revoked_at=revoked_at), gone)
    change = with_account(
        keys=msgspec.structs.replace(vault.keys, value=(*keys, new) if new_active else keys)
    )
    made = situation(change, **inputs)
    return replace(made, stores=stores() if found is None else found)
