"""The facts that decide a plan, extracted the same way when planning and when applying.

Heights and clocks always move, so only what decides is a fact, each with how it may move.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from remediations.engine.find.finding import Evidence, Finding, NodeFinding
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.guards.node import RESTARTABLE
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known, Unknown, value_or_none

UNKNOWN = "unknown"


def facts_of(observation: CometReading, finding: Finding, hosts: Sequence[str]) -> tuple[Fact, ...]:
    """All facts that decide about acting on `hosts`, in a fixed order."""
    at = observation.began
    facts = [
        _fact("chain.class", str(finding.chain), Rule.EQUAL, at, why="the branch is chosen by it"),
        _fact(
            "chain.total_power",
            str(finding.total_power),
            Rule.EQUAL,
            at,
            why="quorum is counted in it",
        ),
        _fact(
            "chain.online_power",
            str(finding.online_power),
            Rule.AT_LEAST,
            at,
            why="with less, less can be missed",
        ),
        _fact(
            "chain.height", str(finding.height), Rule.AT_LEAST, at, why="a chain never goes back"
        ),
    ]
    for host in hosts:
        facts.extend(_host_facts(observation.host(host), finding.node(host)))
    return tuple(facts)


def _host_facts(reading: HostReading, finding: NodeFinding) -> list[Fact]:
    host = reading.host
    unit = value_or_none(reading.unit)
    key = value_or_none(reading.key)
    state = value_or_none(reading.sign_state)
    config = value_or_none(reading.config)
    session = value_or_none(reading.session)
    down = finding.condition in RESTARTABLE
    proof = finding.evidence[0] if finding.evidence else None
    return [
        _read(
            f"{host}.sudo",
            str(session.sudo) if session else UNKNOWN,
            reading.session,
            "nothing can be started without it",
        ),
        _read(f"{host}.unit", unit.name if unit else UNKNOWN, reading.unit, "it is started"),
        _read(
            f"{host}.home", unit.home if unit else UNKNOWN, reading.unit, "key and data lie there"
        ),
        _read(
            f"{host}.address",
            key.address if key else UNKNOWN,
            reading.key,
            "it says whose power this is",
        ),
        _read(
            f"{host}.sign_state",
            f"{state.height}/{state.round}/{state.step}" if state else UNKNOWN,
            reading.sign_state,
            "lower than this could sign twice",
            Rule.AT_LEAST,
        ),
        _read(
            f"{host}.config",
            f"double_sign_check_height={config.double_sign_check_height} "
            f"halt_height={config.halt_height} halt_time={config.halt_time}"
            if config
            else UNKNOWN,
            reading.config,
            "it can stop the node again",
        ),
        _fact(
            f"{host}.down",
            "down" if down else str(finding.condition),
            Rule.EQUAL,
            proof.at if proof else _at(reading),
            _source(proof),
            why="only what is down is started",
        ),
    ]


def _source(proof: Evidence | None) -> str:
    return f"{proof.reading}: {proof.says}" if proof else "diagnosis"


def _at(reading: HostReading) -> datetime:
    return reading.session.at


def _fact(
    name: str, value: str, rule: Rule, at: datetime, source: str = "diagnosis", *, why: str
) -> Fact:
    return Fact(name=name, value=value, rule=rule, why=why, source=source, at=at)


def _read(
    name: str, value: str, reading: Known[object] | Unknown, why: str, rule: Rule = Rule.EQUAL
) -> Fact:
    return Fact(name=name, value=value, rule=rule, why=why, source=reading.source, at=reading.at)
