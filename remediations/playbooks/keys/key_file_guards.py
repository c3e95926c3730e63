"""Guards on exchanging the key file of a reader (ids: rules/guards.md here)."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.keys.key_files import (
    ReaderKey,
    address_of,
    all_readers,
    describe_file,
    exchange_of,
    file_of,
    has_reader,
    lacking,
    reader,
    stands,
)
from remediations.playbooks.keys.reencryption_scope import (
    stores_of,
    survey_of,
    what_stays,
    why_needed,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.planned import STAGED
from remediations.systems.keyfile.reading import KeptKey
from remediations.values.reading import Reading, Unknown, value_or_none

SEE = "docs/key-files.md"
STORE_TARGET = "store/"
IN_SERVICE = ("active", "activating", "failed")
"""States of a unit that nobody stopped: one that fails may do so for want of the key."""
_LOOK = "`remediate diagnose keys` shows the readers"


def host_is_ready(keys: KeysSituation, host: str) -> GuardResult:
    """R32: the host can be acted on: root by sudo, and a place for the record of steps."""
    login = None if keys.hosts is None else keys.hosts.host(host)
    session = None if login is None else value_or_none(login.session)
    records = None if login is None else value_or_none(login.records)
    holds, got = None, "the host was not read"
    if session is not None and records is not None:
        holds = session.sudo and records.writable and not records.exposed
        got = "sudo" if session.sudo else "no sudo"
        got += ", steps can be recorded" if records.writable else ", steps cannot be recorded"
        got += f"; others can change {records.exposed}" if records.exposed else ""
    return guard_result(
        "R32",
        "the reader's host can be acted on",
        subject=host,
        holds=holds,
        got=got,
        expected="sudo, and a directory of root's for the records of steps",
        next_step="remediate doctor",
        facts=(f"{host}.sudo",),
    )


def file_is_in_safe_hands(keys: KeysSituation, host: str) -> GuardResult:
    """R14: the key file is a regular one, as declared, and only root can put another one there."""
    one = reader(keys, host)
    file, entry = file_of(one), one.entry
    declared = f"{entry.owner}:{entry.group} {entry.mode}"
    found = "" if file is None else file.flaw or f"{file.owner}:{file.group} {file.mode}"
    return guard_result(
        "R14",
        "the key file is in safe hands, and as declared",
        subject=host,
        holds=None if isinstance(one.file, Unknown) else found == declared,
        got=one.file.reason if isinstance(one.file, Unknown) else found,
        expected=f"{entry.file}, a regular file of {declared}, below directories of root's alone",
        next_step=f"correct owner and modes there, or `key-file` in the inventory ({SEE})",
        facts=(f"{host}.key_file", f"{host}.key_user", f"{host}.key_group", f"{host}.key_mode"),
    )


def present_key_is_the_old_one(keys: KeysSituation, host: str) -> GuardResult:
    """R15: the reader has the key that is out. A key that nobody named is not taken away."""
    one, found = reader(keys, host), exchange_of(keys, host)
    return guard_result(
        "R15",
        "the reader has the key that is out, and no other",
        subject=host,
        holds=None if isinstance(one.file, Unknown) else found.stands is ReaderKey.OLD,
        got=f"{describe_file(one)}: {found.stands.value}",
        expected=found.old or "a key of its account, by the records of the chain",
        next_step="find out whose key that is and what it still opens, before anybody takes it "
        "away; or another `account` or `form` in the inventory",
        facts=(f"{host}.key_present", f"{host}.key_old"),
    )


def new_key_is_active(keys: KeysSituation, host: str) -> GuardResult:
    """R33: the key in its place is registered by the same owner, and is active."""
    found = exchange_of(keys, host)
    return guard_result(
        "R33",
        "the key in its place is active, and of the same owner",
        subject=host,
        holds=bool(found.new),
        got=found.new or keys.new_fingerprint or "no key that is active, or several",
        expected="one that the chain has as active: not revoked, rotated or expired",
        next_step="register it (`--branch revoke-key --new-key …`), or name one: --new-key",
        facts=(f"{host}.key_new", f"{host}.key_owner"),
    )


def new_key_is_there(keys: KeysSituation, host: str) -> GuardResult:
    """R30: the new private key was brought to the host, and is the one of its name."""
    one, new = reader(keys, host), exchange_of(keys, host).new
    return guard_result(
        "R30",
        "the new private key was brought to the host",
        subject=host,
        holds=_is_kept(one.staged, new),
        got=_kept_text(one.staged, new),
        expected=f"{STAGED}/{new or 'FINGERPRINT'}, of root alone, whose key has this fingerprint",
        next_step=f"python3 tools/deliver_key.py new.key {host} ({SEE})",
        facts=(f"{host}.key_new",),
    )


def former_key_is_kept(keys: KeysSituation, host: str) -> GuardResult:
    """R36: the key of before lies beside the file, unless it lies in its place again."""
    one, found = reader(keys, host), exchange_of(keys, host)
    again = found.stands is ReaderKey.OLD
    return guard_result(
        "R36",
        "the key of before is kept",
        subject=host,
        holds=True if again else _is_kept(one.former, found.old),
        got="it is in its place" if again else _kept_text(one.former, found.old),
        expected=f"{found.old or 'a former key'} beside {one.entry.file}, of root alone",
        next_step="bring it there by hand, from where the key that is out is kept offline",
        facts=(f"{host}.key_old",),
    )


def _is_kept(kept: Reading[tuple[KeptKey, ...]], fingerprint: str) -> bool | None:
    if isinstance(kept, Unknown):
        return None
    return any(one.name == one.fingerprint == fingerprint for one in kept.value)


def _kept_text(kept: Reading[tuple[KeptKey, ...]], fingerprint: str) -> str:
    if isinstance(kept, Unknown):
        return kept.reason
    found = next((one for one in kept.value if one.name == fingerprint), None)
    if found is None:
        return ", ".join(one.name for one in kept.value) or "none"
    return found.fingerprint or "a file under its name that is not of root alone, or has no key"


def unit_can_be_told(keys: KeysSituation, host: str) -> GuardResult:
    """R31: the unit that is told of the new key is there, and in service."""
    one = reader(keys, host)
    entry, unit = one.entry, value_or_none(one.unit)
    if entry.told is Told.READS_EACH_TIME:
        holds, got = True, "nobody has to be told"
    elif unit is None:
        holds, got = None, one.unit.reason if isinstance(one.unit, Unknown) else ""
    else:
        runs = IN_SERVICE if entry.told is Told.RESTART else ("active",)
        can = entry.told is Told.RESTART or unit.reloads
        holds = unit.load == "loaded" and unit.active in runs and can
        got = f"{unit.load}, {unit.active}{'' if can else ', cannot be reloaded'}"
    return guard_result(
        "R31",
        "the unit that is told is there",
        subject=host,
        holds=holds,
        got=got,
        expected=f"{entry.unit or 'none'}: loaded and in service, for `{entry.told.value}`",
        next_step="correct the unit in the inventory; one that people stopped stays theirs: start "
        "it, or leave the host out with --limit",
        facts=(f"{host}.key_unit", f"{host}.key_told", f"{host}.key_mark"),
    )


def unit_is_loaded(keys: KeysSituation, host: str) -> GuardResult:
    """R39: for taking it back: the unit exists, whatever became of it. A step that failed may have
    left it down, or starting again and again."""
    one = reader(keys, host)
    entry, unit = one.entry, value_or_none(one.unit)
    alone = entry.told is Told.READS_EACH_TIME
    return guard_result(
        "R39",
        "the unit that is told is loaded",
        subject=host,
        holds=True if alone else None if unit is None else unit.load == "loaded",
        got="nobody has to be told" if alone else unit.load if unit else "it was not read",
        expected=f"{entry.unit or 'none'}: loaded",
        next_step="bring the unit back, or correct it in the inventory",
        facts=(f"{host}.key_unit",),
    )


def reader_has_the_new_key(keys: KeysSituation, host: str) -> GuardResult:
    """R38: the old key's file is removed only where the new one is in use."""
    one, found = reader(keys, host), exchange_of(keys, host)
    unit, told = value_or_none(one.unit), one.entry.told is not Told.READS_EACH_TIME
    runs = None if told and unit is None else not told or (unit and unit.active) == "active"
    has = None if isinstance(one.file, Unknown) else found.stands is ReaderKey.NEW
    holds = False if False in (has, runs) else None if None in (has, runs) else True
    return guard_result(
        "R38",
        "the reader has the new key, and runs",
        subject=host,
        holds=holds,
        got=f"{found.stands.value}, {one.entry.unit or 'no unit'} {unit.active if unit else ''}",
        expected=found.new or "the new key",
        next_step="`--branch install-key` comes first",
        facts=(f"{host}.key_present", f"{host}.key_new"),
    )


def nothing_is_sealed_to_it(keys: KeysSituation, host: str) -> GuardResult:
    """R35: no declared store needs the key any more, but for what people have accepted. A version
    that could not be read may be sealed to it, so it counts."""
    old, stores = exchange_of(keys, host).old, stores_of(keys).stores
    unread = [f"{one.store}: not read" for one in stores if survey_of(one) is None]
    left = [told for one in stores if (told := why_needed(one, old))]
    accepted = [told for one in stores if (told := what_stays(one, old))]
    return guard_result(
        "R35",
        "no store names the old key any more, except what was accepted",
        subject=host,
        holds=False if left else None if unread or not stores or not old else True,
        got="; ".join([*left, *unread, *accepted]) or f"{len(stores)} stores, none names it",
        expected="at least one declared store, all gone through, and none that names it beyond "
        "`former_versions: keep`, `accept_locked` and `accept_damaged`",
        next_step="`--branch re-encrypt` comes first; without declared stores nothing proves it: "
        "`stores` in the inventory (docs/stores.md)",
        facts=(f"{host}.key_old", f"{host}.key_stays"),
    )


def readers_know_the_new_key(
    keys: KeysSituation, proposal: Proposal[KeysSituation]
) -> GuardResult | None:
    """R34: before anything is sealed to the new key, each declared reader has it."""
    if not any(one.startswith(STORE_TARGET) for one in proposal.targets):
        return None
    if not all_readers(keys):
        return None
    without = lacking(keys)
    unread = all(isinstance(one.file, Unknown) for one in without)
    told = "; ".join(f"{one.host}: {stands(keys, one.host).value}" for one in without)
    return guard_result(
        "R34",
        "each declared reader has the new key",
        holds=None if without and unread else not without,
        got=told or "each has it",
        expected="the new key in each `key-file` of the owner: else they fail from the first "
        "object on",
        next_step="`--branch install-key` comes first",
    )


def accounts_of_readers_are_known(
    keys: KeysSituation, proposal: Proposal[KeysSituation]
) -> GuardResult | None:
    """R37: each reader is of an account that is known. A slip would leave one out in silence."""
    targets = proposal.targets
    about = any(one.startswith(STORE_TARGET) or has_reader(keys, one) for one in targets)
    if not about or not all_readers(keys):
        return None
    unknown = [
        f"{one.host}: {one.entry.account}" for one in all_readers(keys) if not address_of(keys, one)
    ]
    names = ", ".join(one.entry.name for one in keys.reading.accounts)
    return guard_result(
        "R37",
        "each reader is of an account that is known",
        holds=not unknown,
        got="; ".join(unknown) or "all of them",
        expected=f"one of {names}, or an address whose keys were read",
        next_step=f"correct `account` of `key-file` in the inventory ({SEE})",
    )


READER_INVARIANTS = (readers_know_the_new_key, accounts_of_readers_are_known)
