"""Proves, before the first object is written, that it can be undone by nobody but the new reader.

1. The new key opens what is sealed to its public half: from the form in which it is stored, and
   from its backup, each read from disk anew. A key that lives in memory only has sealed everything
   away (docs/stores.md#sealing-anew).
2. The store refuses a write under a wrong condition, on a scratch object. Servers exist that answer
   200 to a condition that they ignore.
3. The store shows all that it has: two listings are one set.
"""

from __future__ import annotations

import secrets

from remediations.systems.stores.private_key import find_private_key, read_private_key
from remediations.systems.stores.reencrypt_section import KeyFile, ReencryptEntry
from remediations.systems.stores.sealing import Opened, PrivateKey, open_envelope, seal
from remediations.systems.stores.store import Malformed, Store
from remediations.systems.stores.survey import listed_alike
from remediations.values.secret import Secret

_CANARY_BYTES = 32


def prove(store: Store, entry: ReencryptEntry, new: PrivateKey) -> str:
    """What was proven, in one line.

    Raises:
        StoreError: it could not be, and why.
    """
    found = find_private_key(entry.private_keys, new.fingerprint)
    if found is None:
        raise Malformed(f"no file has the private key {new.fingerprint}")
    file, _ = found
    _opens(file, new, backup=False)
    if file.backup is not None:
        _opens(file, new, backup=True)
    able = store.probe()
    if not able.is_conditional:
        raise Malformed(f"{store.name} does not refuse wrong conditions: {'; '.join(able.lacks)}")
    if not able.shows_all:
        raise Malformed(f"{store.name} does not show all that it has: {'; '.join(able.lacks)}")
    listed_alike(store)
    stored = "from its file and its backup" if file.backup else "from its file (no backup named)"
    versions = "keeps former versions" if able.keeps_versions else "keeps no former versions"
    return (
        f"{new.fingerprint[:12]} opens a canary, {stored}; {store.name} refuses wrong conditions, "
        f"{versions}, lists the same twice"
    )


def _opens(file: KeyFile, new: PrivateKey, *, backup: bool) -> None:
    """Seal a canary to the public half, and open it with the key as it is stored."""
    canary = Secret(secrets.token_bytes(_CANARY_BYTES), "canary")
    stored = read_private_key(file, backup=backup)
    opened = open_envelope(seal(canary, new.public), stored)
    if not isinstance(opened, Opened) or opened.content != canary:
        where = file.backup if backup else file.file
        raise Malformed(f"{where} does not open what is sealed to {new.fingerprint}")
