"""The playbook `INC-005`: a key is out. A new key is registered, and the old one revoked."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Branch, Move, Playbook, Proposal, StageDraft
from remediations.engine.plan.plan import PlannedCheck, Risk
from remediations.playbooks.keys import grant, reencryption, rotate, sessions
from remediations.playbooks.keys.actions import REGISTER, REVOKE
from remediations.playbooks.keys.checks.titles import CHECKS
from remediations.playbooks.keys.chosen import (
    INPUTS,
    KEY_INPUTS,
    SINCE,
    declining,
    flaw_of_key,
    flaw_of_order,
)
from remediations.playbooks.keys.gates import stands_gate
from remediations.playbooks.keys.key_file_branches import install_branch, retire_branch
from remediations.playbooks.keys.situation import AS, REASON, ROTATE_FIRST, KeysSituation
from remediations.playbooks.keys.use_window import use_since
from remediations.playbooks.keys.warnings import NOT_PROTECTED, sign_first
from remediations.values.reading import value_or_none


def _fits(keys: KeysSituation) -> str | None:
    if AS in keys.inputs:
        return "the owner of the key signs here: without --as"
    return flaw_of_order(keys) or flaw_of_key(keys)


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    owner = keys.owner
    assert owner is not None, "`fits` has seen it"
    name = owner.entry.name
    checks = [one for one in grant.REVOKE_CHECKS if one != "RP2" or keys.new_key]
    return Proposal(
        title=f"revoke the key {keys.fingerprint[:12]} of {name}",
        stages=tuple(_stages(keys, owner.entry.target, owner.entry.address)),
        checks=tuple(PlannedCheck(id=one, title=CHECKS[one]) for one in checks),
        risk=Risk.MEDIUM,
        worst_case="the new key is registered and the old one not revoked yet: both are active, "
        "and planning again goes on from there"
        if keys.new_key
        else "the transaction is in no block, and the key stays as it is",
        warnings=tuple(_warnings(keys, name)),
    )


def _stages(keys: KeysSituation, target: str, address: str) -> Iterator[StageDraft[KeysSituation]]:
    if keys.new_key:
        yield StageDraft(
            title=f"register {keys.new_fingerprint[:12]} for {target}",
            why="a revoked key cannot be rotated: what takes its place comes first",
            moves=(Move(REGISTER, target),),
            gate=stands_gate(keys.new_fingerprint, address, revoked=False),
        )
    yield StageDraft(
        title=f"revoke {keys.fingerprint[:12]} of {target}",
        why=f"it is out: {keys.inputs[REASON]}",
        moves=(Move(REVOKE, target),),
        gate=stands_gate(keys.fingerprint, address, revoked=True),
    )


def _warnings(keys: KeysSituation, name: str) -> Iterator[str]:
    count = 2 if keys.new_key else 1
    yield sign_first(keys, count, name)
    yield NOT_PROTECTED
    yield from use_since(keys)
    yield (
        "contain first, for: from its block on everybody sees that the key is revoked, and nothing "
        "new is sealed to it; against: it can never be rotated any more. A key at risk only can be "
        f"rotated first: --order {ROTATE_FIRST}"
    )
    others = [
        one
        for one in keys.reading.keys
        if not one.revoked_at and one.fingerprint != keys.fingerprint
        if keys.key is not None and one.address == keys.key.address
    ]
    if not keys.new_key and not others:
        yield f"{name} has no other key: from then on nobody can seal anything to it (--new-key)"
    if value_or_none(keys.reading.events) is None:
        yield "what happened to the key before is not known: no endpoint indexes events"


_REVOKE = Branch(
    name="revoke-key",
    title="register a new key, revoke the old one",
    condition="a key of an account of the inventory is out, and is not revoked",
    fits=_fits,
    propose=_propose,
    inputs=INPUTS,
)
PLAYBOOK = Playbook(
    id="INC-005",
    title="A recipient's key is out",
    alerts=("KeyTampered", "KeysUnread", "KeyMetricsMissing"),
    branches=tuple(
        declining(one)
        for one in (
            _REVOKE,
            grant.BRANCH,
            rotate.BRANCH,
            install_branch(*KEY_INPUTS),
            reencryption.branch(*KEY_INPUTS, SINCE),
            sessions.branch(*KEY_INPUTS),
            retire_branch(*KEY_INPUTS),
        )
    ),
)
