"""INC-005: what is planned, and what each wrong choice is answered with."""

from __future__ import annotations

import json

import pytest

from remediations.engine.find.finding import Health
from remediations.engine.plan.build import deciding_facts
from remediations.playbooks.keys.chosen import INPUTS
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.conditions import KeyCondition
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.finding import conclude
from remediations.playbooks.keys.gates import KeysLook, KeyStands
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.inventory import Member, Signer
from remediations.systems.transactions.steps import Send, compile_sends
from remediations.systems.transactions.values import (
    AccountsNow,
    AccountState,
    KeyEvent,
    KeyEventKind,
)
from remediations.values.reading import Known
from tests.unit.playbooks.keys.cases import (
    ADMIN,
    GONE,
    NEW,
    OTHER,
    OUT,
    TARGET,
    VAULT,
    reading,
    situation,
    unknown,
    with_account,
    with_entry,
    with_fields,
    with_keys,
)
from tests.unit.playbooks.keys.reader_cases import readers
from tests.unit.transactions.vectors import MULTISIG

BRANCH = PLAYBOOK.branches[0]


def sends(keys: KeysSituation, height: str = "") -> list[Send]:
    """What a plan sends; `height` is an approved value that holds."""
    proposal = BRANCH.propose(keys)
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, keys, proposal)}
    if height:
        facts["keys.height"] = height
    return [
        Send.parse(step.payload)
        for move in proposal.moves
        for step in compile_sends(move.action.deploy, {TARGET: move.action.data(facts, TARGET)})[
            TARGET
        ]
    ]


def test_the_new_key_is_registered_and_then_the_old_one_revoked() -> None:
    """By two transactions, one after the other, each with everything in it."""
    first, second = sends(situation())
    register, revoke = first.unsigned.trees[0], second.unsigned.trees[0]
    assert register["@type"].endswith("MsgRegisterRecipientKey")
    assert (register["sender"], register["public_key"]) == (VAULT, NEW)
    assert (revoke["sender"], revoke["key_fingerprint"]) == (VAULT, OUT)
    assert (first.unsigned.sequence, second.unsigned.sequence) == (7, 8)
    memo = first.unsigned.memo
    assert memo.startswith("remediate INC-005")
    assert memo.endswith("laptop stolen")
    height = reading().height
    assert isinstance(height, Known)
    assert first.unsigned.timeout_height == height.value + 300
    assert json.loads(first.payload.partition("\n")[2])["fee"] == "5000uve"


def test_members_are_named_in_what_they_sign() -> None:
    """By the names of the inventory, in the order of their keys, before the chain knows them."""
    council = MULTISIG[0].unsigned
    _, _, told = council.public_key.partition(" of ")
    members = tuple(
        Member(name=name, public_key=public)
        for name, public in zip(("ann", "bob", "eve"), told.split(","), strict=True)
    )
    state = AccountState(number=3, sequence=7, public_key="")
    of_council = with_entry(
        signer=Signer.MULTISIG, public_key=council.public_key, members=members, key="ms"
    )
    fresh = with_account(state=Known(value=state, source="made", at=reading().height.at))
    first, second = sends(situation(lambda read: fresh(of_council(read))))
    assert (first.members, first.keyring) == (("ann", "bob", "eve"), "ms")
    assert first.unsigned.public_key == second.unsigned.public_key == council.public_key
    step = json.loads(first.payload.partition("\n")[2])
    assert json.loads(step["sign_doc"])["memo"] == first.unsigned.memo
    assert "auth_info_bytes" not in step


def test_the_same_facts_give_the_same_bytes() -> None:
    """The height that was approved holds: a later look changes nothing that was signed."""
    assert sends(situation(), "500")[0].payload == sends(situation(), "500")[0].payload
    assert sends(situation(), "500")[0].unsigned.timeout_height == 800


def test_without_a_new_key_it_is_revoked_alone_and_said() -> None:
    """Its sequence is the next one then."""
    keys = situation(new_key="")
    (only,) = sends(keys)
    assert only.unsigned.sequence == 7
    warnings = BRANCH.propose(keys).warnings
    assert any("no other key" in one for one in warnings)
    assert [check.id for check in BRANCH.propose(keys).checks] == ["RP1", "RP3", "RP4", "RP5"]


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"fingerprint": ""}, f"--fingerprint, one of {OUT}"),
        ({"reason": ""}, "--reason"),
        ({"fingerprint": GONE}, "revoked since"),
        ({"fingerprint": OTHER}, "is of ve1somebody"),
        ({"fingerprint": "12" * 20}, "no event tells of it"),
    ],
    ids=str,
)
def test_a_wrong_choice_has_one_clear_answer(inputs: dict[str, str], word: str) -> None:
    """Nothing is planned."""
    assert word in (BRANCH.fits(situation(None, **inputs)) or "")


def test_what_was_not_read_is_not_taken_for_unknown() -> None:
    """A key may be of an account that did not answer."""
    keys = situation(with_account(keys=unknown()))
    assert "their keys were not read" in (BRANCH.fits(keys) or "")
    events = situation(with_fields(events=unknown()), fingerprint="12" * 20)
    assert "events are not known" in (BRANCH.fits(events) or "")


def test_a_key_that_was_purged_is_told_by_its_event() -> None:
    """Seven days after it was revoked its record goes."""
    events = reading().events
    assert isinstance(events, Known)
    purged = KeyEvent(
        kind=KeyEventKind.REVOKED, fingerprint="34" * 20, address=VAULT, by=VAULT, new="",
        at=1796019052, height=9, transaction="",
    )  # fmt: skip
    known = Known(value=(*events.value, purged), source="made", at=events.at)
    keys = situation(with_fields(events=known), fingerprint="34" * 20)
    assert "its record is purged" in (BRANCH.fits(keys) or "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fingerprint", "ab"),
        ("fingerprint", "xy" * 20),
        ("reason", "no"),
        ("reason", 'a "quote"'),
        ("new-key", "AAAA"),
        ("new-key", "A" * 43 + "="),
        ("new-key", "not base64"),
    ],
)
def test_a_malformed_choice_is_refused_at_once(name: str, text: str) -> None:
    """With what is expected."""
    (one,) = [given for given in INPUTS if given.name == name]
    with pytest.raises(ValueError, match=r"\w+"):
        one.parse(text)


def test_a_choice_has_one_form() -> None:
    """It is digested."""
    parse = {given.name: given.parse for given in INPUTS}
    assert parse["fingerprint"](OUT.upper()) == OUT
    assert parse["reason"]("  laptop   stolen ") == "laptop stolen"
    assert parse["new-key"](NEW) == NEW


def test_the_finding_tells_whose_who_and_what_it_cannot_know() -> None:
    """Events of blocks are among them."""
    finding = conclude(situation())
    assert finding.health is Health.WELL
    conditions = {one.name: one.condition for one in finding.subjects}
    assert conditions == {OUT: KeyCondition.ACTIVE, GONE: KeyCondition.REVOKED}
    told = {table.title: table.rows for table in finding.tables}
    assert any("block 60 itself" in row for row in told["what happened to keys"])
    assert "governance" in told["who can revoke"][0][-1]
    assert any("no query for it" in row.text for row in finding.rows)


def test_a_stranger_who_rotates_is_seen() -> None:
    """The owner's own rotation is none."""
    events = reading().events
    assert isinstance(events, Known)
    rotated = KeyEvent(
        kind=KeyEventKind.ROTATED, fingerprint=OUT, address=ADMIN, by="", new="99" * 20,
        at=1796019052, height=50, transaction="AB" * 32,
    )  # fmt: skip
    known = Known(value=(*events.value, rotated), source="made", at=events.at)
    finding = conclude(situation(with_fields(events=known)))
    assert finding.verdict == "keys-tampered"
    (subject,) = [one for one in finding.subjects if one.name == OUT]
    assert subject.condition == KeyCondition.ROTATED_BY_STRANGER
    assert ADMIN in subject.cause


@pytest.mark.parametrize(
    ("times", "condition"),
    [({"deprecated_at": 5}, KeyCondition.DEPRECATED), ({"expires_at": 5}, KeyCondition.EXPIRED)],
    ids=str,
)
def test_the_other_conditions(times: dict[str, int], condition: KeyCondition) -> None:
    """By the record."""
    finding = conclude(situation(with_keys(**times)))
    assert condition in {one.condition for one in finding.subjects}


def test_unread_is_not_well() -> None:
    """Neither keys nor endpoints."""
    assert conclude(situation(with_account(keys=unknown()))).health is Health.UNKNOWN
    assert conclude(situation(with_fields(height=unknown()))).verdict == "keys-unread"


def test_a_gate_opens_by_two_endpoints_only() -> None:
    """And by the owner's record alone."""
    read = reading()
    gate = BRANCH.propose(situation()).stages[1].gate
    now = AccountsNow(endpoints=2, accounts=read.accounts, owners=())
    assert not KeysLook(now=now).judge(gate).open
    revoked = with_keys(revoked_at=9)(read).accounts
    assert KeysLook(now=AccountsNow(endpoints=2, accounts=revoked, owners=())).judge(gate).open
    assert not KeysLook(now=AccountsNow(endpoints=1, accounts=revoked, owners=())).judge(gate).open
    asked = gate.asks.read(KeyStands)
    assert (asked.fingerprint, asked.address, asked.revoked) == (OUT, VAULT, True)
    assert "vault 1" in KeysLook(now=now).sight.headline


def test_a_branch_does_not_fit_where_people_chose_what_it_does_not_take() -> None:
    """So the first one that fits is the one they mean, and not one that refuses their choice."""
    for keys, chosen in (
        (readers(), ["install-key", "re-encrypt"]),
        (readers(out_since="2026-11-01"), ["re-encrypt"]),
        (readers(items="portal"), []),
    ):
        assert [one.name for one in PLAYBOOK.branches if one.fits(keys) is None] == chosen
    told = {one.name: one.fits(readers(out_since="2026-11-01")) for one in PLAYBOOK.branches}
    assert told["install-key"] == "it takes no --out-since"
