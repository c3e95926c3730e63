"""What is done for a reader: the new key is put in place, put back, and the old one removed."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.impact import Effect, Level
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.keys import key_file_guards as guards
from remediations.playbooks.keys.key_files import (
    ReaderKey,
    address_of,
    describe_file,
    exchange_of,
    reader,
    readers,
    stands,
)
from remediations.playbooks.keys.reencryption_scope import stores_of, what_stays
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.reading import ReaderReading
from remediations.values.reading import Known, Unknown, value_or_none

MEASURE = "readers with the new key"
UNKNOWN, NONE = "unknown", "none"


def _facts(keys: KeysSituation, host: str) -> tuple[Fact, ...]:
    """What the inventory says of the reader, and what was found there."""
    one, found = reader(keys, host), exchange_of(keys, host)
    entry, present = one.entry, found.present or describe_file(one)
    session = None if keys.hosts is None else value_or_none(keys.hosts.host(host).session)
    told = (
        ("sudo", UNKNOWN if session is None else str(session.sudo), "without it nothing happens"),
        ("key_owner", address_of(keys, one) or UNKNOWN, "whose key it reads with"),
        ("key_file", entry.file, "exactly this file is exchanged"),
        ("key_form", entry.form.value, "so the reader understands it"),
        ("key_user", entry.owner, "the new file is theirs"),
        ("key_group", entry.group, "the new file is theirs"),
        ("key_mode", entry.mode, "who else may read it"),
        ("key_told", entry.told.value, "how the reader learns of it"),
        ("key_unit", entry.unit or NONE, "it is told"),
        ("key_old", found.old or UNKNOWN, "no other key is taken away"),
        ("key_new", found.new or UNKNOWN, "this one takes its place"),
    )
    inventory = tuple(
        Fact(
            name=f"{host}.{name}", value=value, rule=Rule.EQUAL, why=why, source="inventory",
            at=keys.at,
        )
        for name, value, why in told
    )  # fmt: skip
    return (
        *inventory,
        _read(f"{host}.key_present", present, one.file, "a foreign key is not touched"),
        _read(f"{host}.key_mark", _mark(one), one.unit, "afterwards it has to be another one"),
    )


def _retire_facts(keys: KeysSituation, host: str) -> tuple[Fact, ...]:
    """And what stays under the key that goes: it is signed."""
    old = exchange_of(keys, host).old
    accepted = [told for one in stores_of(keys).stores if (told := what_stays(one, old))]
    stays = Fact(
        name=f"{host}.key_stays", value="; ".join(accepted) or NONE, rule=Rule.EQUAL,
        why="the host cannot open it any more", source="stores", at=keys.at,
    )  # fmt: skip
    return (*_facts(keys, host), stays)


def _read(name: str, value: str, reading: Known[object] | Unknown, why: str) -> Fact:
    return Fact(
        name=name, value=value, rule=Rule.EQUAL, why=why, source=reading.source, at=reading.at
    )


def _mark(one: ReaderReading) -> str:
    """What changes when the unit is told: its invocation, or when its state changed last."""
    if one.entry.told is Told.READS_EACH_TIME:
        return NONE
    unit = value_or_none(one.unit)
    if unit is None:
        return UNKNOWN
    if one.entry.told is Told.RELOAD:
        return str(unit.changed_us)
    return unit.invocation if unit.active == "active" and unit.invocation else NONE


def _data(facts: Facts, host: str) -> StepData:
    """What a step knows: names, and fingerprints of public halves."""

    def text(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value in (UNKNOWN, NONE) else value

    return {
        "file": text("key_file"),
        "form": text("key_form"),
        "owner": text("key_user"),
        "group": text("key_group"),
        "mode": text("key_mode"),
        "told": text("key_told"),
        "unit": text("key_unit"),
        "mark": text("key_mark"),
        "old": text("key_old"),
        "new": text("key_new"),
    }


def _has(keys: KeysSituation, host: str) -> int:
    return int(stands(keys, host) is ReaderKey.NEW)


def _one_more(keys: KeysSituation, host: str) -> tuple[Effect, ...]:
    now = _has(keys, host)
    return (Effect(measure=MEASURE, now=now, during=now, after=1),)


def _none_more(keys: KeysSituation, host: str) -> tuple[Effect, ...]:
    now = _has(keys, host)
    return (Effect(measure=MEASURE, now=now, during=now, after=now),)


def _taken_back(keys: KeysSituation, host: str) -> tuple[Effect, ...]:
    now = _has(keys, host)
    return (Effect(measure=MEASURE, now=now, during=0, after=0),)


def reader_levels(keys: KeysSituation) -> tuple[Level, ...]:
    """How many readers of the owner have the new key; nothing where nobody named one, or there are
    no readers."""
    those = readers(keys) if keys.fingerprint else ()
    if not those:
        return ()
    now = sum(_has(keys, one.host) for one in those)
    return (Level(measure=MEASURE, now=now, total=len(those), floor=0),)


def _undo_cost(_: KeysSituation, __: str) -> str:
    return "what is sealed to the new key is not read there then"


PUT_BACK = Action(
    name="keyfile.install.undo",
    driver="host",
    deploy="keys/put_back_key_file",
    facts=_facts,
    data=_data,
    guards=(
        guards.host_is_ready,
        guards.file_is_in_safe_hands,
        guards.unit_is_loaded,
        guards.former_key_is_kept,
    ),
    effects=_taken_back,
)
"""Takes back `INSTALL`: the key of before, and the unit is told once more."""

INSTALL = Action(
    name="keyfile.install",
    driver="host",
    deploy="keys/install_key_file",
    facts=_facts,
    data=_data,
    guards=(
        guards.host_is_ready,
        guards.file_is_in_safe_hands,
        guards.present_key_is_the_old_one,
        guards.new_key_is_active,
        guards.new_key_is_there,
        guards.unit_can_be_told,
    ),
    effects=_one_more,
    undo_cost=_undo_cost,
    undone_by=PUT_BACK,
)
"""The new key beside the old one, exchanged by a rename; the unit is told."""

RETIRE = Action(
    name="keyfile.retire",
    driver="host",
    deploy="keys/retire_key_file",
    facts=_retire_facts,
    data=_data,
    guards=(
        guards.host_is_ready,
        guards.file_is_in_safe_hands,
        guards.reader_has_the_new_key,
        guards.nothing_is_sealed_to_it,
    ),
    effects=_none_more,
)
"""Removes the key of before. Nothing brings it back."""

ACTIONS = (INSTALL, PUT_BACK, RETIRE)
