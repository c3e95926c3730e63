"""Guards on registering and revoking a key (ids: rules/guards.md here)."""

from __future__ import annotations

from typing import NamedTuple

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.transactions.inventory import Signer
from remediations.systems.transactions.sent import SIGNED
from remediations.systems.transactions.trials import trial_fingerprint
from remediations.values.bech32 import decode, encode
from remediations.values.multisig import Multisig
from remediations.values.reading import Known, Unknown, value_or_none
from remediations.values.transaction import REGISTER, REVOKE

NOT_READ = "it was not read"
DIAGNOSE = "`remediate diagnose keys` says why; then plan again"
MORE_GAS = "read what it says; more gas is `keys.gas` of the inventory"
_TWO = 2


def endpoints_are_two(keys: KeysSituation, _: Proposal[KeysSituation]) -> GuardResult:
    """R1: two endpoints of the chain answer, and their heights move."""
    used, every = keys.reading.used, keys.reading.endpoints
    flaws = "; ".join(f"{one.endpoint.name}: {one.flaw}" for one in every if one.flaw)
    holds = None if not used else len(used) >= _TWO
    return guard_result(
        "R1",
        "two endpoints of the chain answer, and go on",
        holds=holds,
        got=f"{len(used)} of {len(every)}{': ' if flaws else ''}{flaws}",
        expected=f"two RPCs of {keys.reading.section.chain_id} whose heights move",
        next_step="name another RPC under `keys.endpoints`, of another operator; " + DIAGNOSE,
        facts=("keys.chain",),
    )


def account_is_read(keys: KeysSituation, target: str) -> GuardResult:
    """R2: number and sequence of the account are known, and all endpoints say the same."""
    state = keys.account(target).state
    return guard_result(
        "R2",
        "number and sequence of the account are known",
        subject=target,
        holds=None if isinstance(state, Unknown) else True,
        got=state.reason
        if isinstance(state, Unknown)
        else f"number {state.value.number}, sequence {state.value.sequence}",
        expected="one answer, of all endpoints that are used",
        next_step="an account that has never had anything is not on the chain; else " + DIAGNOSE,
        facts=(f"{target}.number", f"{target}.sequence"),
    )


def signing_key_is_known(keys: KeysSituation, target: str) -> GuardResult:
    """R3: it is known by which key the account signs, and nobody says otherwise."""
    state, told = keys.state(target), keys.account(target).entry.public_key
    on_chain = "" if state is None else state.public_key
    holds = None if not keys.public_key(target) else not (told and on_chain and told != on_chain)
    return guard_result(
        "R3",
        "it is known by which key the account signs",
        subject=target,
        holds=holds,
        got=f"chain: {on_chain or 'none yet'}; inventory: {told or 'says nothing'}",
        expected="33 bytes, as the chain has them or as the inventory says, and not two",
        next_step="before its first transaction the chain does not know it: name it as "
        "`public_key` of the account (`keys show NAME -p`, its 33 bytes in hex)",
        facts=(f"{target}.public_key",),
    )


def signers_are_known(keys: KeysSituation, target: str) -> GuardResult:
    """R4: one key signs for the account, or so many of members whose keys make its address."""
    entry = keys.account(target).entry
    several = Multisig.parse(entry.public_key or "")
    prefix, _ = decode(entry.address)
    made = encode(prefix, several.address) if several is not None else ""
    told = f"{several.threshold} of {len(several.members)} members" if several else "no members"
    alone = entry.signer is not Signer.MULTISIG
    return guard_result(
        "R4",
        "it is known who signs for the account",
        subject=target,
        holds=alone or made == entry.address,
        got=entry.signer.value
        if alone
        else f"multisig, {told}{f', which make {made}' if made else ''}",
        expected="one key, or `threshold` and `members` of a multisig, in their order, that make "
        f"{entry.address}",
        next_step=f"`keys show {entry.key or entry.name} --output json` tells them where the "
        "account is in a keyring",
        facts=(f"{target}.signer", f"{target}.public_key"),
    )


def key_is_active(keys: KeysSituation, target: str) -> GuardResult:
    """R5: the key is this account's and not revoked, by its record on all endpoints."""
    address, key = keys.acts_for(target), keys.key
    read = keys.keys_of(address)
    holds = (
        None
        if isinstance(read, Unknown)
        else key is not None and key.address == address and not key.revoked_at
    )
    return guard_result(
        "R5",
        "the key is the account's, and not revoked",
        subject=target,
        holds=holds,
        got=read.reason
        if isinstance(read, Unknown)
        else "no record"
        if key is None
        else f"of {key.address}, {'revoked' if key.revoked_at else 'not revoked'}",
        expected=f"of {address}, not revoked",
        next_step="`remediate diagnose keys` shows whose it is",
        facts=("key.fingerprint", "key.stands"),
    )


class Tried(NamedTuple):
    """What an endpoint made of a transaction that was tried, as a guard has it."""

    holds: bool | None
    got: str
    expected: str


def tried(keys: KeysSituation, target: str, message: str, key: str = "") -> Tried:
    """A message about a key (left out: that which is out), as this account would send it."""
    address = keys.account(target).entry.address
    found = keys.reading.simulation(key or keys.fingerprint, address, message)
    gas, most = None if found is None else found.gas, keys.reading.section.gas
    expected = f"a simulation that succeeds, with at most {most} gas"
    if isinstance(gas, Known):
        return Tried(gas.value <= most, f"{gas.value} gas", expected)
    return Tried(None, "it was not tried" if gas is None else gas.reason, expected)


def revoking_was_tried(keys: KeysSituation, target: str) -> GuardResult:
    """R6: the chain would do it now, for no more gas than the inventory allows."""
    found = tried(keys, target, REVOKE)
    return guard_result(
        "R6",
        "the chain would revoke the key now",
        subject=target,
        holds=found.holds,
        got=found.got,
        expected=found.expected,
        next_step=MORE_GAS,
        facts=("key.fingerprint",),
    )


def registering_was_tried(keys: KeysSituation, target: str) -> GuardResult:
    """R13: the chain would register a key for the owner now, for no more gas than allowed."""
    found = tried(keys, target, REGISTER, trial_fingerprint(keys.acts_for(target)))
    return guard_result(
        "R13",
        "the chain would register a key now",
        subject=target,
        holds=found.holds,
        got=found.got,
        expected=found.expected,
        next_step=MORE_GAS,
        facts=("key.new",),
    )


def new_key_is_new(keys: KeysSituation, target: str) -> GuardResult:
    """R7: the new key was never registered, by anybody: whoever had it may have lost it."""
    new, events = keys.new_fingerprint, keys.reading.events
    seen = [one for one in value_or_none(events) or () if new in (one.fingerprint, one.new)]
    recorded = any(one.fingerprint == new for one in keys.reading.keys)
    unread = isinstance(events, Unknown)
    holds = False if seen or recorded else None if unread else True
    return guard_result(
        "R7",
        "the new key is new",
        subject=target,
        holds=holds,
        got=f"registered before: {new}"
        if seen or recorded
        else events.reason
        if isinstance(events, Unknown)
        else f"{new} is nowhere",
        expected="a key that no event and no record names",
        next_step="make another one: its private half belongs where only the new reader is",
        facts=("key.new",),
    )


def nothing_else_is_signed(keys: KeysSituation, target: str) -> GuardResult:
    """R8: no signed transaction of this account lies there with the sequence of the plan and
    another content: what was signed for something else would take its place."""
    signed, state = keys.reading.signed, keys.state(target)
    files = value_or_none(signed) or ()
    key = keys.public_key(target)
    broken = [one for one in files if one.flaw]
    foreign = [
        one.name
        for one in files
        if not one.flaw
        and one.public_key == key
        and state is not None
        and one.sequence < state.sequence
    ]
    holds = None if isinstance(signed, Unknown) else not broken
    return guard_result(
        "R8",
        "what lies in the directory of signed transactions can be read",
        subject=target,
        holds=holds,
        got=signed.reason
        if isinstance(signed, Unknown)
        else "; ".join(f"{one.name}: {one.flaw}" for one in broken)
        if broken
        else f"{len(files)} files, {len(foreign)} of them for a sequence that is used",
        expected=f"files that `tx sign` wrote, in {SIGNED}/, that nobody else may write",
        next_step="remove it, or sign again",
        facts=(f"{target}.sequence",),
    )


GUARDS = (account_is_read, signing_key_is_known, signers_are_known, nothing_else_is_signed)
"""What holds for every transaction of an account."""
INVARIANTS = (endpoints_are_two,)
