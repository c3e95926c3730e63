"""Guards on one service that is acted on."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.scoring.quarantine import take_out
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.values.reading import Unknown, value_or_none

_LOOK = "`remediate diagnose scoring` shows the evidence"


def host_ready(scoring: ScoringSituation, host: str) -> GuardResult:
    """V4: the host can be acted on: root by sudo, and a place for the record of steps."""
    login = scoring.hosts.host(host)
    session, records = value_or_none(login.session), value_or_none(login.records)
    holds: bool | None = None
    if session is not None and records is not None:
        holds = session.sudo and records.writable and not records.exposed
        got = "sudo" if session.sudo else "no sudo"
        got += ", steps can be recorded" if records.writable else ", steps cannot be recorded"
        got += f"; others can change {records.exposed}" if records.exposed else ""
    else:
        unread = login.session if isinstance(login.session, Unknown) else login.records
        got = unread.reason if isinstance(unread, Unknown) else "unread"
    return guard_result(
        "V4",
        "the host can be acted on",
        subject=host,
        holds=holds,
        got=got,
        expected="sudo, and a directory of root's for the records of steps",
        next_step="remediate doctor",
        facts=(f"{host}.sudo",),
    )


def unit_loaded(scoring: ScoringSituation, host: str) -> GuardResult:
    """V5: the unit that the inventory names is loaded there."""
    reading = scoring.scorer(host)
    unit = value_or_none(reading.unit)
    return guard_result(
        "V5",
        "the service's unit is there",
        subject=host,
        holds=None if unit is None else unit.load == "loaded",
        got=f"{unit.unit} {unit.load}" if unit else "the unit could not be read",
        expected=f"{reading.entry.unit} loaded",
        next_step=_LOOK if unit and unit.load == "loaded" else "correct `unit` in the inventory",
        facts=(f"{host}.scorer_unit",),
    )


def one_owner(scoring: ScoringSituation, host: str) -> GuardResult:
    """V6: at most one process listens on the service's port."""
    reading = scoring.scorer(host)
    process = value_or_none(reading.process)
    owners = process.owners if process else ()
    nobody = isinstance(reading.process, Unknown) and reading.process.why.value == "absent"
    port = reading.entry.port
    return guard_result(
        "V6",
        "no second service is on the port",
        subject=host,
        holds=None if process is None and not nobody else len(owners) < 2,
        got=f"{len(owners)} on port {port}"
        + (f": {', '.join(map(str, owners))}" if owners else ""),
        expected="one process, or none",
        next_step="stop the one that is not the unit's by hand, then plan again",
        facts=(f"{host}.scorer",),
    )


def restarts_left(scoring: ScoringSituation, host: str) -> GuardResult:
    """V7: it was not started more often than people allow: what does not help is not repeated."""
    unit = value_or_none(scoring.scorer(host).unit)
    limit, window = scoring.scoring.restarts, scoring.scoring.window_s
    return guard_result(
        "V7",
        "it was not restarted too often",
        subject=host,
        holds=None if unit is None else unit.starts <= limit,
        got=f"{unit.starts} starts in {window} s" if unit else "its starts could not be read",
        expected=f"at most {limit} in {window} s (`scoring: {{restarts: …, window_seconds: …}}`)",
        next_step=f"{take_out(scoring.scoring)}, and read its journal",
        facts=(f"{host}.scorer_invocation",),
    )
