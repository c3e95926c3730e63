"""What `remediate doctor` says of `stores` and of readers: what sealing anew would lack."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.doctor.line import DoctorLine, Urgency, lack_line, ok_line, warn_line
from remediations.playbooks.keys.finding import NAME
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.reading import KeyFile, KeyFilesReading, ReaderReading
from remediations.systems.stores.reading import (
    KeyFileReading,
    ReencryptReading,
    StoreReading,
    StoresReading,
)
from remediations.values.reading import Unknown, value_or_none

_STORES, _READERS = "docs/stores.md", "docs/key-files.md"
_REENCRYPT = "docs/reencrypt.md#the-inventory"


def store_lines(stores: StoresReading) -> Iterator[DoctorLine]:
    """Each store, and the machine, the directory and the private keys of sealing anew."""
    for store in stores.stores:
        yield _store(store)
    if stores.reencrypt is None:
        mend = f"`stores.reencrypt` on the machine where private keys may be opened ({_REENCRYPT})"
        yield warn_line(NAME, "stores.reencrypt", "nobody seals anew: it is not declared", mend)
    else:
        yield from _reencrypt(stores.reencrypt)


def _store(store: StoreReading) -> DoctorLine:
    """Whether it can be gone through, and whether something there cannot be read."""
    survey = store.survey
    if isinstance(survey, Unknown):
        mend = f"correct `stores.places.{store.store}`, its credentials or its server ({_STORES})"
        return lack_line(NAME, store.target, survey.reason, mend)
    found = survey.value
    bad, most = found.damaged + found.unread, store.rules.accept_damaged
    if bad > most:
        return warn_line(
            NAME,
            store.target,
            f"{bad} of {found.versions} versions cannot be read, {most} are accepted",
            f"restore them, or accept their number: `accept_damaged` ({_REENCRYPT})",
        )
    return ok_line(
        NAME, store.target, f"{found.versions} versions, {found.envelopes} envelopes were read"
    )


def _reencrypt(ours: ReencryptReading) -> Iterator[DoctorLine]:
    """Elsewhere than on its machine no key is looked at."""
    topic = "stores.reencrypt"
    if ours.here != ours.machine:
        found = f"keys are opened on {ours.machine} alone, and this is {ours.here}"
        yield warn_line(NAME, topic, found, f"`remediate doctor` on {ours.machine}")
        return
    if ours.flaw:
        mend = f"a directory of yours with mode 0700 ({_REENCRYPT})"
        yield lack_line(NAME, topic, ours.flaw, mend, urgency=Urgency.FIRST)
    else:
        running = f"; running: {', '.join(ours.running)}" if ours.running else ""
        yield ok_line(NAME, topic, f"{ours.machine}, {ours.limits}{running}")
    for key in ours.keys:
        yield _private_key(key)


def _private_key(key: KeyFileReading) -> DoctorLine:
    topic = f"private key {key.name}"
    if isinstance(key.fingerprint, Unknown):
        mend = f"correct `stores.reencrypt.private_keys.{key.name}`, or its file ({_REENCRYPT})"
        return lack_line(NAME, topic, key.fingerprint.reason, mend)
    backup = "no backup named" if key.backup is None else f"backup {key.backup}"
    return ok_line(NAME, topic, f"{key.fingerprint.value}, {backup}")


def reader_lines(readers: KeyFilesReading) -> Iterator[DoctorLine]:
    """Each host that reads with a key of an account."""
    for one in readers.hosts:
        yield _reader(one)


def _reader(reader: ReaderReading) -> DoctorLine:
    """The first thing that would be refused, or which key it has."""
    topic, entry = f"reader {reader.host}", reader.entry
    file, unit = reader.file, reader.unit
    if isinstance(file, Unknown):
        return lack_line(NAME, topic, f"{entry.file}: {file.reason}", f"docs/sudo.md; {_READERS}")
    if flaw := _flaw(file.value):
        mend = f"its owner, its mode and those of the directories above ({_READERS})"
        return lack_line(NAME, topic, f"{entry.file}: {flaw}", mend)
    if entry.told is not Told.READS_EACH_TIME and isinstance(unit, Unknown):
        mend = f"correct the `unit` of this reader ({_READERS})"
        return lack_line(NAME, topic, f"{entry.unit}: {unit.reason}", mend)
    brought = ", ".join(key.fingerprint for key in value_or_none(reader.staged) or ())
    more = f"; brought there: {brought}" if brought else ""
    return ok_line(NAME, topic, f"{entry.file} has {file.value.fingerprint}{more}")


def _flaw(file: KeyFile) -> str:
    return file.flaw or ("" if file.fingerprint else "no key of the declared form is in it")
