"""What `remediate doctor` says of `stores` and of readers: each store, who seals anew, with which
keys, and whether each reader's file can be told apart. Whoever has never tried them finds out when
a key is out."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.doctor.line import DoctorLine, Urgency, lack_line, ok_line, warn_line
from remediations.playbooks.keys.finding import NAME
from remediations.systems.keyfile.reading import KeyFilesReading, ReaderReading
from remediations.systems.stores.inventory import Holds
from remediations.systems.stores.reading import (
    Beside,
    KeyFileReading,
    ReencryptReading,
    StoreReading,
    StoresReading,
)
from remediations.values.reading import Unknown

_SEE, _STORES, _READERS = "docs/reencrypt.md", "docs/stores.md", "docs/key-files.md"


def store_lines(stores: StoresReading) -> Iterator[DoctorLine]:
    """What of it works, and what would be refused. Elsewhere than on their machine stores are not
    looked at."""
    ours = stores.reencrypt
    if ours is not None and ours.here != ours.machine:
        found = f"stores are gone through on {ours.machine}, and this is {ours.here}"
        yield warn_line(NAME, "sealing anew", found, f"`remediate doctor` on {ours.machine}")
        return
    for store in stores.stores:
        yield _store(store)
    for beside in stores.beside:
        if (line := _beside(beside)) is not None:
            yield line
    if ours is None:
        mend = f"`stores.reencrypt`, before a key is out ({_SEE})"
        yield warn_line(NAME, "sealing anew", "nobody is named who seals anew", mend)
    else:
        yield from _reencrypt(ours)


def _store(store: StoreReading) -> DoctorLine:
    topic, where = store.target, f"`stores.places.{store.store}`"
    if isinstance(store.survey, Unknown):
        return lack_line(NAME, topic, store.survey.reason, f"mend that, or {where} ({_STORES})")
    seen, rules = store.survey.value, store.rules
    found = f"{seen.versions} versions, {seen.envelopes} envelopes"
    bad = seen.damaged + seen.unread
    if bad > rules.accept_damaged:
        mend = f"restore them, or `accept_damaged` of {where}: R20 refuses a plan else"
        return warn_line(NAME, topic, f"{found}, {bad} that cannot be read", mend)
    if bool(seen.envelopes) is (rules.holds is Holds.NOTHING):
        mend = f"correct `holds` of {where}: R24 refuses a plan else"
        return warn_line(NAME, topic, f"{found}, declared to hold {rules.holds.value}", mend)
    return ok_line(NAME, topic, found)


def _beside(beside: Beside) -> DoctorLine | None:
    if isinstance(beside.places, Unknown):
        mend = "give the user the right to list, or look for yourself what else is there"
        return warn_line(NAME, beside.server, f"beside: {beside.places.reason}", mend)
    if not beside.places.value:
        return None
    found = f"{len(beside.places.value)} beside the declared places are not scanned"
    mend = f"`remediate diagnose keys` names them; declare them, `holds: nothing` ({_STORES})"
    return warn_line(NAME, beside.server, found, mend)


def _reencrypt(ours: ReencryptReading) -> Iterator[DoctorLine]:
    if ours.flaw:
        mend = f"a directory of yours with mode 0700: `stores.reencrypt.directory` ({_SEE})"
        yield lack_line(NAME, "sealing anew", ours.flaw, mend, urgency=Urgency.FIRST)
    else:
        yield ok_line(NAME, "sealing anew", f"{ours.machine}, its directory is yours alone")
    for file in ours.keys:
        yield _key(file)


def _key(file: KeyFileReading) -> DoctorLine:
    topic, where = f"key {file.name}", f"`stores.reencrypt.private_keys.{file.name}`"
    if isinstance(file.fingerprint, Unknown):
        return lack_line(NAME, topic, file.fingerprint.reason, f"correct {where} ({_SEE})")
    found = f"{file.file} is {file.fingerprint.value}"
    if file.backup is None:
        return warn_line(NAME, topic, f"{found}, without a backup", f"`backup` of {where}")
    return ok_line(NAME, topic, f"{found}, with a backup")


def reader_lines(readers: KeyFilesReading) -> Iterator[DoctorLine]:
    """Each reader: which key its file has, and whether its unit can be told."""
    for one in readers.hosts:
        yield _reader(one)


def _reader(one: ReaderReading) -> DoctorLine:
    topic = f"reader {one.host}"
    if isinstance(one.file, Unknown):
        return lack_line(NAME, topic, one.file.reason, f"`key-file` of {one.host} ({_READERS})")
    file, entry = one.file.value, one.entry
    if file.flaw or not file.fingerprint:
        found = file.flaw or f"{entry.file} has no key in the form {entry.form}"
        return lack_line(NAME, topic, found, f"mend it, or `key-file` of {one.host} ({_READERS})")
    if (file.owner, file.group, file.mode) != (entry.owner, entry.group, entry.mode):
        found = f"{entry.file} is {file.owner}:{file.group} {file.mode}"
        mend = f"chown {entry.owner}:{entry.group}, chmod {entry.mode}, or correct the inventory"
        return warn_line(NAME, topic, found, mend)
    if isinstance(one.unit, Unknown) and entry.unit:
        return lack_line(NAME, topic, f"{entry.unit}: {one.unit.reason}", f"see {_READERS}")
    return ok_line(NAME, topic, f"{entry.file} is {file.fingerprint}")
