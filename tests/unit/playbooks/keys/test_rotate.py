"""`rotate-key`: the other order, for a key at risk."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from remediations.engine.plan.build import deciding_facts
from remediations.engine.plan.plan import Outcome
from remediations.playbooks.keys.chosen import INPUTS
from remediations.playbooks.keys.compromise import PLAYBOOK
from remediations.playbooks.keys.domain import DOMAIN
from remediations.playbooks.keys.rotate import BRANCH, key_is_not_rotated, rotating_was_tried
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.steps import Send, compile_sends
from remediations.systems.transactions.values import KeysReading
from remediations.values.reading import Known
from remediations.values.transaction import ROTATE
from tests.unit.playbooks.keys.cases import (
    NEW,
    NEW_PRINT,
    OUT,
    TARGET,
    VAULT,
    Change,
    reading,
    situation,
    unknown,
    with_fields,
    with_keys,
)

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN


def rotated(change: Change | None = None, **inputs: str) -> KeysSituation:
    """People have chosen to rotate first."""
    return situation(change, **{"order": "rotate-first", **inputs})


def test_one_transaction_of_the_owner() -> None:
    """It names both keys; nothing is revoked."""
    proposal = BRANCH.propose(rotated())
    (move,) = proposal.moves
    facts = {fact.name: fact.value for fact in deciding_facts(DOMAIN, rotated(), proposal)}
    made = compile_sends(move.action.deploy, {TARGET: move.action.data(facts, TARGET)})[TARGET]
    (message,) = Send.parse(made[0].payload).unsigned.trees
    assert (message["@type"], message["sender"]) == (ROTATE, VAULT)
    assert (message["old_key_fingerprint"], message["new_public_key"]) == (OUT, NEW)
    assert [one.id for one in proposal.checks] == ["RP2", "RP3", "RP4", "RP6"]
    assert NEW_PRINT[:12] in proposal.stages[0].gate.title


def test_both_orders_tell_what_speaks_for_and_against_them() -> None:
    """Contain first is what happens where nobody chooses."""
    contain, _, rotate = PLAYBOOK.branches[:3]
    for branch, keys, word in ((contain, situation(), "contain"), (rotate, rotated(), "rotate")):
        assert branch.fits(keys) is None
        told = " ".join(branch.propose(keys).warnings)
        assert f"{word} first, for:" in told
        assert "against:" in told
    assert contain.fits(situation(None, order="contain-first")) is None
    assert "revoked later" in (contain.fits(rotated()) or "")


@pytest.mark.parametrize(
    ("change", "inputs", "word"),
    [
        (None, {"order": ""}, "--order rotate-first"),
        (None, {"new_key": ""}, "--new-key"),
        (None, {"as": "admin"}, "without --as"),
        (None, {"fingerprint": ""}, "--fingerprint"),
        (with_keys(deprecated_at=5), {}, "is rotated since"),
    ],
    ids=["order", "new key", "as", "fingerprint", "rotated"],
)
def test_a_wrong_choice_has_one_clear_answer(
    change: Change | None, inputs: dict[str, str], word: str
) -> None:
    """Nothing is planned."""
    assert word in (BRANCH.fits(rotated(change, **inputs)) or "")


def test_an_order_is_one_of_two() -> None:
    """Others are refused at once."""
    (order,) = [one for one in INPUTS if one.name == "order"]
    with pytest.raises(ValueError, match="contain-first or rotate-first"):
        order.parse("first")


def _tried(gas: int | None) -> Change:
    def changed(read: KeysReading) -> KeysReading:
        known = Known(value=gas or 0, source="made", at=read.height.at)
        those = [
            replace(one, gas=unknown() if gas is None else known) if one.message == ROTATE else one
            for one in read.simulations
        ]
        return replace(read, simulations=tuple(those))

    return changed


@pytest.mark.parametrize(
    ("guard", "change", "inputs", "outcome"),
    [
        (key_is_not_rotated, None, {}, PASS),
        (key_is_not_rotated, with_keys(deprecated_at=5), {}, BLOCK),
        (key_is_not_rotated, None, {"fingerprint": "12" * 20}, UNKNOWN),
        (rotating_was_tried, None, {}, PASS),
        (rotating_was_tried, _tried(200_001), {}, BLOCK),
        (rotating_was_tried, _tried(None), {}, UNKNOWN),
        (rotating_was_tried, with_fields(simulations=()), {}, UNKNOWN),
    ],
)
def test_each_guard(
    guard: object, change: Change | None, inputs: dict[str, str], outcome: Outcome
) -> None:
    """R11 and R12."""
    assert callable(guard)
    result = guard(rotated(change, **inputs), TARGET)
    assert result.outcome is outcome, result
    assert all((result.got, result.expected, result.next_step))


def test_what_is_tried_is_no_key_of_anybody() -> None:
    """Only keys that are not rotated are tried."""
    tried = [one.fingerprint for one in reading().simulations if one.message == ROTATE]
    assert tried == [OUT]
