"""Guards on a validator whose jail is to be ended (ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.node_view import READ_APART
from remediations.playbooks.chain.jail_facts import planned_transaction, standing_of
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
    """G79: the operator's key lies in a keyring that asks for nothing. A passphrase, a hardware key
    or a second signer is a person's business, and gets the transaction to sign instead."""
    standing = standing_of(reading)
    key, account = value_or_none(standing.key), value_or_none(standing.account)
    holds = None
    if key is not None and account is not None:
        holds = key.in_test_keyring
    transaction = planned_transaction(chain, reading.host)
    if key is None or account is None:
        got = next(r.reason for r in (standing.key, standing.account) if isinstance(r, Unknown))
    else:
        where = "in" if key.in_test_keyring else "not in"
        got = f"the operator's key is {where} the keyring test of the home, account "
        got += f"{account.number}, sequence {account.sequence}"
    return guard_result(
        "G79",
        "the operator's key can sign here without a passphrase",
        subject=reading.host,
        holds=holds,
        got=got,
        expected="the key in the home's keyring test, and its account with number and sequence",
        next_step="`remediate diagnose` again"
        if holds is None or transaction is None
        else hand_out(transaction),
        facts=(f"{reading.host}.account", f"{reading.host}.fee"),
    )


def hand_out(transaction: PlannedTransaction) -> str:
    """What a person does who has the key elsewhere: the same transaction, signed there."""
    return (
        "where the key is, with KEYRING its backend (file, os) or --ledger in place of it: "
        f"printf '%s' '{transaction.unsigned}' > unjail.json; "
        f"virtengined tx sign unjail.json --home HOME --keyring-backend KEYRING "
        f"{transaction.sign_flags} --output-document signed.json; "
        "virtengined tx broadcast signed.json --home HOME --node tcp://HOST:26657; then "
        "`remediate diagnose`: the broadcast ends with 0 even where the chain refuses"
    )


def _reason(standing: Standing) -> str:
    """Why the first reading is unknown that is."""
    every = (standing.signing, standing.validator, standing.own_shares)
    return next(
        (one.reason for one in every if isinstance(one, Unknown)), "its node did not answer"
    )
