"""The facts that decide about ending a validator's jail, and the transaction that follows from
them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import UNSET

from remediations.engine.domain import Facts, Input, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.facts import UNKNOWN, node_facts
from remediations.playbooks.chain.jail_signature import SIGNED, HandedIn, handed_in
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.planned import PlannedNodeError, described
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.staking import (
    POWER_REDUCTION,
    SigningInfo,
    StakingValidator,
    Standing,
)
from remediations.systems.comet.unjail import GAS, PlannedTransaction
from remediations.values.reading import Known, Reading, Unknown, Why, value_or_none
from remediations.values.transaction import FEE

FEES = "fees"
UNJAILS = "tx.unjail"
"""The action that signs and sends it."""
BY_THE_HOST, NOT_TAKEN = "by the host", "not taken"
"""Instead of a signature: none was handed in, or it is none of this transaction."""
_PRICE = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,18}))?([a-zA-Z][a-zA-Z0-9/:._-]{2,127})")
_OF_NODE = ("sudo", "unit", "home", "user", "address", "sign_state", "down")


def _parse(text: str) -> str:
    found = text.strip()
    if not found or not FEE.fullmatch(found):
        raise ValueError("an amount with its denomination, as 5000uve")
    return found


FEES_INPUT = Input(
    name=FEES,
    metavar="AMOUNT",
    help="The fee of the transaction; else what the node asks for that much gas.",
    parse=_parse,
)


def standing_of(reading: HostReading) -> Standing:
    """What the chain says of the validator; all unknown where it was not asked."""
    if reading.standing is not UNSET:
        return reading.standing
    nothing = Unknown(
        why=Why.NOT_ASKED,
        reason="not asked: its key has power, or its node did not answer",
        source="abci_query",
        at=reading.session.at,
    )
    return Standing(
        signing=nothing, validator=nothing, own_shares=nothing, account=nothing, key=nothing
    )


def fee_of(chain: ChainSituation, host: str) -> str:
    """The chosen fee, or else what the node's lowest price of gas comes to, rounded up; "" for
    nothing."""
    chosen = chain.inputs.get(FEES, "")
    key = value_or_none(standing_of(chain.observation.host(host)).key)
    price = _PRICE.fullmatch(key.gas_price.partition(",")[0]) if key is not None else None
    if chosen or price is None:
        return chosen
    parts = price[2] or ""
    amount = -(-int(price[1] + parts) * GAS // 10 ** len(parts))
    return f"{amount}{price[3]}" if amount else ""


def power_of(validator: StakingValidator) -> int:
    """The voting power that its stake gives, by the SDK's default."""
    return validator.tokens // POWER_REDUCTION


def jail_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about one validator."""
    facts = _facts_before_signing(chain, host)
    read = standing_of(chain.observation.host(host)).account
    handed = signature_of(chain, host)
    signature = Fact(
        name=f"{host}.signature",
        value=BY_THE_HOST if handed is None else handed.to_send or NOT_TAKEN,
        rule=Rule.EQUAL,
        why="without one that was handed in the host signs, with the keyring of its home",
        source=f"--{SIGNED}" if handed else read.source,
        at=read.at,
    )
    return (*facts, signature)


def signature_of(chain: ChainSituation, host: str) -> HandedIn | None:
    """What came of the signature that people handed in; None where they handed in none, or too
    little was read to hold it against the transaction."""
    signed = chain.inputs.get(SIGNED, "")
    account = value_or_none(standing_of(chain.observation.host(host)).account)
    planned = planned_transaction(chain, host)
    if not signed or account is None or planned is None:
        return None
    return handed_in(signed, planned, account.public_key)


def _facts_before_signing(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    reading = chain.observation.host(host)
    names = {f"{host}.{name}" for name in _OF_NODE}
    kept = tuple(fact for fact in node_facts(chain, host) if fact.name in names)
    told = (*_of_validator(standing_of(reading)), *_of_transaction(chain, reading))
    return kept + tuple(
        Fact(
            name=f"{host}.{one.name}",
            value=one.value,
            rule=Rule.EQUAL,
            why=one.why,
            source=one.read.source,
            at=one.read.at,
        )
        for one in told
    )


class _Told(NamedTuple):
    """A fact before it has the name of its host."""

    name: str
    value: str
    read: Reading[Any]
    why: str


def _of_validator(standing: Standing) -> tuple[_Told, ...]:
    signing, validator = value_or_none(standing.signing), value_or_none(standing.validator)
    why = "only who is jailed is freed, and who is tombstoned never"
    until = moment(signing.jailed_until) if signing else UNKNOWN
    operator = validator.operator if validator else UNKNOWN
    return (
        _Told("jail", _jail(signing, validator), standing.validator, why),
        _Told("jailed_until", until, standing.signing, "the chain refuses it before"),
        _Told("operator", operator, standing.validator, "its account signs"),
    )


def _of_transaction(chain: ChainSituation, reading: HostReading) -> tuple[_Told, ...]:
    standing = standing_of(reading)
    account, config = value_or_none(standing.account), value_or_none(reading.config)
    once = "number and sequence: the transaction can be part of the chain once only"
    told = f"{account.number}/{account.sequence}" if account else UNKNOWN
    known = isinstance(standing.key, Known)
    fee = (fee_of(chain, reading.host) or "none") if known else UNKNOWN
    rpc = config.rpc_url if config else UNKNOWN
    here = "the signature is good on this chain only"
    return (
        _Told("account", told, standing.account, once),
        _Told("fee", fee, standing.key, f"what {GAS} gas may cost"),
        _Told("rpc", rpc, reading.config, "it is sent to this node"),
        _Told("chain_id", chain.observation.chain_id, reading.session, here),
    )


def jail_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know. What could not be read becomes "", and guards block."""

    def fact(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value in (UNKNOWN, BY_THE_HOST, NOT_TAKEN) else value

    height, round_, step = (int(part) for part in (fact("sign_state") or "0/0/0").split("/"))
    number, sequence = (int(part) for part in (fact("account") or "-1/-1").split("/"))
    fee = fact("fee")
    return {
        **{name: fact(name) for name in ("unit", "home", "user", "address")},
        "sign_height": height,
        "sign_round": round_,
        "sign_step": step,
        **{name: fact(name) for name in ("chain_id", "rpc", "operator")},
        "account_number": number,
        "sequence": sequence,
        "fee": "" if fee == "none" else fee,
        "memo": f"remediate: unjail {fact('address')[:12]}, jailed until {fact('jailed_until')}",
        "signed": fact("signature"),
    }


def planned_transaction(chain: ChainSituation, host: str) -> PlannedTransaction | None:
    """The transaction of one host, not signed; None where too little was read to write it."""
    facts = {one.name: one.value for one in _facts_before_signing(chain, host)}
    facts[f"{host}.signature"] = BY_THE_HOST
    try:
        return described(PlannedTransaction, jail_data(facts, host))
    except PlannedNodeError:
        return None


def moment(at: datetime) -> str:
    """`2026-11-29T11:59:30Z`, rounded down."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _jail(signing: SigningInfo | None, validator: StakingValidator | None) -> str:
    if signing is not None and signing.tombstoned:
        return "tombstoned"
    if signing is None or validator is None:
        return UNKNOWN
    return "jailed" if validator.jailed else "free"
