"""`revoke-by-grant`: what an admin sends for the owner of a key, and when not."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.build import deciding_facts
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.keys import grant_guards
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.finding import conclude
from remediations.playbooks.keys.gates import KeysBefore, KeyStands, baseline
from remediations.playbooks.keys.grant import BRANCH
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.steps import Send, compile_sends
from remediations.systems.transactions.trials import trial_fingerprint
from remediations.systems.transactions.values import Grant, KeysReading
from remediations.values.reading import Known
from remediations.values.transaction import EXEC, REGISTER, REVOKE
from tests.unit.playbooks.keys.cases import (
    ADMIN,
    NEW,
    NEW_PRINT,
    OTHER,
    OUT,
    STRANGER,
    TARGET,
    THEIRS,
    VAULT,
    Change,
    reading,
    situation,
    unknown,
    with_fields,
)

BY = "account/admin"
PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
ADMIN_KEY = "02" + "ab" * 32


def with_key(read: KeysReading) -> KeysReading:
    """The admin has never signed: the inventory says by which key it will."""
    vault, admin = read.accounts
    known = replace(admin, entry=replace(admin.entry, public_key=ADMIN_KEY))
    return replace(read, accounts=(vault, known))


def sends(keys: KeysSituation) -> list[Send]:
    """What the plan sends."""
    proposal = BRANCH.propose(keys)
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposal)}
    return [
        Send.parse(step.payload)
        for move in proposal.moves
        for step in compile_sends(move.action.deploy, {BY: move.action.data(facts, BY)})[BY]
    ]


def proposed(keys: KeysSituation) -> Proposal[KeysSituation]:
    """The plan of the branch, which fits."""
    assert BRANCH.fits(keys) is None
    return BRANCH.propose(keys)


def test_the_admin_signs_the_owners_messages() -> None:
    """Each inside a `MsgExec`; number, sequence and key are the admin's."""
    first, second = sends(situation(with_key, **{"as": "admin"}))
    (register,), (revoke,) = first.unsigned.trees, second.unsigned.trees
    assert (register["@type"], register["grantee"]) == (EXEC, ADMIN)
    (inner,) = register["msgs"]
    assert (inner["@type"], inner["sender"], inner["public_key"]) == (REGISTER, VAULT, NEW)
    assert revoke["msgs"] == [{"@type": REVOKE, "sender": VAULT, "key_fingerprint": OUT}]
    of_admin = (ADMIN, 4, 0, ADMIN_KEY)
    signed = first.unsigned
    assert (
        signed.account, signed.account_number, signed.sequence, signed.public_key
    ) == of_admin  # fmt: skip
    assert second.unsigned.sequence == 1
    assert "MsgExec with MsgRevokeRecipientKey, signed by admin" in second.told


def test_the_key_of_a_stranger_that_granted_it() -> None:
    """The owner need not be in the inventory; gates and checks ask for its records."""
    keys = situation(with_key, fingerprint=THEIRS, new_key="", **{"as": "admin"})
    proposal = proposed(keys)
    (only,) = sends(keys)
    (message,) = only.unsigned.trees[0]["msgs"]
    assert (message["sender"], message["key_fingerprint"]) == (STRANGER, THEIRS)
    asked = proposal.stages[0].gate.asks.read(KeyStands)
    assert (asked.address, asked.revoked) == (STRANGER, True)
    (before,) = baseline(keys, proposal)
    kept = before.read(KeysBefore)
    assert (kept.owner, kept.account, kept.sends) == (STRANGER, BY, 1)
    assert THEIRS in {one.fingerprint for one in kept.keys}
    assert DOMAIN.resources(keys) == (f"account/one-1/{ADMIN}", f"key/{THEIRS}")
    assert any("never ends" in one for one in proposal.warnings)


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({}, "--as"),
        ({"as": "vault"}, "vault is not under `keys.admins` of the inventory: admin"),
        ({"as": "admin", "fingerprint": OTHER}, "is of ve1somebody"),
        ({"as": "admin", "reason": ""}, "--reason"),
    ],
    ids=str,
)
def test_a_wrong_choice_has_one_clear_answer(inputs: dict[str, str], word: str) -> None:
    """Nothing is planned."""
    assert word in (BRANCH.fits(situation(None, **inputs)) or "")


def test_who_owns_the_key_signs_without_a_grant() -> None:
    """And the branch for owners does not take `--as`."""
    section = replace(reading().section, admins=("vault",))
    keys = situation(with_fields(section=section), **{"as": "vault"})
    assert "owns the key itself" in (BRANCH.fits(keys) or "")
    assert "without --as" in (PLAYBOOK.branches[0].fits(situation(None, **{"as": "admin"})) or "")


def test_the_key_of_a_stranger_is_told_with_who_may_revoke_it() -> None:
    """To whoever names it without `--as`, and to whoever diagnoses."""
    keys = situation(fingerprint=THEIRS)
    assert "--as admin" in (PLAYBOOK.branches[0].fits(keys) or "")
    tables = {one.title: one.rows for one in conclude(keys).tables}
    (row,) = tables["keys of others that an admin may revoke"]
    assert row == (THEIRS, STRANGER, "key-active", "admin (authz, for ever)")
    unread = situation(with_fields(others_grants=unknown(), owners=()))
    assert any("for which others" in one.title for one in conclude(unread).tables)


def _grants(*given: tuple[str, str]) -> Change:
    """`vault` has granted these messages, until then."""
    grants = tuple(
        Grant(granter=VAULT, grantee=ADMIN, message=message, expires=expires)
        for message, expires in given
    )
    return with_fields(grants=Known(value=grants, source="made", at=reading().height.at))


def _without_pace(read: KeysReading) -> KeysReading:
    ends = []
    for one in read.endpoints:
        assert isinstance(one.state, Known)
        ends.append(
            replace(one, state=replace(one.state, value=replace(one.state.value, pace_ms=0)))
        )
    return replace(read, endpoints=tuple(ends))


SOON = str(1796019000 + 400)
"""In the middle of the 300 blocks, if each of them takes two seconds."""


@pytest.mark.parametrize(
    ("guard", "change", "outcome", "got"),
    [
        (grant_guards.may_revoke, None, PASS, "until 2026"),
        (grant_guards.may_revoke, _grants((REVOKE, "")), PASS, "for ever"),
        (grant_guards.may_revoke, _grants((REVOKE, SOON)), BLOCK, "until 2026"),
        (grant_guards.may_revoke, _grants((REVOKE, "1796019000")), BLOCK, "until 2026"),
        (grant_guards.may_revoke, _grants((REGISTER, "")), BLOCK, "not granted"),
        (grant_guards.may_revoke, with_fields(grants=unknown()), UNKNOWN, "no answer"),
        (grant_guards.may_revoke, _without_pace, UNKNOWN, "until 2026"),
        (grant_guards.may_register, None, PASS, "for ever"),
        (grant_guards.may_register, _grants((REVOKE, "")), BLOCK, "not granted"),
        (grant_guards.may_register, with_fields(grants=unknown()), UNKNOWN, "no answer"),
    ],
)
def test_a_grant_must_last_longer_than_this_can_take(
    guard: object, change: Change | None, outcome: Outcome, got: str
) -> None:
    """R9 and R10: for the message itself, of the owner itself."""
    assert callable(guard)
    result = guard(situation(change, **{"as": "admin"}), BY)
    assert result.outcome is outcome, result
    assert got in result.got
    assert all((result.subject == BY, result.expected, result.next_step))


def test_a_new_key_needs_a_grant_of_its_own() -> None:
    """The guard of registering is asked where a new key is named, and only there."""
    for new, expected in ((NEW, {"R9", "R10", "R7", "R13"}), ("", {"R9"})):
        keys = situation(with_key, new_key=new, **{"as": "admin"})
        asked = {
            guard(keys, BY).id for move in proposed(keys).moves for guard in move.action.guards
        }
        assert asked & {"R7", "R9", "R10", "R13"} == expected


def test_what_an_admin_would_send_is_tried() -> None:
    """With the admin as its sender; and as the owner's own."""
    revoked = [one for one in reading().simulations if one.message == REVOKE]
    tried = {(one.fingerprint, one.by) for one in revoked}
    assert tried == {(OUT, VAULT), (OUT, ADMIN), (THEIRS, ADMIN)}
    new = [one for one in reading().simulations if one.message == REGISTER]
    of_vault = {one.by for one in new if one.fingerprint == trial_fingerprint(VAULT)}
    assert of_vault == {VAULT, ADMIN}


def test_a_grant_is_a_fact() -> None:
    """One that is revoked before `apply` is seen there."""
    keys = situation(with_key, **{"as": "admin"})
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposed(keys))}
    assert facts[f"{BY}.may-revoke"].startswith("until 2026-11-")
    assert facts[f"{BY}.may-register"] == "for ever"
    assert facts[f"{BY}.owner"] == VAULT
    assert TARGET + ".owner" not in facts
    assert NEW_PRINT in str(proposed(keys).stages[0].gate)
