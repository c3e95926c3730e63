"""The facts that decide about removing what shuts the ways to peers on a host."""

from __future__ import annotations

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.facts import UNKNOWN
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.ways import Ways
from remediations.systems.hosts.mend import data_of
from remediations.values.reading import Known, Unknown, value_or_none

MENDS = "host.mend"
"""The name of the action."""


def ways_read(reading: HostReading) -> Ways | None:
    """What the host tells of the ways to its peers; None where that was not read."""
    return reading.ways.value if isinstance(reading.ways, Known) else None


def mend_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """That the host can be acted on, and exactly what is in the way there."""
    reading = chain.observation.host(host)
    session = value_or_none(reading.session)
    found = chain.obstacles.get(host, ())
    told = reading.ways if isinstance(reading.ways, Known | Unknown) else None
    return (
        Fact(
            name=f"{host}.sudo",
            value=str(session.sudo) if session else UNKNOWN,
            rule=Rule.EQUAL,
            why="nothing can be removed without it",
            source=reading.session.source,
            at=reading.session.at,
        ),
        Fact(
            name=f"{host}.obstacles",
            value=data_of(found) if found else UNKNOWN,
            rule=Rule.EQUAL,
            why="exactly these are removed, and nothing that differs from them",
            source=told.source if told is not None else "the ways to its peers",
            at=told.at if told is not None else chain.observation.began,
        ),
    )


def mend_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know. What could not be read becomes "", and guards block."""
    lines = facts[f"{host}.obstacles"]
    return {"obstacles": "" if lines == UNKNOWN else lines}
