"""What is done for an item: it is reset, by one call."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.impact import Effect, Level
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.keys.reencryption_scope import revoked
from remediations.playbooks.keys.sessions_guards import SESSION_GUARDS
from remediations.playbooks.keys.sessions_scope import begin, concerned, is_done, sessions_of
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.steps import DRIVER_NAME, RESET
from remediations.values.reading import Unknown

MEASURE = "items not reset"
_STATES = {True: "done", False: "not yet"}


def _facts(keys: KeysSituation, target: str) -> tuple[Fact, ...]:
    """Where it is called, exactly what, and how it stood before."""
    found, sessions, gone = sessions_of(keys).item(target), sessions_of(keys), revoked(keys)
    answer = found.answer
    state = answer.reason if isinstance(answer, Unknown) else _STATES[bool(is_done(keys, found))]
    at = answer.at
    told = (
        ("key.revoked", "no" if gone is None else "yes", "else it never ends", "the chain"),
        ("sessions.machine", sessions.machine, "what was called is known there", "inventory"),
        ("sessions.here", sessions.here, "it is here", "hostname"),
        (f"{target}.item", found.item.text, "exactly this is called", "inventory"),
        (f"{target}.programs", found.programs_text, "exactly these are run", "their files"),
        (f"{target}.state", state, "what is done is not done again", answer.source),
    )
    since = Fact(
        name="sessions.since",
        value=str(begin(keys)),
        rule=Rule.AT_LEAST,
        why="nothing from before this time (seconds since 1970) may count any more",
        source="the clock here",
        at=keys.at,
    )
    return (
        since,
        *(
            Fact(name=name, value=value, rule=Rule.EQUAL, why=why, source=source, at=at)
            for name, value, why, source in told
        ),
    )


def _data(facts: Facts, target: str) -> StepData:
    return {
        "machine": facts["sessions.machine"],
        "item": facts[f"{target}.item"],
        "programs": facts[f"{target}.programs"],
        "fingerprint": facts["key.fingerprint"],
        "since": facts["sessions.since"],
    }


def _effects(_: KeysSituation, __: str) -> tuple[Effect, ...]:
    return (Effect(measure=MEASURE, now=1, during=1, after=0),)


def session_levels(keys: KeysSituation) -> tuple[Level, ...]:
    """How many items that concern the key are not known to be reset; nothing where nobody named a
    key."""
    if not keys.fingerprint or keys.sessions is None:
        return ()
    those = concerned(keys)
    count = sum(is_done(keys, one) is not True for one in those)
    return (Level(measure=MEASURE, now=count, total=len(those), floor=0),)


RESET_ITEM = Action(
    name="session.reset",
    driver=DRIVER_NAME,
    deploy=RESET,
    facts=_facts,
    data=_data,
    guards=SESSION_GUARDS,
    effects=_effects,
)
