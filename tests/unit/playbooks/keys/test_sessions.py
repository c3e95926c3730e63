"""Ending sessions: when it fits, what is planned, and what each guard lets through."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from remediations.engine.plan.build import deciding_facts, stage_impacts
from remediations.engine.plan.plan import Fact, Gate, GuardResult, Outcome, Rule
from remediations.playbooks.keys import sessions_guards as guards
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.finding import conclude
from remediations.playbooks.keys.gates import baseline
from remediations.playbooks.keys.reencryption_guards import key_is_revoked
from remediations.playbooks.keys.sessions import parse_items
from remediations.playbooks.keys.sessions_gates import (
    ItemNow,
    ItemsLook,
    ItemsReset,
    SessionsBefore,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.steps import ResetOrder, compile_resets
from remediations.values.part import Part
from tests.unit.playbooks.keys.cases import OUT, situation, unknown, with_fields
from tests.unit.playbooks.keys.session_cases import (
    REVOKED_AT,
    TARGET,
    item,
    leaked,
    read,
    sessions,
)

BRANCHES = {one.name: one for one in PLAYBOOK.branches}
BRANCH = BRANCHES["end-sessions"]
PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
OTHER_KEY = "ef" * 20


def facts(keys: KeysSituation) -> dict[str, Fact]:
    """What decides about what is proposed."""
    found = deciding_facts(DOMAIN, keys, BRANCH.propose(keys))
    return {fact.name: fact for fact in found}


def orders(keys: KeysSituation) -> list[ResetOrder]:
    """What a plan does."""
    told = {name: fact.value for name, fact in facts(keys).items()}
    made = []
    for action, target in BRANCH.propose(keys).moves:
        (step,) = compile_resets(action.deploy, {target: action.data(told, target)})[target]
        made.append(ResetOrder.parse(step.payload))
    return made


def test_all_open_items_are_reset_at_once() -> None:
    """In one stage, so that one that fails stops no other; with item, programs and time."""
    by_program = read(item("database", run="/usr/sbin/rotate"))
    keys = leaked(sessions(read(), by_program))
    proposal = BRANCH.propose(keys)
    (stage,) = proposal.stages
    assert [move.target for move in stage.moves] == [TARGET, "session/database"]
    portal, database = orders(keys)
    assert (portal.item, portal.fingerprint, portal.machine) == (item(), OUT, "vault-1")
    assert portal.since == math.ceil(keys.at.timestamp())
    assert database.programs == {"/usr/sbin/rotate": "ab" * 32}
    assert "every session of portal ends" in portal.says


def test_the_time_may_rise_and_the_approved_one_counts() -> None:
    """The clock goes on between planning and applying."""
    since = facts(leaked())["sessions.since"]
    assert since.rule is Rule.AT_LEAST


def test_only_what_is_open_and_concerns_the_key() -> None:
    """The others are named, with the reason; so is what nobody declared."""
    keys = leaked(
        sessions(
            read(),
            read(item("done"), done=True),
            read(item("other", keys=(OTHER_KEY,))),
            read(item("ours", keys=(OUT,))),
        )
    )
    assert BRANCH.propose(keys).targets == (TARGET, "session/ours")
    said = "\n".join(BRANCH.propose(keys).warnings)
    for word in ("done is left out: it is done already", "other is left out: it is for other keys"):
        assert word in said
    assert "only portal, ours will be reset" in said
    assert "by hand" in said
    assert "5 versions in the stores are still sealed to the key" in said
    chosen = leaked(keys.sessions, items="ours")
    assert BRANCH.propose(chosen).targets == ("session/ours",)
    assert "portal is left out by --items" in "\n".join(BRANCH.propose(chosen).warnings)


@pytest.mark.parametrize(
    ("not_before", "targets"),
    [(REVOKED_AT - 1, (TARGET,)), (REVOKED_AT, ())],
    ids=["before", "since"],
)
def test_a_time_counts_from_when_the_key_was_revoked(
    not_before: int, targets: tuple[str, ...]
) -> None:
    """What was ended since then was not sealed to it any more."""
    keys = leaked(sessions(read(item(timed=True), not_before=not_before)))
    assert (BRANCH.propose(keys).targets if BRANCH.fits(keys) is None else ()) == targets


def test_the_impact_is_what_is_not_reset() -> None:
    """One less for each item."""
    keys = leaked(sessions(read(), read(item("b")), read(item("c"), done=True)))
    (changed,) = stage_impacts(DOMAIN, keys, BRANCH.propose(keys))
    (found,) = [one for one in changed if one.measure == "items not reset"]
    assert (found.before, found.after, found.total) == (2, 0, 3)


def test_the_baseline_names_the_items() -> None:
    """By which a report tells what was to be done."""
    (part,) = baseline(leaked(), BRANCH.propose(leaked()))
    assert part.read(SessionsBefore) == SessionsBefore(fingerprint=OUT, items=("portal",))


def test_sealing_anew_names_the_branch() -> None:
    """Where items are declared; else people do all of it."""
    anew = BRANCHES["re-encrypt"]
    said = "\n".join(anew.propose(leaked()).warnings)
    assert "end sessions (`--branch end-sessions` afterwards, for portal alone)" in said
    bare = "\n".join(anew.propose(replace(leaked(), sessions=None)).warnings)
    assert "end sessions, tell those" in bare


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        (leaked(fingerprint=""), "--fingerprint"),
        (leaked(reason=""), "--reason"),
        (replace(leaked(), sessions=None), "docs/sessions.md"),
        (leaked(revoked_at=0), "revoke-key` comes first"),
        (leaked(items="nowhere"), "no item is called nowhere"),
        (leaked(sessions(read(item(keys=(OTHER_KEY,))))), "no item of `sessions` concerns"),
        (leaked(sessions(read(done=True))), "Nothing is left to call"),
        (leaked(), ""),
        (leaked(sessions(read(done=None))), ""),
    ],
    ids=["key", "reason", "nothing", "active", "name", "others", "done", "fits", "unread"],
)
def test_when_it_fits(keys: KeysSituation, word: str) -> None:
    """An item whose probe does not tell is in scope: its guard says so."""
    assert word in (BRANCH.fits(keys) or "")
    assert (BRANCH.fits(keys) is None) is not bool(word)


def purged() -> KeysSituation:
    """The record is purged, and no endpoint searches events."""
    made = situation(with_fields(events=unknown()), fingerprint="34" * 20)
    return replace(made, sessions=sessions())


PROGRAM = item(run="/usr/sbin/rotate")
CASES: list[tuple[str, Callable[[KeysSituation, str], GuardResult], KeysSituation, Outcome]] = [
    ("revoked", key_is_revoked, leaked(), PASS),
    ("not revoked", key_is_revoked, leaked(revoked_at=0), BLOCK),
    ("purged", key_is_revoked, purged(), UNKNOWN),
    ("here", guards.calls_are_kept, leaked(), PASS),
    ("elsewhere", guards.calls_are_kept, leaked(sessions(here="laptop")), BLOCK),
    ("shared", guards.calls_are_kept, leaked(sessions(flaw="/x is not yours alone")), BLOCK),
    ("no section", guards.calls_are_kept, leaked(sessions(here="", flaw="none")), BLOCK),
    ("token", guards.credentials_are_usable, leaked(), PASS),
    ("bad token", guards.credentials_are_usable, leaked(sessions(read(flaw="chmod"))), BLOCK),
    ("no token", guards.credentials_are_usable, leaked(sessions(here="laptop")), UNKNOWN),
    ("no program", guards.programs_are_trusted, leaked(), PASS),
    ("program", guards.programs_are_trusted, leaked(sessions(read(PROGRAM))), PASS),
    ("bad program", guards.programs_are_trusted, leaked(sessions(read(PROGRAM, sha256=""))), BLOCK),
    (
        "unread program",
        guards.programs_are_trusted,
        leaked(sessions(read(PROGRAM, sha256=""), here="laptop")),
        UNKNOWN,
    ),
    ("open", guards.item_is_open, leaked(), PASS),
    ("done", guards.item_is_open, leaked(sessions(read(done=True))), BLOCK),
    ("silent", guards.item_is_open, leaked(sessions(read(done=None))), UNKNOWN),
    ("every key", guards.item_concerns_the_key, leaked(), PASS),
    ("this key", guards.item_concerns_the_key, leaked(sessions(read(item(keys=(OUT,))))), PASS),
    (
        "another key",
        guards.item_concerns_the_key,
        leaked(sessions(read(item(keys=(OTHER_KEY,)))), items="portal"),
        BLOCK,
    ),
]


@pytest.mark.parametrize(
    ("guard", "keys", "outcome"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_each_guard(
    guard: Callable[[KeysSituation, str], GuardResult], keys: KeysSituation, outcome: Outcome
) -> None:
    """It passes, blocks, or is unknown, and says what to do."""
    result = guard(keys, TARGET)
    assert result.outcome is outcome, result
    assert result.got
    assert result.expected
    assert result.next_step


def test_a_guard_names_facts_that_there_are() -> None:
    """What it rests on is compared again before anything is called."""
    keys = leaked()
    named = {fact for one in guards.SESSION_GUARDS for fact in one(keys, TARGET).facts}
    assert named <= facts(keys).keys()


def look(*states: bool | None) -> ItemsLook:
    """Items at one moment."""
    items = (ItemNow(name=f"i{n}", is_done=state, seen="/x") for n, state in enumerate(states))
    return ItemsLook(items=tuple(items))


@pytest.mark.parametrize(
    ("states", "opened"),
    [((True, True), True), ((True, False), False), ((True, None), False), ((True,), False)],
    ids=["all", "one not", "one unknown", "one missing"],
)
def test_the_gate_opens_when_every_probe_says_done(
    states: tuple[bool | None, ...], opened: bool
) -> None:
    """One that does not tell keeps it shut."""
    gate = Gate(title="", timeout_s=1, asks=Part.of(ItemsReset(items=("i0", "i1"))))
    assert look(*states).judge(gate).open is opened


def test_the_sight_counts_what_is_left() -> None:
    """What is not known counts as left."""
    sight = look(True, False, None).sight
    assert sight.headline == "1 of 3 items reset"
    assert [point.value for point in sight.points] == [2, 0, 1, None]
    assert sight.points[0].series == "items not reset"


@pytest.mark.parametrize("text", ["", "A", "a,,b", "a;b"])
def test_names_that_are_none_are_refused(text: str) -> None:
    """With the form that is expected."""
    with pytest.raises(ValueError, match="portal,database"):
        parse_items(text)


def test_names_have_one_form() -> None:
    """Whatever their order."""
    assert parse_items("b, a,b") == "a,b"
    assert parse_items("a,b") == "a,b"


def test_diagnosis_shows_what_can_be_reset() -> None:
    """With what each probe tells, or why it does not."""
    keys = leaked(sessions(read(), read(item("b"), done=None)))
    (table,) = [one for one in conclude(keys).tables if one.title == "what can be reset"]
    assert [row[0] for row in table.rows] == ["portal", "b"]
    assert [row[2] for row in table.rows] == ["/open: 3", "not known: no answer"]


def test_stores_need_not_be_there() -> None:
    """Sessions of a service end without any store."""
    keys = replace(leaked(), stores=None)
    assert BRANCH.fits(keys) is None
    assert not any("versions" in one for one in BRANCH.propose(keys).warnings)
