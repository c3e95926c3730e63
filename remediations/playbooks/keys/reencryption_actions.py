"""What is done for a store: that it can be sealed anew is proven, and then it is."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.impact import Effect, Level
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.keys.reencryption_guards import STORE_GUARDS
from remediations.playbooks.keys.reencryption_scope import (
    count_of_all,
    known_since,
    named_in,
    public_key,
    recipient,
    reencrypt_of,
    revoked,
    store_of,
    survey_of,
)
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.stores.job_steps import DRIVER_NAME, PROVE, RESEAL
from remediations.values.reading import Unknown

MEASURE = "versions under the old key"
UNKNOWN = "unknown"


def _facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """Who reads from now on, where it is done, and exactly which envelopes of the store."""
    new, ours, gone = recipient(keys), reencrypt_of(keys), revoked(keys)
    store = store_of(keys, target)
    survey, named = survey_of(store), named_in(keys, store)
    at, source = store.survey.at, store.survey.source
    told = store.survey.reason if isinstance(store.survey, Unknown) else UNKNOWN

    def fact(name: str, value: str, why: str, source: str) -> Fact:
        return Fact(name=name, value=value, rule=Rule.EQUAL, why=why, source=source, at=at)

    def found(name: str, value: int | str | None, why: str) -> Fact:
        return fact(f"{target}.{name}", told if value is None else str(value), why, source)

    def counted(name: str) -> int | None:
        return None if survey is None else getattr(named, name, 0)

    return (
        fact("key.revoked", "no" if gone is None else "yes", "else it never ends", "the chain"),
        fact(
            "key.recipient",
            UNKNOWN if new is None else new.fingerprint,
            "it is sealed to this key",
            "the chain",
        ),
        fact(
            "key.recipient_public",
            UNKNOWN if new is None else public_key(new),
            "it is sealed to this key",
            "the chain",
        ),
        fact("key.known_since", known_since(keys), "what was sealed is known since then", "you"),
        fact(
            "reencrypt.machine",
            UNKNOWN if ours is None else ours.machine,
            "private keys are opened here, and nowhere else",
            "inventory",
        ),
        fact("reencrypt.here", UNKNOWN if ours is None else ours.here, "it is here", "hostname"),
        fact(
            "reencrypt.several",
            UNKNOWN if ours is None else ours.several.value,
            "the chain's library cannot open what is sound",
            "inventory",
        ),
        fact(
            "reencrypt.limits",
            UNKNOWN if ours is None else ours.limits,
            "what others have of the store and the machine",
            "inventory",
        ),
        found("place", store.place, "exactly this store, with what was decided for it"),
        found("count", counted("count"), "all of it is a claim that can be checked"),
        found("former", counted("former"), "nobody reads these, and the old key opens them"),
        found(
            "root",
            None if survey is None else "none" if named is None else named.root,
            "exactly these envelopes",
        ),
        found(
            "damaged",
            None if survey is None else survey.damaged + survey.unread,
            "what no key opens may be anything",
        ),
    )


def _data(facts: Facts, target: str) -> StepData:
    return {
        "machine": facts["reencrypt.machine"],
        "store": target.removeprefix("store/"),
        "place": facts[f"{target}.place"],
        "fingerprint": facts["key.fingerprint"],
        "recipient": facts["key.recipient_public"],
        "new_fingerprint": facts["key.recipient"],
        "count": facts[f"{target}.count"],
        "root": facts[f"{target}.root"],
        "known_since": facts["key.known_since"],
        "several": facts["reencrypt.several"],
        "limits": facts["reencrypt.limits"],
    }


def _no_effect(_: KeysSituation, __: str) -> tuple[Effect, ...]:
    return ()


def _none_left(keys: KeysSituation, target: str) -> tuple[Effect, ...]:
    named = named_in(keys, store_of(keys, target))
    count = 0 if named is None else named.count
    return (Effect(measure=MEASURE, now=count, during=count, after=0),)


def store_levels(keys: KeysSituation) -> tuple[Level, ...]:
    """How many versions name the key that is out; nothing where nobody named one."""
    if not keys.fingerprint or keys.stores is None:
        return ()
    count = count_of_all(keys)
    return (Level(measure=MEASURE, now=count, total=count, floor=0),)


PROVE_STORE = Action(
    name="store.prove",
    driver=DRIVER_NAME,
    deploy=PROVE,
    facts=_facts,
    data=_data,
    guards=STORE_GUARDS,
    effects=_no_effect,
)
RESEAL_STORE = Action(
    name="store.reencrypt",
    driver=DRIVER_NAME,
    deploy=RESEAL,
    facts=_facts,
    data=_data,
    guards=STORE_GUARDS,
    effects=_none_left,
)
