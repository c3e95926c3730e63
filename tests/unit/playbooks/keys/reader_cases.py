"""Made readers, beside the made accounts and stores: two hosts that have the key that is out."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import msgspec

from remediations.engine.plan.build import deciding_facts
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.hosts.reading import HostLogin, HostsReading
from remediations.systems.hosts.values import RecordRoom, Session
from remediations.systems.keyfile.inventory import Form, ReaderEntry, Told
from remediations.systems.keyfile.planned import PlannedKeyFile
from remediations.systems.keyfile.reading import (
    KeptKey,
    KeyFile,
    KeyFilesReading,
    ReaderReading,
    ReaderUnit,
)
from remediations.systems.stores.reading import StoresReading
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import NEW_PRINT, OUT, reading
from tests.unit.playbooks.keys.store_cases import revoked, store, stores, survey

T = TypeVar("T")
BRANCHES = {one.name: one for one in PLAYBOOK.branches}
EMPTIED = stores(store(found=survey()))
"""Nothing is sealed to the key that is out."""
HOST = "reader1"
INVOCATION = "1" * 32
UNIT = ReaderUnit(
    load="loaded", active="active", sub="running", invocation=INVOCATION, changed_us=100,
    reloads=False,
)  # fmt: skip
FILE = KeyFile(flaw="", fingerprint=OUT, owner="vault", group="vault", mode="0440")


def known(value: T) -> Known[T]:
    """Something that was read."""
    return Known(value=value, source="made", at=reading().height.at)


def entry(**changes: object) -> ReaderEntry:
    """A reader of `vault` that is restarted."""
    made = ReaderEntry(
        account="vault", file="/etc/vault/reader.key", form=Form.HEX, owner="vault", group="vault",
        mode="0440", told=Told.RESTART, unit="vault.service", ready="", ready_within_s=60,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def kept(*fingerprints: str) -> Known[tuple[KeptKey, ...]]:
    """Keys that lie beside, each under its own name."""
    return known(tuple(KeptKey(name=one, fingerprint=one) for one in fingerprints))


def reader(
    host: str = HOST, *, told: ReaderEntry | None = None, **changes: object
) -> ReaderReading:
    """One with the key that is out, to which the new one was brought."""
    made = ReaderReading(
        host=host, entry=told or entry(), file=known(FILE), staged=kept(NEW_PRINT), former=kept(),
        unit=known(UNIT), ready=known("active"),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def unit(**changes: object) -> Known[ReaderUnit]:
    """Another state of its unit."""
    return known(msgspec.structs.replace(UNIT, **changes))


def with_file(**changes: object) -> ReaderReading:
    """The reader, with other things read of its file."""
    return reader(file=known(msgspec.structs.replace(FILE, **changes)))


def installed(host: str = HOST, **changes: object) -> ReaderReading:
    """One that has the new key, and keeps the old one beside it."""
    file = known(msgspec.structs.replace(FILE, fingerprint=NEW_PRINT))
    made = reader(host, file=file, staged=kept(), former=kept(OUT))
    return msgspec.structs.replace(made, **changes)


def hosts(*names: str, sudo: bool = True) -> HostsReading:
    """Hosts that can be acted on."""
    session = known(Session(
        user="ops", sudo=sudo, boot_id="b", machine_id="m", round_trip_ms=1, clock_offset_ms=0,
    ))  # fmt: skip
    records = known(RecordRoom(
        path="/var/lib/remediate", available=10**9, inodes_available=10**6,
        writable=True, exposed="",
    ))  # fmt: skip
    return HostsReading(
        hosts=tuple(HostLogin(host=name, session=session, records=records) for name in names)
    )


def readers(
    *those: ReaderReading, found: StoresReading | None = None, sudo: bool = True, **inputs: str
) -> KeysSituation:
    """The key is revoked, and these readers were read; two without words."""
    rows = those or (reader(), reader("reader2"))
    chosen = {key.replace("_", "-"): value for key, value in inputs.items()}
    made = revoked(found)
    kept_inputs = {key: value for key, value in {**made.inputs, **chosen}.items() if value}
    return replace(
        made,
        inputs=kept_inputs,
        readers=KeyFilesReading(hosts=rows),
        hosts=hosts(*(one.host for one in rows), sudo=sudo),
    )


def planned(keys: KeysSituation, branch: str = "install-key") -> list[PlannedKeyFile]:
    """What a plan does, in order."""
    proposal = BRANCHES[branch].propose(keys)
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposal)}
    return [
        PlannedKeyFile.from_data(action.data(facts, target)) for action, target in proposal.moves
    ]
