"""The branch `revoke-by-grant`: an admin revokes for an owner whose own key cannot sign now.

The owner has granted it before (authz), for revoking alone or for registering, too. The messages
are the owner's, inside a `MsgExec` of the admin: the admin's account signs, with its number, its
sequence and its key. The owner may be any account of the chain; it need not be in the inventory.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Action, Branch, Facts, Move, Proposal, StageDraft, StepData
from remediations.engine.plan.plan import Fact, PlannedCheck, Risk
from remediations.playbooks.keys.actions import (
    LABEL,
    account_facts,
    key_fact,
    one_less,
    one_more,
    revoke_data,
    transaction_data,
)
from remediations.playbooks.keys.checks.titles import CHECKS
from remediations.playbooks.keys.chosen import INPUTS, SENDER, flaw_of_key, flaw_of_order
from remediations.playbooks.keys.gates import stands_gate
from remediations.playbooks.keys.grant_guards import (
    grant_of,
    may_register,
    may_revoke,
    told_of_grant,
)
from remediations.playbooks.keys.guards import (
    GUARDS,
    key_is_active,
    new_key_is_new,
    registering_was_tried,
    revoking_was_tried,
)
from remediations.playbooks.keys.situation import AS, REASON, KeysSituation
from remediations.playbooks.keys.use_window import use_since
from remediations.playbooks.keys.warnings import NOT_PROTECTED, sign_first
from remediations.systems.transactions.steps import DRIVER_NAME, REGISTER_FOR, REVOKE_FOR
from remediations.values.transaction import REGISTER, REVOKE


def _fits(keys: KeysSituation) -> str | None:
    name = keys.inputs.get(AS)
    if name is None:
        return "nobody says who sends it by the owner's grant: --as"
    admins = keys.reading.section.admins
    if name not in admins:
        return f"{name} is not under `keys.admins` of the inventory: {', '.join(admins) or 'none'}"
    flaw = flaw_of_order(keys) or flaw_of_key(keys)
    if flaw is not None:
        return flaw
    signer = keys.signer
    assert signer is not None, "`flaw_of_key` has seen it"
    if signer.entry.address == keys.key_owner:
        return f"{name} owns the key itself: without --as"
    return None


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    signer = keys.signer
    assert signer is not None, "`fits` has seen it"
    checks = [one for one in REVOKE_CHECKS if one != "RP2" or keys.new_key]
    owner = owner_name(keys)
    return Proposal(
        title=f"revoke the key {keys.fingerprint[:12]} of {owner}, sent by {signer.entry.name}",
        stages=tuple(_stages(keys, signer.entry.target, owner)),
        checks=tuple(PlannedCheck(id=one, title=CHECKS[one]) for one in checks),
        risk=Risk.MEDIUM,
        worst_case="the new key is registered and the old one not revoked yet: both are active, "
        "and planning again goes on from there"
        if keys.new_key
        else "nothing is revoked: the fee and the sequence are used, and the record says so",
        warnings=tuple(_warnings(keys, signer.entry.name, signer.entry.address, owner)),
    )


REVOKE_CHECKS = ("RP1", "RP2", "RP3", "RP4", "RP5")


def owner_name(keys: KeysSituation) -> str:
    """What people call the owner of the key: as in the inventory, else its address."""
    return keys.owner.entry.name if keys.owner is not None else keys.key_owner


def _stages(keys: KeysSituation, target: str, owner: str) -> Iterator[StageDraft[KeysSituation]]:
    if keys.new_key:
        yield StageDraft(
            title=f"register {keys.new_fingerprint[:12]} for {owner}",
            why="a revoked key cannot be rotated: what takes its place comes first",
            moves=(Move(REGISTER_BY_GRANT, target),),
            gate=stands_gate(keys.new_fingerprint, keys.key_owner, revoked=False),
        )
    yield StageDraft(
        title=f"revoke {keys.fingerprint[:12]} of {owner}",
        why=f"it is out: {keys.inputs[REASON]}",
        moves=(Move(REVOKE_BY_GRANT, target),),
        gate=stands_gate(keys.fingerprint, keys.key_owner, revoked=True),
    )


def _warnings(keys: KeysSituation, name: str, address: str, owner: str) -> Iterator[str]:
    count = 2 if keys.new_key else 1
    yield sign_first(keys, count, name)
    yield (
        f"the event will name {owner} as who revoked it: only the sender of the transaction shows "
        f"that it was {name}"
    )
    grant = grant_of(keys, address, REVOKE)
    if grant is not None and not grant.expires:
        yield (
            f"the grant of {owner} to {name} never ends: whoever has the key of {name} can revoke "
            f"all keys of {owner}. Let {owner} revoke the grant when its own key signs again"
        )
    yield NOT_PROTECTED
    yield from use_since(keys)
    if not keys.new_key:
        yield f"no key is registered for {owner}: it stays with those that it has (--new-key)"


def _facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    read = keys.reading.granted(keys.key_owner)
    revoke, register = (told_of_grant(keys, target, one) for one in (REVOKE, REGISTER))
    return (
        *account_facts(keys, target),
        key_fact(keys, f"{target}.owner", keys.key_owner, "in whose name it is sent", "its record"),
        key_fact(keys, f"{target}.may-revoke", revoke, "by this right it is sent", read.source),
        key_fact(keys, f"{target}.may-register", register, "the same for a new key", read.source),
    )


def _revoke(facts: Facts, target: str) -> StepData:
    return {**revoke_data(facts, target), "owner": facts[f"{target}.owner"]}


def _register(facts: Facts, target: str) -> StepData:
    new = {"owner": facts[f"{target}.owner"], "new_key": facts["key.new"], "label": LABEL}
    return {**transaction_data(facts, target), **new}


REGISTER_BY_GRANT = Action(
    name="key.register-by-grant",
    driver=DRIVER_NAME,
    deploy=REGISTER_FOR,
    facts=_facts,
    data=_register,
    guards=(*GUARDS, may_register, registering_was_tried, new_key_is_new),
    effects=one_more,
)
REVOKE_BY_GRANT = Action(
    name="key.revoke-by-grant",
    driver=DRIVER_NAME,
    deploy=REVOKE_FOR,
    facts=_facts,
    data=_revoke,
    guards=(*GUARDS, may_revoke, key_is_active, revoking_was_tried),
    effects=one_less,
)
ACTIONS = (REGISTER_BY_GRANT, REVOKE_BY_GRANT)
BRANCH = Branch(
    name="revoke-by-grant",
    title="revoke the key of an owner who cannot sign, by its grant",
    condition="a key is out and not revoked, and its owner has granted an admin to revoke it",
    fits=_fits,
    propose=_propose,
    inputs=(*INPUTS, SENDER),
)
