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
    return (*_whole_facts(keys, target), *_store_facts(keys, target))


def _whole_facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """What is the same for every store."""
    new, ours, gone = recipient(keys), reencrypt_of(keys), revoked(keys)
    at = store_of(keys, target).survey.at
    recipients = "it is sealed to this key"
    told = (
        ("key.revoked", "no" if gone is None else "yes", "else it never ends", "the chain"),
        ("key.recipient", new and new.fingerprint, recipients, "the chain"),
        ("key.recipient_public", new and public_key(new), recipients, "the chain"),
        ("key.known_since", known_since(keys), "what was sealed is known since then", "you"),
        ("reencrypt.machine", ours and ours.machine, "private keys are opened there", "inventory"),
        ("reencrypt.here", ours and ours.here, "it is here", "hostname"),
        (
            "reencrypt.several",
            ours and ours.several.value,
            "the chain's library cannot open what is sound",
            "inventory",
        ),
        (
            "reencrypt.limits",
            ours and ours.limits,
            "what others have of the store and the machine",
            "inventory",
        ),
    )
    return tuple(
        Fact(name=name, value=value or UNKNOWN, rule=Rule.EQUAL, why=why, source=source, at=at)
        for name, value, why, source in told
    )


def _store_facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """Which store, and what in it names the key; the reason where it was not gone through."""
    store = store_of(keys, target)
    survey, named = survey_of(store), named_in(keys, store)
    unread = store.survey.reason if isinstance(store.survey, Unknown) else UNKNOWN
    count = unread if survey is None else str(named.count if named else 0)
    former = unread if survey is None else str(named.former if named else 0)
    root = unread if survey is None else named.root if named else "none"
    damaged = unread if survey is None else str(survey.damaged + survey.unread)
    told = (
        ("place", store.place, "exactly this store, with what was decided for it"),
        ("count", count, "all of it is a claim that can be checked"),
        ("former", former, "nobody reads these, and the old key opens them"),
        ("root", root, "exactly these envelopes"),
        ("damaged", damaged, "what no key opens may be anything"),
    )
    return tuple(
        Fact(
            name=f"{target}.{name}",
            value=value,
            rule=Rule.EQUAL,
            why=why,
            source=store.survey.source,
            at=store.survey.at,
        )
        for name, value, why in told
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
