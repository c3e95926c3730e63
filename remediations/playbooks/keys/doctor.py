"""What `remediate doctor` says of `keys`: endpoints, clock, events, accounts, the directory; and of
`sessions`, `stores` and readers."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from remediations.engine.doctor.examination import Doctor, Examination
from remediations.engine.doctor.line import DoctorLine, Urgency, lack_line, ok_line, warn_line
from remediations.engine.observe.observation import Observation
from remediations.errors import RemediationError
from remediations.files.trusted import check_directory
from remediations.playbooks.keys.finding import NAME
from remediations.playbooks.keys.sessions_doctor import session_lines
from remediations.playbooks.keys.stores_doctor import reader_lines, store_lines
from remediations.reach.background import run_in_thread
from remediations.reach.connection import Reach
from remediations.systems.keyfile.reading import KeyFilesReading
from remediations.systems.sessions.reading import SessionsReading
from remediations.systems.stores.reading import StoresReading
from remediations.systems.transactions.inventory import KeysEntry, Signer
from remediations.systems.transactions.sent import SIGNED
from remediations.systems.transactions.values import AccountReading, KeysReading
from remediations.values.inventory import Inventory
from remediations.values.reading import Unknown, value_or_none

CLOCK_S = 60
"""A clock that is further away than that from the last block, in seconds. Expiry of grants and the
age of what is read are told by it."""
_TWO = 2
_OTHERS = 0o077


async def _ask(_reach: Reach, observation: Observation) -> tuple[DoctorLine, ...]:
    """How the directory of transactions stands. It is changed by nothing here."""
    part = observation.part(KeysReading.KIND)
    if part is None:
        return ()
    directory = Path(part.read(KeysReading).section.directory)
    return await run_in_thread(directory_lines, directory)


def directory_lines(directory: Path) -> tuple[DoctorLine, ...]:
    """The directory, and the one for what is signed."""
    return (_directory(directory), _directory(directory / SIGNED))


def _directory(path: Path) -> DoctorLine:
    make = f"mkdir -p -m 0700 {path}"
    try:
        check_directory(path)
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return lack_line(NAME, "directory", f"{path} is not there", make)
    except RemediationError as error:
        found = f"{error.what}: {error.got}"
        return lack_line(NAME, "directory", found, error.next_step, urgency=Urgency.FIRST)
    except OSError as error:
        return lack_line(NAME, "directory", f"{path}: {error.strerror}", make)
    if mode & _OTHERS:
        found = f"{path} has mode {mode:04o}: others may read which key is out, before it is told"
        return warn_line(NAME, "directory", found, f"chmod 0700 {path}")
    return ok_line(NAME, "directory", f"{path}, mode {mode:04o}")


def _lines(
    _inventory: Inventory,
    examination: Examination,
    asked: Any,  # noqa: ANN401 - what `_ask` gave
) -> Sequence[DoctorLine]:
    part = examination.observation.part(KeysReading.KIND)
    if part is None:
        return ()
    return (*lines_of(part.read(KeysReading)), *(asked or ()), *_more(examination.observation))


def _more(observation: Observation) -> Iterator[DoctorLine]:
    """Of what an inventory need not have."""
    if (sessions := observation.part(SessionsReading.KIND)) is not None:
        yield from session_lines(sessions.read(SessionsReading))
    if (stores := observation.part(StoresReading.KIND)) is not None:
        yield from store_lines(stores.read(StoresReading))
    if (readers := observation.part(KeyFilesReading.KIND)) is not None:
        yield from reader_lines(readers.read(KeyFilesReading))


def lines_of(reading: KeysReading) -> Iterator[DoctorLine]:
    """What was read, topic by topic."""
    yield from _endpoints(reading)
    yield from _clock(reading)
    events = reading.events
    if isinstance(events, Unknown):
        mend = '`indexer = "kv"` in config.toml of one RPC under `keys.endpoints`, then its restart'
        yield lack_line(NAME, "events", events.reason, mend)
    else:
        yield ok_line(NAME, "events", f"{len(events.value)} of keys, of transactions and of blocks")
    for account in reading.accounts:
        yield from _account(reading.section, account)
    for topic, grants in (("grants", reading.grants), ("grants of others", reading.others_grants)):
        if isinstance(grants, Unknown):
            mend = "name the owners under `keys.accounts`: those are asked for one by one"
            yield warn_line(NAME, topic, grants.reason, mend)
    if isinstance(reading.signed, Unknown):
        yield lack_line(NAME, "signed transactions", reading.signed.reason, "chmod u+rx it")


def _endpoints(reading: KeysReading) -> Iterator[DoctorLine]:
    for one in reading.endpoints:
        topic = f"endpoint {one.endpoint.name}"
        state = value_or_none(one.state)
        if one.flaw or state is None:
            mend = f"correct `keys.endpoints.{one.endpoint.name}`, or mend the node behind it"
            yield lack_line(NAME, topic, one.flaw or "it was not read", mend)
        else:
            told = f"{state.chain_id}, height {state.last}, moves"
            yield ok_line(NAME, topic, f"{one.endpoint.url}: {told}")
    if len(reading.used) < _TWO:
        mend = "name another RPC under `keys.endpoints`, of another operator"
        yield lack_line(NAME, "endpoints", f"{len(reading.used)} can be used, expected two", mend)


def _clock(reading: KeysReading) -> Iterator[DoctorLine]:
    """A chain that moves has a block of just now."""
    times = [state.block_time for one in reading.used if (state := value_or_none(one.state))]
    if not times:
        return
    away = round(reading.height.at.timestamp()) - max(times)
    if abs(away) <= CLOCK_S:
        yield ok_line(NAME, "clock", f"{away} s after the last block")
        return
    word = "after" if away > 0 else "before"
    found = f"this machine's clock is {abs(away)} s {word} the chain's last block"
    mend = "`timedatectl` says whether it is synchronised; where blocks take minutes it is right"
    yield warn_line(NAME, "clock", found, mend)


def _account(section: KeysEntry, account: AccountReading) -> Iterator[DoctorLine]:
    entry, state, topic = account.entry, account.state, account.entry.target
    if isinstance(state, Unknown):
        mend = f"correct its `address`; one that never had anything is not on {section.chain_id}"
        yield lack_line(NAME, topic, state.reason, mend)
        return
    told, on_chain = entry.public_key or "", state.value.public_key
    if entry.signer is Signer.MULTISIG and not entry.members:
        yield lack_line(
            NAME, topic, "a multisig without members: nothing can be planned for it",
            f"`threshold` and `members` under `keys.accounts.{entry.name}` (docs/keys.md#multisig)",
        )  # fmt: skip
    elif told and on_chain and told != on_chain:
        found = f"it signs by {on_chain}, the inventory says {told}"
        yield lack_line(NAME, topic, found, f"correct `keys.accounts.{entry.name}`")
    elif not (told or on_chain):
        mend = f"`public_key` under `keys.accounts.{entry.name}` (`keys show {entry.name} -p`)"
        yield lack_line(NAME, topic, "the chain does not know by which key it signs yet", mend)
    elif isinstance(account.keys, Unknown):
        yield lack_line(NAME, topic, account.keys.reason, "`remediate diagnose keys`")
    else:
        sequence = f"number {state.value.number}, sequence {state.value.sequence}"
        yield ok_line(NAME, topic, f"{sequence}, {len(account.keys.value)} keys")


DOCTOR = Doctor(lines=_lines, ask=_ask)
