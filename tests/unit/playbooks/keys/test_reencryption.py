"""Sealing anew: when it fits, what is planned, and what each guard lets through."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from remediations.engine.apply.look import GateVerdict
from remediations.engine.plan.build import deciding_facts, stage_impacts
from remediations.engine.plan.plan import Gate, GuardResult, Outcome
from remediations.playbooks.keys import reencryption_guards as guards
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.finding import conclude
from remediations.playbooks.keys.gates import baseline
from remediations.playbooks.keys.reencryption_gates import (
    JobNow,
    JobsEnded,
    JobsLook,
    StoresBefore,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.job_directory import JobProgress, JobResult
from remediations.systems.stores.job_steps import JobOrder, compile_jobs
from remediations.systems.stores.reading import Beside, StoresReading
from remediations.systems.stores.reencrypt_section import Several
from remediations.values.part import Part
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import NEW_PRINT, OUT, situation, unknown, with_fields
from tests.unit.playbooks.keys.store_cases import (
    TARGET,
    key_count,
    key_file,
    locked_store,
    ours,
    revoked,
    store,
    stores,
    survey,
    unread_store,
)

BRANCH = {one.name: one for one in PLAYBOOK.branches}["re-encrypt"]
PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN


def orders(keys: KeysSituation) -> list[JobOrder]:
    """What a plan does, in order."""
    proposal = BRANCH.propose(keys)
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposal)}
    made = []
    for action, target in proposal.moves:
        (step,) = compile_jobs(action.deploy, {target: action.data(facts, target)})[target]
        made.append(JobOrder.parse(step.payload))
    return made


def test_the_key_is_proven_before_the_first_store_is_touched() -> None:
    """Two steps for each store, with its place, its number and root, and who reads from now on."""
    two = stores(store(), store("attic"))
    found = orders(revoked(two))
    assert [(one.deploy, one.store) for one in found] == [
        ("prove-key", "vault"), ("prove-key", "attic"),
        ("reencrypt", "vault"), ("reencrypt", "attic"),
    ]  # fmt: skip
    last = found[-1]
    assert (last.fingerprint, last.new_fingerprint) == (OUT, NEW_PRINT)
    assert base64.b64decode(last.recipient) == bytes(range(1, 33))
    assert (last.count, last.root, last.machine) == (5, "ab" * 32, "vault-1")
    assert json.loads(last.place)["path"] == "/srv/attic"
    assert "registered" in last.known_since


def test_what_people_said_stands_in_it() -> None:
    """Since when it may be out, in the bytes and in the warnings."""
    keys = revoked(out_since="2026-11-01")
    assert {one.known_since for one in orders(keys)} == {"2026-11-01"}
    assert any("known since 2026-11-01" in one for one in BRANCH.propose(keys).warnings)


def test_the_impact_is_what_is_left_under_the_old_key() -> None:
    """All of it before, none after, and nothing lost during it."""
    keys = revoked(stores(store(), store("attic")))
    impacts = stage_impacts(DOMAIN, keys, BRANCH.propose(keys))
    (sealed,) = [one for one in impacts[1] if one.measure == "versions under the old key"]
    assert (sealed.before, sealed.after, sealed.total) == (10, 0, 10)


def test_the_baseline_says_what_was_found() -> None:
    """By which checks judge."""
    keys = revoked(stores(store(former_versions="keep", accept_damaged=2)))
    (part,) = baseline(keys, BRANCH.propose(keys))
    (row,) = part.read(StoresBefore).stores
    assert (row.store, row.count, row.accept_damaged, row.keeps_former) == ("vault", 5, 2, True)
    keys = revoked(stores(store(), locked_store(accept_locked=7)))
    (part,) = baseline(keys, BRANCH.propose(keys))
    assert [one.accept_locked for one in part.read(StoresBefore).stores] == [0, 7]


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (revoked(fingerprint=""), "--fingerprint"),
        (revoked(reason=""), "--reason"),
        (situation(), "no `stores`"),
        (replace(revoked(), stores=changed(stores(), reencrypt=None)), "stores.reencrypt"),
        (revoked(revoked_at=0), "revoke-key` comes first"),
        (revoked(stores(store(found=survey()))), "nothing is left to do there"),
        (revoked(), ""),
        (revoked(stores(unread_store())), ""),
    ],
    ids=["key", "reason", "stores", "nobody", "active", "nothing", "fits", "unread"],
)
def test_when_it_fits(keys: KeysSituation, word: str) -> None:
    """An unknown store is in scope: its guard says that nobody knows."""
    assert word in (BRANCH.fits(keys) or "")
    assert (BRANCH.fits(keys) is None) is not bool(word)


def _other_events(keys: KeysSituation) -> KeysSituation:
    """The record is purged, and no endpoint searches events."""
    made = situation(with_fields(events=unknown()), fingerprint="34" * 20)
    return replace(made, stores=keys.stores)


CASES: list[tuple[Callable[[KeysSituation, str], GuardResult], KeysSituation, Outcome]] = [
    (guards.key_is_revoked, revoked(), PASS),
    (guards.key_is_revoked, revoked(revoked_at=0), BLOCK),
    (guards.key_is_revoked, _other_events(revoked()), UNKNOWN),
    (guards.new_key_is_active, revoked(), PASS),
    (guards.new_key_is_active, revoked(new_key=""), PASS),
    (guards.new_key_is_active, revoked(new_active=False), BLOCK),
    (guards.machine_is_named, revoked(), PASS),
    (guards.machine_is_named, revoked(stores(here="laptop")), BLOCK),
    (guards.both_keys_are_here, revoked(), PASS),
    (guards.both_keys_are_here, revoked(stores(keys=(key_file("old", OUT),))), BLOCK),
    (
        guards.both_keys_are_here,
        revoked(stores(keys=(key_file("old", OUT), key_file("new", "")))),
        UNKNOWN,
    ),
    (guards.store_is_known, revoked(), PASS),
    (guards.store_is_known, revoked(stores(store(found=survey(damaged=1)))), BLOCK),
    (
        guards.store_is_known,
        revoked(stores(store(found=survey(key_count(), damaged=1), accept_damaged=1))),
        PASS,
    ),
    (guards.store_is_known, revoked(stores(unread_store())), UNKNOWN),
    (guards.former_versions_are_decided, revoked(), PASS),
    (
        guards.former_versions_are_decided,
        revoked(stores(store(found=survey(key_count(former=2))))),
        BLOCK,
    ),
    (
        guards.former_versions_are_decided,
        revoked(stores(store(found=survey(key_count(former=2)), former_versions="retire"))),
        PASS,
    ),
    (guards.several_are_decided, revoked(), PASS),
    (guards.several_are_decided, revoked(stores(store(found=survey(key_count(several=1))))), BLOCK),
    (
        guards.several_are_decided,
        revoked(stores(store(found=survey(key_count(several=1))), several=Several.DATA_KEY)),
        PASS,
    ),
    (guards.directory_is_ours, revoked(), PASS),
    (guards.directory_is_ours, revoked(stores(flaw="/x is not yours alone")), BLOCK),
    (guards.directory_is_ours, revoked(stores(running=("ab-2.0",))), BLOCK),
]


@pytest.mark.parametrize(("guard", "keys", "outcome"), CASES)
def test_each_guard(
    guard: Callable[[KeysSituation, str], GuardResult], keys: KeysSituation, outcome: Outcome
) -> None:
    """It passes, blocks, or is unknown, and says what to do."""
    result = guard(keys, TARGET)
    assert result.outcome is outcome, result
    assert result.got
    assert result.next_step


@pytest.mark.parametrize(
    ("those", "outcome", "word"),
    [
        (stores(), PASS, "1 stores"),
        (
            stores(store(), store("attic", survey(), holds="nothing", accept_damaged=0)),
            BLOCK,
            "attic",
        ),
        (
            stores(store(), store("attic", survey(envelopes=0), holds="nothing")),
            PASS,
            "2 stores",
        ),
        (stores(store(), store("empty", survey(envelopes=0))), BLOCK, "empty: none"),
        (stores(store(), unread_store()), UNKNOWN, "not read"),
    ],
    ids=["same", "undeclared", "empty as declared", "unmarked", "unread"],
)
def test_what_is_declared_is_what_a_scan_finds(those: object, outcome: Outcome, word: str) -> None:
    """Both ways, of all stores of the inventory."""
    keys = replace(revoked(), stores=those)  # type: ignore[arg-type]
    result = guards.nothing_is_undeclared(keys, BRANCH.propose(revoked()))
    assert result is not None
    assert (result.outcome, word in result.got) == (outcome, True), result
    other = PLAYBOOK.branches[0].propose(situation())
    assert guards.nothing_is_undeclared(keys, other) is None


@pytest.mark.parametrize(
    ("those", "outcome", "word"),
    [
        (stores(), PASS, "none"),
        (stores(store(), locked_store(accept_locked=5)), PASS, "scopes: 5 accepted"),
        (stores(store(), locked_store(accept_locked=4)), BLOCK, "scopes: 5, 4 accepted"),
        (stores(store(), changed(locked_store(), survey=unknown())), UNKNOWN, "not read"),
    ],
    ids=["none", "accepted", "more", "unread"],
)
def test_what_cannot_be_sealed_anew_is_accepted_by_its_number(
    those: StoresReading, outcome: Outcome, word: str
) -> None:
    """It is in no stage, and in the warnings."""
    keys = revoked(those)
    proposal = BRANCH.propose(keys)
    result = guards.what_is_locked_is_accepted(keys, proposal)
    assert result is not None
    assert (result.outcome, word in result.got) == (outcome, True), result
    assert proposal.targets == (TARGET,)
    assert any("stay under the old key" in one for one in proposal.warnings) is ("5" in result.got)
    other = PLAYBOOK.branches[0].propose(situation())
    assert guards.what_is_locked_is_accepted(keys, other) is None


def test_a_chain_alone_has_nothing_to_seal_anew() -> None:
    """Its owners upload it anew."""
    keys = revoked(stores(locked_store(accept_locked=5)))
    assert "its owners" in (BRANCH.fits(keys) or "")


def _job(*, seals: bool, reason: str | None, sealed: int = 5, left: int = 0) -> JobNow:
    result = None
    if reason is not None:
        result = JobResult(
            reason=reason, says="said", outcomes=(), left=left, sealed=sealed, root="ab", seconds=1
        )
    return JobNow(store="vault", count=5, seals=seals, progress=None, result=result)


def _verdict(look: JobsLook, *, seals: bool) -> GateVerdict:
    asks = Part.of(JobsEnded(stores=("vault",), seals=seals))
    return look.judge(Gate(title="", timeout_s=1, asks=asks))


def test_a_gate_opens_when_its_jobs_have_ended_well() -> None:
    """A job that failed will not succeed by itself; one of the other stage says nothing."""
    proven = _job(seals=False, reason="")
    assert _verdict(JobsLook(jobs=(proven,)), seals=False).open
    look = JobsLook(jobs=(proven, _job(seals=True, reason=None)))
    assert not _verdict(look, seals=True).open
    assert not _verdict(look, seals=True).hopeless
    failed = JobsLook(jobs=(_job(seals=True, reason="2 damaged"),))
    assert _verdict(failed, seals=True).hopeless == "2 damaged"
    assert _verdict(JobsLook(jobs=(_job(seals=True, reason=""),)), seals=True).open


def test_the_sight_counts_what_is_left() -> None:
    """The series of the measure is its level: all of it before, none in the end."""
    progress = JobProgress(looked_at=3, total=10, sealed=2, seconds=1)
    going = replace(_job(seals=True, reason=None), progress=progress)
    levels = [
        JobsLook(jobs=(one,)).sight.points[0].value
        for one in (_job(seals=True, reason=None), going, _job(seals=True, reason=""))
    ]
    assert levels == [5, 3, 0]
    assert "3 of 10 objects" in JobsLook(jobs=(going,)).sight.headline


def test_a_machine_without_the_section_is_told_so() -> None:
    """By the guards, where the branch was named for a plan that somebody else made."""
    keys = replace(revoked(), stores=changed(stores(), reencrypt=None))
    for guard in (guards.machine_is_named, guards.directory_is_ours):
        assert "stores.reencrypt" in guard(keys, TARGET).got
    assert ours().key("00" * 20) is None


def test_diagnosis_shows_what_is_sealed_to_which_key() -> None:
    """Also where a store was not gone through, and where nothing is declared."""
    found = stores(store(), store("attic", survey(), holds="nothing"), unread_store())
    tables = {table.title: table.rows for table in conclude(revoked(found)).tables}
    assert tables["stores"] == (
        ("vault", "10", "7", "0", "envelopes"),
        ("attic", "10", "7", "0", "declared to hold none"),
        ("vault", "?", "?", "no answer", "envelopes"),
    )
    assert tables["what is sealed to which key"] == (("vault", OUT, "revoked", "5", "0"),)
    assert "stores" not in {one.title for one in conclude(situation()).tables}


def test_what_nobody_declared_is_named_and_signed() -> None:
    """Also where nobody could list it; what is declared and empty has nothing to say."""
    at = situation().at
    found = changed(
        stores(),
        beside=(
            Beside(
                server="s3 a",
                places=Known(
                    value=tuple(f"bucket {number}" for number in range(10)), source="s3", at=at
                ),
            ),
            Beside(server="postgres b", places=unknown()),
            Beside(server="s3 c", places=Known(value=(), source="s3", at=at)),
        ),
    )
    warnings = "\n".join(BRANCH.propose(revoked(found)).warnings)
    assert "not declared, so not scanned, on s3 a: bucket 0, bucket 1" in warnings
    assert "bucket 7 and 2 more" in warnings
    assert "what else postgres b has is not known: no answer" in warnings
    assert "s3 c" not in warnings
    tables = {table.title: table.rows for table in conclude(revoked(found)).tables}
    rows = tables["beside the declared places: not declared, not scanned"]
    assert rows[0] == ("s3 a", "bucket 0")
    assert rows[-1] == ("postgres b", "not known: no answer")
