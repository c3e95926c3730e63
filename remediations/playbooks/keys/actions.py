"""What is done for an account: a key is registered, a key is revoked, by a transaction each."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.impact import Effect, Level
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.keys.gates import MEASURE
from remediations.playbooks.keys.guards import (
    GUARDS,
    key_is_active,
    new_key_is_new,
    registering_was_tried,
    revoking_was_tried,
)
from remediations.playbooks.keys.key_file_actions import reader_levels
from remediations.playbooks.keys.reencryption_actions import store_levels
from remediations.playbooks.keys.sessions_actions import session_levels
from remediations.playbooks.keys.situation import REASON, KeysSituation
from remediations.systems.transactions.steps import DRIVER_NAME, REGISTER_KEY, REVOKE_KEY
from remediations.values.reading import Unknown, value_or_none

UNKNOWN, NOTHING = "unknown", "nothing"
LABEL = "remediate"
"""Of a key that is registered: a label is public, and for ever."""


def keys_facts(keys: KeysSituation) -> tuple[Fact, ...]:
    """Which chain, which key, and what it costs."""
    section, height = keys.reading.section, keys.reading.height
    told = value_or_none(height)
    key = keys.key
    stands = UNKNOWN if key is None else "revoked" if key.revoked_at else "active"
    return (
        key_fact(keys, "keys.chain", section.chain_id, "it is in what is signed", "inventory"),
        key_fact(keys, "keys.fee", section.fee or NOTHING, "of each transaction", "inventory"),
        key_fact(keys, "keys.gas", str(section.gas), "of each transaction", "inventory"),
        key_fact(
            keys, "keys.blocks", str(section.timeout_blocks), "then it is too late", "inventory"
        ),
        Fact(
            name="keys.height",
            value=UNKNOWN if told is None else str(told),
            rule=Rule.AT_LEAST,
            why="from here on the blocks of the timeout are counted",
            source=height.source,
            at=keys.at,
        ),
        key_fact(
            keys, "key.fingerprint", keys.fingerprint or NOTHING, "the key that is out", "you"
        ),
        key_fact(keys, "key.stands", stands, "a revoked key cannot be revoked", "its record"),
        key_fact(keys, "key.new", keys.new_key or NOTHING, "the key in its place", "you"),
        key_fact(keys, "key.reason", keys.inputs.get(REASON, NOTHING), "it is in the memo", "you"),
    )


def account_facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """The account that signs."""
    account, state = keys.account(target), keys.state(target)
    source = account.state.source
    unknown = account.state.reason if isinstance(account.state, Unknown) else UNKNOWN
    return (
        key_fact(keys, f"{target}.name", account.entry.name, "people call it so", "inventory"),
        key_fact(keys, f"{target}.address", account.entry.address, "it signs", "inventory"),
        key_fact(
            keys, f"{target}.signer", account.entry.signer.value, "where its key is", "inventory"
        ),
        key_fact(
            keys,
            f"{target}.number",
            unknown if state is None else str(state.number),
            "it is in what is signed",
            source,
        ),
        key_fact(
            keys,
            f"{target}.sequence",
            unknown if state is None else str(state.sequence),
            "each can be used once; where it has moved, somebody else has signed",
            source,
        ),
        key_fact(
            keys,
            f"{target}.public_key",
            keys.public_key(target) or UNKNOWN,
            "the signature must be by this key",
            source,
        ),
        *_member_facts(keys, target),
    )


def _member_facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """Who signs for an account of several, by name."""
    entry = keys.account(target).entry
    if not entry.members:
        return ()
    names, why = ", ".join(one.name for one in entry.members), "the commands name them"
    return (
        key_fact(keys, f"{target}.members", names, why, "inventory"),
        key_fact(keys, f"{target}.keyring", entry.key or entry.name, why, "inventory"),
    )


def key_fact(keys: KeysSituation, name: str, value: str, why: str, source: str) -> Fact:
    """A fact that may not move."""
    return Fact(name=name, value=value, rule=Rule.EQUAL, why=why, source=source, at=keys.at)


def transaction_data(facts: Facts, target: str) -> dict[str, str | int]:
    """What every transaction of a plan has."""
    fee, fingerprint = facts["keys.fee"], facts["key.fingerprint"]
    several = {
        name: facts[f"{target}.{name}"]
        for name in ("members", "keyring")
        if f"{target}.{name}" in facts
    }
    return {
        **several,
        "name": facts[f"{target}.name"],
        "chain_id": facts["keys.chain"],
        "account": facts[f"{target}.address"],
        "account_number": int(facts[f"{target}.number"]),
        "sequence": int(facts[f"{target}.sequence"]),
        "public_key": facts[f"{target}.public_key"],
        "fee": "" if fee == NOTHING else fee,
        "gas": int(facts["keys.gas"]),
        "timeout_height": int(facts["keys.height"]) + int(facts["keys.blocks"]),
        "memo": f"remediate INC-005 {fingerprint[:12]} at {facts['keys.height']}: "
        f"{facts['key.reason']}",
        "fingerprint": fingerprint,
    }


def register_data(facts: Facts, target: str) -> StepData:
    """The first transaction, where a new key is registered."""
    return {**transaction_data(facts, target), "new_key": facts["key.new"], "label": LABEL}


def revoke_data(facts: Facts, target: str) -> StepData:
    """The second transaction where a new key is registered by the first one."""
    data = transaction_data(facts, target)
    after = facts["key.new"] != NOTHING
    return {**data, "sequence": int(data["sequence"]) + after}


def levels(keys: KeysSituation) -> tuple[Level, ...]:
    """How many keys of the account are not revoked, what is sealed to the one that is out, what is
    not reset for it, and how many readers have the one in its place."""
    now = _active(keys)
    more = 1 if keys.new_key else 0
    own = Level(measure=MEASURE, now=now, total=now + more, floor=0)
    return (own, *store_levels(keys), *session_levels(keys), *reader_levels(keys))


def _active(keys: KeysSituation) -> int:
    return sum(1 for key in keys.counted if not key.revoked_at)


def one_more(_: KeysSituation, __: str) -> tuple[Effect, ...]:
    """A key is registered."""
    return (Effect(measure=MEASURE, now=0, during=0, after=1),)


def one_less(_: KeysSituation, __: str) -> tuple[Effect, ...]:
    """A key is revoked."""
    return (Effect(measure=MEASURE, now=1, during=0, after=0),)


REGISTER = Action(
    name="key.register",
    driver=DRIVER_NAME,
    deploy=REGISTER_KEY,
    facts=account_facts,
    data=register_data,
    guards=(*GUARDS, registering_was_tried, new_key_is_new),
    effects=one_more,
)
REVOKE = Action(
    name="key.revoke",
    driver=DRIVER_NAME,
    deploy=REVOKE_KEY,
    facts=account_facts,
    data=revoke_data,
    guards=(*GUARDS, key_is_active, revoking_was_tried),
    effects=one_less,
)
