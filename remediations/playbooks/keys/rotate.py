"""The branch `rotate-key`: the other order, for a key at risk that nobody is known to have.

Its owner rotates it to a new one by one transaction. The chain then refuses it for what is sealed
anew, and it stays readable. It is not revoked: that is planned again when all readers have the new
key, and sealing anew begins then (a rotated key can be revoked, a revoked one cannot be rotated).
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Action, Branch, Facts, Move, Proposal, StageDraft, StepData
from remediations.engine.plan.plan import GuardResult, PlannedCheck, Risk, guard_result
from remediations.playbooks.keys.actions import LABEL, account_facts, one_more, transaction_data
from remediations.playbooks.keys.checks.titles import CHECKS
from remediations.playbooks.keys.chosen import INPUTS, flaw_of_key
from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.gates import stands_gate
from remediations.playbooks.keys.guards import (
    GUARDS,
    MORE_GAS,
    key_is_active,
    new_key_is_new,
    tried,
)
from remediations.playbooks.keys.situation import (
    AS,
    ORDER,
    REASON,
    ROTATE_FIRST,
    KeysSituation,
)
from remediations.playbooks.keys.use_window import use_since
from remediations.playbooks.keys.warnings import sign_first
from remediations.systems.transactions.steps import DRIVER_NAME, ROTATE_KEY
from remediations.values.transaction import ROTATE

FOR = (
    "rotate first, for: senders go over to the new key at once, and what is sealed to the old one "
    "stays valid until every reader has the new one"
)
AGAINST = (
    "rotate first, against: the old key is not revoked. What its holder seals or shows counts as "
    "good until `remediate plan INC-005` revokes it, and sealing anew begins only then (R16). "
    "Where anybody may have it already, contain first (without --order)"
)


def _fits(keys: KeysSituation) -> str | None:
    if keys.inputs.get(ORDER) != ROTATE_FIRST:
        return f"contained first is the order; a key at risk: --order {ROTATE_FIRST}"
    if AS in keys.inputs:
        return "the owner of the key rotates it: without --as"
    flaw = flaw_of_key(keys)
    if flaw is not None:
        return flaw
    key = keys.key
    assert key is not None, "`flaw_of_key` has seen it"
    if not keys.new_key:
        return "nobody says to which key it is rotated: --new-key"
    if key.deprecated_at:
        return (
            f"{key.fingerprint} is rotated since {day(key.deprecated_at)}; what is left is to "
            "revoke it, when all readers have the new key: without --order"
        )
    return None


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    owner = keys.owner
    assert owner is not None, "`fits` has seen it"
    name, target = owner.entry.name, owner.entry.target
    return Proposal(
        title=f"rotate the key {keys.fingerprint[:12]} of {name} to {keys.new_fingerprint[:12]}",
        stages=(
            StageDraft(
                title=f"rotate {keys.fingerprint[:12]} of {target}",
                why=f"it is at risk: {keys.inputs[REASON]}",
                moves=(Move(ROTATE_ACTION, target),),
                gate=stands_gate(keys.new_fingerprint, owner.entry.address, revoked=False),
            ),
        ),
        checks=tuple(
            PlannedCheck(id=one, title=CHECKS[one]) for one in ("RP2", "RP3", "RP4", "RP6")
        ),
        risk=Risk.MEDIUM,
        worst_case="nothing is rotated: the fee and the sequence are used, and the record says so",
        warnings=tuple(_warnings(keys, name)),
    )


def _warnings(keys: KeysSituation, name: str) -> Iterator[str]:
    yield sign_first(keys, 1, name)
    yield FOR
    yield AGAINST
    yield from use_since(keys)


def key_is_not_rotated(keys: KeysSituation, target: str) -> GuardResult:
    """R11: nobody has rotated the key yet, neither its owner nor a stranger."""
    key = keys.key
    stranger = None if key is None else keys.stranger(key)
    return guard_result(
        "R11",
        "the key is not rotated yet",
        subject=target,
        holds=None if key is None else not key.deprecated_at,
        got="no record"
        if key is None
        else "not rotated"
        if not key.deprecated_at
        else f"rotated {day(key.deprecated_at)}"
        + (f" by {stranger.address}, who does not own it" if stranger else ""),
        expected="a key that counts for what is sealed anew",
        next_step="where a stranger has rotated it: register a new key and revoke this one, "
        "without --order",
        facts=("key.fingerprint", "key.stands"),
    )


def rotating_was_tried(keys: KeysSituation, target: str) -> GuardResult:
    """R12: the chain would do it now, for no more gas than the inventory allows."""
    found = tried(keys, target, ROTATE)
    return guard_result(
        "R12",
        "the chain would rotate the key now",
        subject=target,
        holds=found.holds,
        got=found.got,
        expected=found.expected,
        next_step=MORE_GAS,
        facts=("key.fingerprint",),
    )


def _data(facts: Facts, target: str) -> StepData:
    new = {"new_key": facts["key.new"], "label": LABEL, "reason": facts["key.reason"]}
    return {**transaction_data(facts, target), **new}


ROTATE_ACTION = Action(
    name="key.rotate",
    driver=DRIVER_NAME,
    deploy=ROTATE_KEY,
    facts=account_facts,
    data=_data,
    guards=(*GUARDS, key_is_active, key_is_not_rotated, rotating_was_tried, new_key_is_new),
    effects=one_more,
)
BRANCH = Branch(
    name="rotate-key",
    title="rotate a key at risk to a new one, and revoke it later",
    condition=f"a key of an account of the inventory is at risk: --order {ROTATE_FIRST}",
    fits=_fits,
    propose=_propose,
    inputs=INPUTS,
)
