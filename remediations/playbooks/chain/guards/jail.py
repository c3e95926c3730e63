"""Guards on a validator whose jail is to be ended (ids: docs/rules/guards.md)."""

from __future__ import annotations

from typing import NamedTuple

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.node_view import READ_APART
from remediations.playbooks.chain.jail_facts import (
    planned_transaction,
    signature_of,
    standing_of,
)
from remediations.playbooks.chain.jail_signature import SIGNED
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import format_duration, format_moment, name_some
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.staking import Proven, Standing
from remediations.systems.comet.unjail import PlannedTransaction
from remediations.values.reading import Unknown, value_or_none

_NEVER = (
    "never unjail it: the chain refuses for ever. Find out who held its key a second time; to "
    "validate again takes a new key and a new validator"
)


def jail_is_over(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G75: the validator is jailed, not tombstoned, and its time is over by the chain's clock."""
    title = "the validator is jailed, for a time that is over, and not tombstoned"
    facts = tuple(f"{reading.host}.{name}" for name in ("jail", "jailed_until"))
    standing, status = standing_of(reading), latest_status(reading)
    signing, validator = value_or_none(standing.signing), value_or_none(standing.validator)
    if signing is None or (validator is None and not signing.tombstoned) or status is None:
        return guard_result(
            "G75",
            title,
            subject=reading.host,
            holds=None,
            got=_reason(standing),
            expected="what the chain says of it: x/slashing and x/staking, by its own node",
            next_step="`remediate diagnose` again, once its node answers and follows",
            facts=facts,
        )
    until, now = signing.jailed_until, status.block_time
    jailed = validator is not None and validator.jailed
    over = until <= now
    got = f"jailed until {format_moment(until)}; the newest block is of {format_moment(now)}"
    next_step = f"plan again at {format_moment(until)}, in {format_duration(until - now)}"
    if signing.tombstoned:
        got, next_step = "tombstoned: its key signed twice", _NEVER
    elif not jailed:
        got, next_step = "not jailed", "nothing is to be done; `remediate diagnose` again"
    return guard_result(
        "G75",
        title,
        subject=reading.host,
        holds=jailed and over and not signing.tombstoned,
        got=got,
        expected="jailed, not tombstoned, until a time that is past",
        next_step=next_step,
        facts=facts,
    )


def jail_is_proven(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G76: what its node tells of it is proven against an app hash that two witnesses have in a
    header. One node alone decides nothing (docs/rules/hazards.md#one-witness)."""
    standing = standing_of(reading)
    proofs = [
        known.proof
        for known in (value_or_none(standing.signing), value_or_none(standing.validator))
        if known is not None
    ]
    flaw = "" if len(proofs) == 2 else _reason(standing)
    flaw = flaw or next((proof.flaw for proof in proofs if proof.flaw), "")
    shown, other = _headers(chain, proofs)
    holds: bool | None = len(shown) >= 2
    got = ""
    if proofs:
        named = name_some(shown) or "no witness"
        got = f"block {proofs[0].height + 1} has that app hash on {named}"
    if flaw:
        holds, got = None, flaw
    elif other:
        holds, got = False, f"another app hash in the header on {name_some(other)}"
    elif not shown:
        holds = None
    return guard_result(
        "G76",
        "two witnesses have the app hash that proves what the chain says of the validator",
        subject=reading.host,
        holds=holds,
        got=got,
        expected="proofs of both answers against the app hash in a header of two witnesses",
        next_step=f"leave {reading.host} as it is, and find out which of these nodes is wrong"
        if other
        else "make a second node readable (SSH, RPC), then `remediate diagnose` again",
        facts=(f"{reading.host}.jail", f"{reading.host}.jailed_until"),
    )


def _headers(chain: ChainSituation, proofs: list[Proven]) -> tuple[list[str], list[str]]:
    """Machines whose header after that state has the app hash of all proofs, and those whose header
    has another one."""
    shown: set[str] = set()
    other: set[str] = set()
    for host in chain.finding.witnesses:
        blocks = value_or_none(chain.observation.host(host).chain.blocks) or ()
        headers = {block.height: block.app_hash for block in blocks}
        found = [headers.get(proof.height + 1, "") for proof in proofs]
        if not all(found):
            continue
        agrees = found == [proof.app_hash for proof in proofs]
        (shown if agrees else other).add(chain.same_machine.get(host, host))
    return sorted(shown), sorted(other)


def follows_the_chain(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G77: its node runs and follows the chain: one that does not would miss blocks again, and be
    jailed again, with a further part of its stake gone."""
    finding, status = chain.finding.node(reading.host), latest_status(reading)
    holds = None
    if status is not None:
        behind = chain.finding.height - status.height
        holds = (
            finding.condition is NodeCondition.JAILED
            and not status.catching_up
            and behind < READ_APART
        )
    return guard_result(
        "G77",
        "the validator's node runs and follows the chain",
        subject=reading.host,
        holds=holds,
        got="its RPC did not answer"
        if status is None
        else f"{finding.condition} at {status.height}, the tip is {chain.finding.height}",
        expected=f"{NodeCondition.JAILED}, at the tip, not catching up",
        next_step=f"`remediate plan node-down --limit {reading.host}` first, and wait until it "
        "follows",
        facts=(f"{reading.host}.down",),
    )


def enough_of_its_own(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G78: the operator's own stake is at least what the validator promised; the chain refuses the
    transaction otherwise."""
    standing = standing_of(reading)
    validator, shares = value_or_none(standing.validator), value_or_none(standing.own_shares)
    least = validator.min_self_delegation if validator is not None else None
    own = None
    if validator is not None and shares is not None:
        own = shares * validator.tokens // validator.shares if validator.shares else 0
    return guard_result(
        "G78",
        "the operator's own stake is not below the validator's minimum",
        subject=reading.host,
        holds=None if own is None or least is None else own >= least,
        got=f"{own} tokens" if own is not None else _reason(standing),
        expected=f"at least {least} tokens" if least is not None else "min_self_delegation",
        next_step=f"its operator delegates {max(0, (least or 0) - (own or 0))} tokens more to it "
        "(`tx staking delegate`), then plan again",
        facts=(f"{reading.host}.operator",),
    )


def key_can_sign(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G79: the operator's key lies in a keyring that asks for nothing, or has signed elsewhere. A
    passphrase, a hardware key or a second signer is a person's business, and gets the transaction
    to sign instead; what it signed is taken if it is exactly that."""
    transaction = planned_transaction(chain, reading.host)
    handed = SIGNED in chain.inputs
    holds, got, expected = _of_signature(chain, reading) if handed else _of_keyring(reading)
    return guard_result(
        "G79",
        "the operator's key can sign here without a passphrase, or has signed",
        subject=reading.host,
        holds=holds,
        got=got,
        expected=expected,
        next_step="`remediate diagnose` again"
        if holds is None or transaction is None
        else hand_out(transaction, reading.host),
        facts=tuple(f"{reading.host}.{name}" for name in ("account", "fee", "signature")),
    )


class _Judged(NamedTuple):
    holds: bool | None
    got: str
    expected: str


def _of_keyring(reading: HostReading) -> _Judged:
    standing = standing_of(reading)
    key, account = value_or_none(standing.key), value_or_none(standing.account)
    expected = "the key in the home's keyring test, and its account with number and sequence"
    if key is None or account is None:
        unread = (r.reason for r in (standing.key, standing.account) if isinstance(r, Unknown))
        return _Judged(None, next(unread), expected)
    where = "in" if key.in_test_keyring else "not in"
    got = (
        f"the operator's key is {where} the keyring test of the home, account {account.number}, "
        f"sequence {account.sequence}"
    )
    return _Judged(key.in_test_keyring, got, expected)


def _of_signature(chain: ChainSituation, reading: HostReading) -> _Judged:
    handed = signature_of(chain, reading.host)
    account = value_or_none(standing_of(reading).account)
    expected = "the planned transaction, signed by the operator's key"
    if handed is None or account is None:
        return _Judged(None, "too little was read to hold the signature against it", expected)
    if not account.public_key:
        return _Judged(None, "the chain does not tell the account's public key", expected)
    if handed.refusal is not None:
        got = f"{handed.refusal.flaw}: {handed.refusal.got}"
        return _Judged(False, got, handed.refusal.expected)
    got = f"signed by the key {account.public_key[:80]}, sequence {account.sequence}"
    return _Judged(True, got, expected)


def hand_out(transaction: PlannedTransaction, host: str) -> str:
    """What a person does who has the key elsewhere: the same transaction, signed there."""
    fee = f" --fees {transaction.fee}" if transaction.fee else ""
    return (
        "where the key is, with KEYRING its backend (file, os) or --ledger in place of it: "
        f"printf '%s' '{transaction.unsigned}' > unjail.json; "
        f"virtengined tx sign unjail.json --home HOME --keyring-backend KEYRING "
        f"{transaction.sign_flags} --output-document signed.json; "
        "virtengined tx encode signed.json; then, with what that prints: "
        f"`remediate plan low-validators --limit {host}{fee} --signed BASE64`"
    )


def _reason(standing: Standing) -> str:
    """Why the first reading is unknown that is."""
    every = (standing.signing, standing.validator, standing.own_shares)
    return next(
        (one.reason for one in every if isinstance(one, Unknown)), "its node did not answer"
    )
