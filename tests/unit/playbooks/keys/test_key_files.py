"""Readers of keys: when they are acted on, what is planned, and what each guard lets through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from remediations.engine.domain import Proposal
from remediations.engine.plan.build import deciding_facts, stage_impacts
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.keys import key_file_guards as guards
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.key_files import ReaderKey, exchange_of, reader_table, stands
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.keyfile.inventory import Told
from remediations.systems.keyfile.reading import KeptKey
from remediations.systems.stores.reading import KeyCount, StoresReading
from remediations.systems.transactions.values import KeysReading
from remediations.values.reading import Known, Why
from tests.unit.playbooks.keys.cases import GONE, NEW_PRINT, OTHER, OUT, VAULT, unknown
from tests.unit.playbooks.keys.reader_cases import (
    BRANCHES,
    EMPTIED,
    HOST,
    INVOCATION,
    entry,
    hosts,
    installed,
    kept,
    known,
    planned,
    reader,
    readers,
    unit,
    with_file,
)
from tests.unit.playbooks.keys.store_cases import (
    key_count,
    locked_store,
    store,
    stores,
    survey,
    unread_store,
)

INSTALL, RETIRE = BRANCHES["install-key"], BRANCHES["retire-key-file"]
PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN


def test_one_reader_at_a_time() -> None:
    """A stage for each, with a gate of its own; the step knows names and fingerprints."""
    keys = readers(reader(), reader("reader2", told=entry(told=Told.READS_EACH_TIME, unit="")))
    assert INSTALL.fits(keys) is None
    proposal = INSTALL.propose(keys)
    assert [len(stage.moves) for stage in proposal.stages] == [1, 1]
    first, second = planned(keys)
    assert (first.old, first.new, first.mark) == (OUT, NEW_PRINT, INVOCATION)
    assert (first.owner, first.mode, first.unit) == ("vault", "0440", "vault.service")
    assert (second.told, second.unit, second.mark) == ("read_each_time", "", "")
    impacts = [one for stage in stage_impacts(DOMAIN, keys, proposal) for one in stage]
    mine = [(one.before, one.after) for one in impacts if one.measure == "readers with the new key"]
    assert mine == [(0, 1), (1, 2)]


def test_one_that_has_it_is_left_alone() -> None:
    """And where all have it, nothing is left to do."""
    keys = readers(installed(), reader("reader2"))
    assert [target for _, target in INSTALL.propose(keys).moves] == ["reader2"]
    assert "has the new key" in (INSTALL.fits(readers(installed())) or "")


def test_who_is_left_out_is_said() -> None:
    """Sealing anew is refused until they have it, too."""
    keys = replace(readers(), only=frozenset({HOST}))
    assert [target for _, target in INSTALL.propose(keys).moves] == [HOST]
    assert any("reader2 stay without" in one for one in INSTALL.propose(keys).warnings)


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (readers(fingerprint=""), "--fingerprint"),
        (readers(reason=""), "--reason"),
        (replace(readers(), readers=None), "no host of the inventory has a `key-file`"),
        (readers(reader(told=entry(account="admin"))), "no reader is of"),
        (readers(fingerprint=OTHER[:-2] + "00"), "nothing tells whose key"),
        (replace(readers(), only=frozenset({"elsewhere"})), "left out by --limit"),
    ],
    ids=range(6),
)
def test_when_it_does_not_fit(keys: KeysSituation, word: str) -> None:
    """It says why, and what to do."""
    assert word in (INSTALL.fits(keys) or "")


def test_an_account_may_be_named_by_its_address() -> None:
    """An owner outside of the inventory has no name there."""
    keys = readers(reader(told=entry(account=VAULT)))
    assert INSTALL.fits(keys) is None


def one_more_active(keys: KeysSituation) -> KeysReading:
    """The account has registered a third key."""
    (vault, *others) = keys.reading.accounts
    assert isinstance(vault.keys, Known)
    third = msgspec.structs.replace(vault.keys.value[-1], fingerprint=OTHER)
    more = msgspec.structs.replace(vault.keys, value=(*vault.keys.value, third))
    accounts = (msgspec.structs.replace(vault, keys=more), *others)
    return msgspec.structs.replace(keys.reading, accounts=accounts)


def test_a_deploy_by_hand_needs_no_words() -> None:
    """What lies there, and which keys of the account are active, tell what is exchanged."""
    keys = replace(readers(reader(), installed("reader2")), inputs={})
    assert exchange_of(keys, HOST) == (OUT, OUT, NEW_PRINT)
    assert exchange_of(keys, "reader2") == (NEW_PRINT, OUT, NEW_PRINT)
    several = replace(keys, reading=one_more_active(keys))
    assert exchange_of(several, HOST).new == NEW_PRINT, "it is the one that was brought"
    nothing = replace(readers(reader(staged=kept())), inputs={}, reading=several.reading)
    assert exchange_of(nothing, HOST).new == ""
    foreign = replace(readers(with_file(fingerprint=OTHER)), inputs={})
    assert exchange_of(foreign, HOST).old == ""
    assert stands(foreign, HOST) is ReaderKey.FOREIGN


def guard(name: str, keys: KeysSituation) -> GuardResult:
    """What a guard on the first reader says."""
    check: Callable[[KeysSituation, str], GuardResult] = getattr(guards, name)
    return check(keys, HOST)


def emptied(
    rules: dict[str, object] | None = None, *, named: KeyCount | None = None, **counts: int
) -> KeysSituation:
    """A reader with the new key, and one store in which this is left."""
    found = survey(*([] if named is None else [named]), **counts)
    return readers(installed(), found=stores(store("vault", found, **(rules or {}))))


CASES: list[tuple[str, str, KeysSituation, Outcome]] = [
    ("R32", "host_is_ready", readers(), PASS),
    ("R32", "host_is_ready", readers(sudo=False), BLOCK),
    ("R32", "host_is_ready", replace(readers(), hosts=None), UNKNOWN),
    ("R14", "file_is_in_safe_hands", readers(), PASS),
    ("R14", "file_is_in_safe_hands", readers(with_file(flaw="it is a link")), BLOCK),
    ("R14", "file_is_in_safe_hands", readers(with_file(mode="0400")), BLOCK),
    ("R14", "file_is_in_safe_hands", readers(with_file(owner="root")), BLOCK),
    ("R14", "file_is_in_safe_hands", readers(reader(file=unknown(Why.REFUSED))), UNKNOWN),
    ("R15", "present_key_is_the_old_one", readers(), PASS),
    ("R15", "present_key_is_the_old_one", readers(with_file(fingerprint=GONE)), BLOCK),
    ("R15", "present_key_is_the_old_one", readers(with_file(fingerprint="")), BLOCK),
    ("R15", "present_key_is_the_old_one", readers(installed()), BLOCK),
    ("R15", "present_key_is_the_old_one", readers(reader(file=unknown(Why.REFUSED))), UNKNOWN),
    ("R33", "new_key_is_active", readers(), PASS),
    ("R33", "new_key_is_active", replace(readers(new_key=""), reading=readers().reading), PASS),
    ("R30", "new_key_is_there", readers(), PASS),
    ("R30", "new_key_is_there", readers(reader(staged=kept())), BLOCK),
    ("R30", "new_key_is_there", readers(reader(staged=kept(OTHER))), BLOCK),
    ("R30", "new_key_is_there", readers(reader(staged=unknown(Why.REFUSED))), UNKNOWN),
    ("R31", "unit_can_be_told", readers(), PASS),
    ("R31", "unit_can_be_told", readers(reader(unit=unknown())), UNKNOWN),
    ("R39", "unit_is_loaded", readers(), PASS),
    ("R39", "unit_is_loaded", readers(reader(unit=unit(active="inactive"))), PASS),
    ("R39", "unit_is_loaded", readers(reader(unit=unit(load="not-found"))), BLOCK),
    ("R39", "unit_is_loaded", readers(reader(unit=unknown())), UNKNOWN),
    ("R36", "former_key_is_kept", readers(installed()), PASS),
    ("R36", "former_key_is_kept", readers(reader()), PASS),
    ("R36", "former_key_is_kept", readers(installed(former=kept())), BLOCK),
    ("R36", "former_key_is_kept", readers(installed(former=unknown())), UNKNOWN),
    ("R38", "reader_has_the_new_key", readers(installed()), PASS),
    ("R38", "reader_has_the_new_key", readers(), BLOCK),
    ("R38", "reader_has_the_new_key", readers(installed(unit=unknown())), UNKNOWN),
    ("R35", "nothing_is_sealed_to_it", readers(installed(), found=EMPTIED), PASS),
    ("R35", "nothing_is_sealed_to_it", readers(installed()), BLOCK),
    (
        "R35", "nothing_is_sealed_to_it",
        readers(installed(), found=stores(unread_store())), UNKNOWN,
    ),
    (
        "R35", "nothing_is_sealed_to_it",
        readers(installed(), found=StoresReading(stores=())), UNKNOWN,
    ),
    ("R35", "nothing_is_sealed_to_it", emptied(damaged=1), BLOCK),
    ("R35", "nothing_is_sealed_to_it", emptied(unread=1), BLOCK),
    ("R35", "nothing_is_sealed_to_it", emptied({"accept_damaged": 2}, damaged=1, unread=1), PASS),
    ("R35", "nothing_is_sealed_to_it", emptied(named=key_count(live=0, former=2)), BLOCK),
    (
        "R35", "nothing_is_sealed_to_it",
        emptied({"former_versions": "keep"}, named=key_count(live=0, former=2)), PASS,
    ),
    (
        "R35", "nothing_is_sealed_to_it",
        emptied({"former_versions": "keep"}, named=key_count(live=1, former=2)), BLOCK,
    ),
    (
        "R35", "nothing_is_sealed_to_it",
        readers(installed(), found=stores(locked_store(accept_locked=5))), PASS,
    ),
    (
        "R35", "nothing_is_sealed_to_it",
        readers(installed(), found=stores(locked_store(accept_locked=4))), BLOCK,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "name", "keys", "outcome"), CASES, ids=range(len(CASES)))
def test_guards(id_: str, name: str, keys: KeysSituation, outcome: Outcome) -> None:
    """One that passes, one that blocks, one that is unknown; and each says what to do."""
    found = guard(name, keys)
    assert (found.id, found.outcome) == (id_, outcome), found
    assert found.next_step
    assert found.expected


def test_the_wrong_key_under_the_right_name_blocks() -> None:
    """A name proves nothing: what the host computed does."""
    swapped = known((KeptKey(name=NEW_PRINT, fingerprint=OTHER),))
    found = guard("new_key_is_there", readers(reader(staged=swapped)))
    assert (found.outcome, found.got) == (BLOCK, OTHER)


@pytest.mark.parametrize(
    ("told", "changes", "outcome"),
    [
        (Told.RESTART, {"active": "failed"}, PASS),
        (Told.RESTART, {"active": "activating"}, PASS),
        (Told.RESTART, {"active": "inactive"}, BLOCK),
        (Told.RESTART, {"load": "not-found", "active": "inactive"}, BLOCK),
        (Told.RELOAD, {"reloads": True}, PASS),
        (Told.RELOAD, {}, BLOCK),
        (Told.RELOAD, {"reloads": True, "active": "failed"}, BLOCK),
    ],
)
def test_a_unit_that_people_stopped_stays_theirs(
    told: Told, changes: dict[str, object], outcome: Outcome
) -> None:
    """A failed one may be restarted: perhaps it fails for want of the key."""
    keys = readers(reader(told=entry(told=told), unit=unit(**changes)))
    assert guard("unit_can_be_told", keys).outcome is outcome


def test_without_an_active_new_key_it_is_refused() -> None:
    """Nobody seals to a key that is not registered."""
    keys = readers()
    (vault, *others) = keys.reading.accounts
    assert hasattr(vault.keys, "value")
    gone = msgspec.structs.replace(vault.keys, value=vault.keys.value[:2])
    accounts = (msgspec.structs.replace(vault, keys=gone), *others)
    without = replace(keys, reading=msgspec.structs.replace(keys.reading, accounts=accounts))
    assert guard("new_key_is_active", without).outcome is BLOCK


def sealing(keys: KeysSituation) -> Proposal[KeysSituation]:
    """What re-encrypt proposes."""
    return BRANCHES["re-encrypt"].propose(keys)


@pytest.mark.parametrize(
    ("those", "outcome"),
    [
        ((installed(),), PASS),
        ((installed(), reader("reader2")), BLOCK),
        ((installed(), reader("reader2", file=unknown())), UNKNOWN),
        ((reader(), reader("reader2", file=unknown())), BLOCK),
    ],
    ids=range(4),
)
def test_nothing_is_sealed_before_the_readers_know(those: tuple, outcome: Outcome) -> None:  # type: ignore[type-arg]
    """Whoever has only the old key fails from the first object on."""
    keys = readers(*those)
    found = guards.readers_know_the_new_key(keys, sealing(keys))
    assert found is not None
    assert found.outcome is outcome


def test_without_readers_nothing_is_asked() -> None:
    """Nor of plans that seal nothing."""
    keys = replace(readers(), readers=None)
    assert guards.readers_know_the_new_key(keys, sealing(keys)) is None
    keys = readers()
    assert guards.readers_know_the_new_key(keys, INSTALL.propose(keys)) is None


def test_a_slip_in_an_account_leaves_nobody_out_in_silence() -> None:
    """Neither when readers are acted on, nor when stores are."""
    keys = readers(reader(), reader("reader2", told=entry(account="valut")))
    for proposal in (INSTALL.propose(keys), sealing(keys)):
        found = guards.accounts_of_readers_are_known(keys, proposal)
        assert found is not None
        assert (found.outcome, found.got) == (BLOCK, "reader2: valut")
    keys = readers()
    found = guards.accounts_of_readers_are_known(keys, INSTALL.propose(keys))
    assert found is not None
    assert found.outcome is PASS


def test_the_old_key_is_removed_where_it_lies() -> None:
    """Without undo, and it says so."""
    keys = readers(installed(), reader("reader2"), found=EMPTIED)
    assert RETIRE.fits(keys) is None
    proposal = RETIRE.propose(keys)
    assert [target for _, target in proposal.moves] == [HOST]
    assert any("there is no undo" in one for one in proposal.warnings)
    assert planned(keys, "retire-key-file")[0].former.endswith(f".remediate-{OUT}")
    assert "no reader" in (RETIRE.fits(readers(found=EMPTIED)) or "")
    active = readers(installed(), found=EMPTIED)
    (vault, *others) = active.reading.accounts
    assert hasattr(vault.keys, "value")
    out, *rest = vault.keys.value
    keys_now = msgspec.structs.replace(
        vault.keys, value=(msgspec.structs.replace(out, revoked_at=0), *rest)
    )
    accounts = (msgspec.structs.replace(vault, keys=keys_now), *others)
    active = replace(active, reading=msgspec.structs.replace(active.reading, accounts=accounts))
    assert "revoke-key` comes first" in (RETIRE.fits(active) or "")


def test_what_stays_under_the_old_key_is_signed() -> None:
    """As a fact of each host, and in words."""
    keys = emptied({"former_versions": "keep"}, named=key_count(live=0, former=2))
    proposal = RETIRE.propose(keys)
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposal)}
    assert facts[f"{HOST}.key_stays"] == "vault: 2 former versions (accepted)"
    assert any("vault: 2 former versions" in one for one in proposal.warnings)


def test_readers_are_shown() -> None:
    """Which key each has, in the finding; nothing where there are none."""
    table = reader_table(readers(reader(), with_file(flaw="it is a link")))
    assert table is not None
    assert [row[2] for row in table.rows] == [OUT, "it is a link"]
    assert reader_table(replace(readers(), readers=None)) is None
    assert hosts(HOST).host(HOST).host == HOST
