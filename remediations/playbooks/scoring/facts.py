"""The facts that decide about the services and about acting on one of them. They are extracted in
the same way when planning and when applying; the bytes of a step follow from them alone."""

from __future__ import annotations

from datetime import datetime

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.systems.scorer.values import ScorerUnit
from remediations.values.reading import Known, Unknown, value_or_none

UNKNOWN = "unknown"
NONE = "none"


def scoring_facts(scoring: ScoringSituation) -> tuple[Fact, ...]:
    """What decides about the services as a whole."""
    finding, at = scoring.finding, scoring.observation.began
    return (
        named("scoring.class", str(finding.verdict), at, why="the branch is chosen by it"),
        named("scoring.agreed", finding.agreed or NONE, at, why="services are compared with it"),
        named(
            "scoring.basis",
            str(finding.agreed_basis),
            at,
            why="power makes an answer the right one; a pin does so only while the chain stands",
        ),
        named("scoring.model", finding.model or NONE, at, why="it is brought to the others"),
        named(
            "scoring.total_power", str(finding.total_power), at, why="two thirds are counted in it"
        ),
    )


def scorer_facts(scoring: ScoringSituation, host: str) -> tuple[Fact, ...]:
    """What decides about acting on one service: what is wrong with it, and its unit."""
    reading, finding = scoring.scorer(host), scoring.finding.scorer(host)
    login = scoring.hosts.host(host)
    session, unit = value_or_none(login.session), value_or_none(reading.unit)
    return (
        read_fact(
            f"{host}.sudo",
            str(session.sudo) if session else UNKNOWN,
            login.session,
            "nothing can be done without it",
        ),
        named(
            f"{host}.scorer", str(finding.condition), scoring.observation.began, why="it decides"
        ),
        named(
            f"{host}.power", str(finding.power), scoring.observation.began, why="order and quorum"
        ),
        read_fact(f"{host}.scorer_unit", reading.entry.unit, reading.unit, "it is restarted"),
        read_fact(
            f"{host}.scorer_invocation",
            _invocation(unit),
            reading.unit,
            "exactly this process is ended, and no later one",
        ),
        read_fact(
            f"{host}.scorer_stop_s",
            str(unit.stop_timeout_s) if unit else UNKNOWN,
            reading.unit,
            "how long it may take to stop",
        ),
    )


def _invocation(unit: ScorerUnit | None) -> str:
    """The invocation that is ended; none where nothing runs, or it is another one every time."""
    if unit is None:
        return UNKNOWN
    return unit.invocation if unit.active == "active" and unit.invocation else NONE


def unit_data(facts: Facts, host: str) -> StepData:
    """The unit of a step, from its facts."""
    invocation = facts[f"{host}.scorer_invocation"]
    stop = facts[f"{host}.scorer_stop_s"]
    return {
        "unit": facts[f"{host}.scorer_unit"],
        "invocation": "" if invocation in (UNKNOWN, NONE) else invocation,
        "stop_timeout_s": int(stop) if stop.isdigit() else 0,
    }


def named(
    name: str,
    value: str,
    at: datetime,
    source: str = "diagnosis",
    *,
    why: str,
    rule: Rule = Rule.EQUAL,
) -> Fact:
    """A fact that the diagnosis, or a choice of people, gives."""
    return Fact(name=name, value=value, rule=rule, why=why, source=source, at=at)


def read_fact(
    name: str, value: str, reading: Known[object] | Unknown, why: str, rule: Rule = Rule.EQUAL
) -> Fact:
    """A fact that is a reading: its source and its time are the reading's."""
    return Fact(name=name, value=value, rule=rule, why=why, source=reading.source, at=reading.at)
