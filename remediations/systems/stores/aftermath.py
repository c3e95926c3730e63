"""What is in a store after it was sealed anew: gone through from its beginning, by whoever asks.

Nothing of what the job claims is taken but two things that can be tried: which version it wrote for
which object, and the tag of the content that it found under the old key.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.systems.stores.envelope import Envelope, parse
from remediations.systems.stores.inventory import Place
from remediations.systems.stores.job_directory import JobObject
from remediations.systems.stores.opening import store_at
from remediations.systems.stores.outcomes import Outcome
from remediations.systems.stores.sealing import (
    NotOpened,
    PrivateKey,
    open_envelope,
    open_without_key,
    tag_of,
)
from remediations.systems.stores.store import Absent, Store, StoreError, Version
from remediations.values.wire import decode

_LEDGER_BYTES = 4096 * MEGABYTE


@dataclass
class Aftermath:
    """Numbers of versions, and some names for people.

    `name_old` are live, `former_name_old` not: they name the old key, and it opens them, or is not
    here to be tried. `damaged` are those that may be envelopes and cannot be read, or name the old
    key and are not opened by it. `opened` name the new key and are opened by it, `closed` are not;
    `opened_by_old` are opened by the old one; `open_to_all` by anybody. `same` have the content
    that the job found, `changed` another one; `later` were written by somebody else since;
    `written` are all these.
    """

    versions: int = 0
    written: int = 0
    name_old: int = 0
    former_name_old: int = 0
    damaged: int = 0
    opened: int = 0
    closed: int = 0
    opened_by_old: int = 0
    open_to_all: int = 0
    same: int = 0
    changed: int = 0
    later: int = 0
    names: tuple[str, ...] = ()

    def note(self, name: str) -> None:
        """Keep a name for people, of the first few."""
        if len(self.names) < _SHOWN:
            self.names = (*self.names, name)


_SHOWN = 5


def read_ledger(path: Path) -> dict[tuple[str, str], str]:
    """The tag of what was sealed anew, by key and by the version that was written.

    Raises:
        RemediationError, OSError: it cannot be read.
        ValueError: a line is none of a job.
    """
    lines = read_trusted(path, limit=_LEDGER_BYTES).data.split(b"\n")
    objects = (decode(line, JobObject) for line in lines if line)
    return {
        (one.key, one.version): one.content
        for one in objects
        if one.version and one.outcome in (Outcome.DONE, Outcome.LOCKED)
    }


def look_after(
    place: Place, fingerprint: str, new: PrivateKey, old: PrivateKey | None,
    tags: dict[tuple[str, str], str],
) -> Aftermath:  # fmt: skip
    """Go through the store; `old` is None where the old private key is not at hand any more.

    Raises:
        StoreError: it could not be gone through.
    """
    found = Aftermath(written=len(tags))
    with closing(store_at(place)) as store:
        rows = {(one.key, one.version, one.is_live) for one in _listed(store)}
        for key, version, is_live in sorted(rows):
            found.versions += 1
            try:
                data = store.read(key, version).data
            except Absent:
                continue
            except StoreError:
                found.damaged += 1
                found.note(key)
                continue
            _judge(found, data, key, fingerprint, new, old, is_live=is_live)
        _compare(found, store, new, tags, {key for key, _, is_live in rows if is_live})
    return found


def _listed(store: Store) -> Iterable[Version]:
    return (one for one in store.versions() if not one.is_marker)


def _judge(
    found: Aftermath, data: bytes, key: str, fingerprint: str, new: PrivateKey,
    old: PrivateKey | None, *, is_live: bool,
) -> None:  # fmt: skip
    envelope = parse(data)
    if not isinstance(envelope, Envelope):
        if envelope.outcome is Outcome.DAMAGED:
            found.damaged += 1
            found.note(key)
        return
    if fingerprint in envelope.recipients:
        found.note(key)
        if old is not None and isinstance(open_envelope(envelope, old), NotOpened):
            found.damaged += 1
        elif is_live:
            found.name_old += 1
        else:
            found.former_name_old += 1
        return
    if new.fingerprint not in envelope.recipients:
        return
    if isinstance(open_envelope(envelope, new), NotOpened):
        found.closed += 1
        found.note(key)
    else:
        found.opened += 1
    found.open_to_all += open_without_key(envelope) is not None
    if old is not None:
        found.opened_by_old += not isinstance(open_envelope(envelope, old), NotOpened)


def _compare(
    found: Aftermath, store: Store, new: PrivateKey, tags: dict[tuple[str, str], str],
    live: Collection[str],
) -> None:  # fmt: skip
    for (key, version), tag in tags.items():
        if key not in live:
            found.later += 1  # somebody has deleted it
            continue
        stored = store.live(key)
        envelope = parse(stored.data)
        if stored.version != version or not isinstance(envelope, Envelope):
            found.later += 1
            continue
        opened = open_envelope(envelope, new)
        if not isinstance(opened, NotOpened) and tag_of(opened.content, new) == tag:
            found.same += 1
        else:
            found.changed += 1
            found.note(key)
