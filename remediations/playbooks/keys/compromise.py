"""The playbook `INC-005`: a key is out. A new key is registered, and the old one revoked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from remediations.engine.domain import Branch, Input, Move, Playbook, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.keys import reencryption
from remediations.playbooks.keys.actions import REGISTER, REVOKE
from remediations.playbooks.keys.checks.titles import CHECKS
from remediations.playbooks.keys.conditions import day
from remediations.playbooks.keys.gates import KeyStands
from remediations.playbooks.keys.situation import (
    FINGERPRINT,
    NEW_KEY,
    REASON,
    KeysSituation,
    parse_new_key,
)
from remediations.systems.transactions.sent import SIGNED
from remediations.systems.transactions.values import KeyEventKind
from remediations.values.part import Part
from remediations.values.reading import Unknown, value_or_none

GATE_LIMIT_S = 120
_FINGERPRINT = re.compile("[0-9a-f]{40}")
_REASON = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,:_/-]{2,79}")


def _fits(keys: KeysSituation) -> str | None:
    if not keys.fingerprint:
        active = ", ".join(one.fingerprint for one in keys.reading.keys if not one.revoked_at)
        return f"nobody says which key is out: --fingerprint, one of {active or 'none'}"
    if REASON not in keys.inputs:
        return "nobody says why: --reason, which stands in the memo for everybody to read"
    key, owner = keys.key, keys.owner
    if key is None or owner is None:
        return _why_unknown(keys)
    if key.revoked_at:
        return (
            f"{key.fingerprint} is revoked since {day(key.revoked_at)}: nothing is left to send. "
            "What was sealed to it before still opens with it (docs/keys.md#afterwards)"
        )
    if keys.only and owner.entry.target not in keys.only:
        return f"{key.fingerprint} is of {owner.entry.target}, which --limit leaves out"
    if keys.new_fingerprint == key.fingerprint:
        return "--new-key is the key that is out"
    return None


def _why_unknown(keys: KeysSituation) -> str:
    """Why the named key is of no account of the inventory, as far as anything tells."""
    unread = [one for one in keys.reading.accounts if isinstance(one.keys, Unknown)]
    if unread:
        names = ", ".join(one.entry.target for one in unread)
        return f"whether it is of {names} is not known: their keys were not read"
    events = keys.events(keys.fingerprint)
    gone = next((one for one in events if one.kind is KeyEventKind.REVOKED), None)
    owner = next((one.address for one in events if one.kind is not KeyEventKind.ROTATED), "")
    ours = {one.entry.address for one in keys.reading.accounts}
    if gone is not None and gone.address in ours:
        return (
            f"{keys.fingerprint} was revoked {day(gone.at)} in block {gone.height}, and its record "
            "is purged: nothing is left to send"
        )
    if owner:
        return (
            f"{keys.fingerprint} is of {owner}, which is no account under `keys.accounts`: its "
            "owner revokes it, or governance"
        )
    if isinstance(keys.reading.events, Unknown):
        return f"no account of the inventory has {keys.fingerprint}, and events are not known"
    return (
        f"{keys.fingerprint} is of no account of the inventory, and no event tells of it: compare "
        "its digits with `remediate diagnose keys`"
    )


def _propose(keys: KeysSituation) -> Proposal[KeysSituation]:
    owner = keys.owner
    assert owner is not None, "`fits` has seen it"
    name = owner.entry.name
    checks = [one for one in CHECKS if one != "RP2" or keys.new_key]
    return Proposal(
        title=f"revoke the key {keys.fingerprint[:12]} of {name}",
        stages=tuple(_stages(keys, owner.entry.target, owner.entry.address)),
        checks=tuple(PlannedCheck(id=one, title=CHECKS[one]) for one in checks),
        risk=Risk.MEDIUM,
        worst_case="the new key is registered and the old one not revoked yet: both are active, "
        "and planning again goes on from there",
        warnings=tuple(_warnings(keys, name)),
    )


def _stages(keys: KeysSituation, target: str, address: str) -> Iterator[StageDraft[KeysSituation]]:
    if keys.new_key:
        yield StageDraft(
            title=f"register {keys.new_fingerprint[:12]} for {target}",
            why="a revoked key cannot be rotated: what takes its place comes first",
            moves=(Move(REGISTER, target),),
            gate=_gate(keys.new_fingerprint, address, revoked=False),
        )
    yield StageDraft(
        title=f"revoke {keys.fingerprint[:12]} of {target}",
        why=f"it is out: {keys.inputs[REASON]}",
        moves=(Move(REVOKE, target),),
        gate=_gate(keys.fingerprint, address, revoked=True),
    )


def _gate(fingerprint: str, address: str, *, revoked: bool) -> Gate:
    word = "revoked" if revoked else "active"
    return Gate(
        title=f"two endpoints record {fingerprint[:12]} as {word}",
        timeout_s=GATE_LIMIT_S,
        asks=Part.of(KeyStands(fingerprint=fingerprint, address=address, revoked=revoked)),
    )


def _warnings(keys: KeysSituation, name: str) -> Iterator[str]:
    count = 2 if keys.new_key else 1
    yield (
        f"{count} transaction(s) of {name} must be signed before `remediate apply`: "
        f"tools/unsigned_transactions.py writes them and says how; the signed ones belong into "
        f"{SIGNED}/ of {keys.reading.section.directory}"
    )
    yield (
        "revoking does not protect what was sealed before: take all of that as known to whoever "
        "has the key, and keep its private half, offline, until all of it is sealed anew"
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


def _fingerprint(text: str) -> str:
    found = text.lower()
    if not _FINGERPRINT.fullmatch(found):
        raise ValueError("the fingerprint of a key: 40 hex digits, as `diagnose keys` shows it")
    return found


def _reason(text: str) -> str:
    found = " ".join(text.split())
    if not _REASON.fullmatch(found):
        raise ValueError("why, in 3 to 80 letters, digits and plain signs: it is public for ever")
    return found


INPUTS = (
    Input(name=FINGERPRINT, metavar="F", help="The key that is out.", parse=_fingerprint),
    Input(name=REASON, metavar="TEXT", help="Why, for the memo: it is public.", parse=_reason),
    Input(
        name=NEW_KEY,
        metavar="BASE64",
        help="The public key that takes its place; registered first.",
        parse=parse_new_key,
    ),
)

PLAYBOOK = Playbook(
    id="INC-005",
    title="A recipient's key is out",
    alerts=("KeyTampered", "KeysUnread", "KeyMetricsMissing"),
    branches=(
        Branch(
            name="revoke-key",
            title="register a new key, revoke the old one",
            condition="a key of an account of the inventory is out, and is not revoked",
            fits=_fits,
            propose=_propose,
            inputs=INPUTS,
        ),
        reencryption.branch(*INPUTS),
    ),
)
