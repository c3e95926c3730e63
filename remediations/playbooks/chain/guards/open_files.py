"""Guards on raising the limit of open files (ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import OPEN_FILES
from remediations.values.reading import value_or_none


def limit_is_low(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G94: the unit may open fewer files than a daemon needs, and no run holds it."""
    unit = value_or_none(reading.unit)
    held = unit is not None and unit.held
    return guard_result(
        "G94",
        "its unit may open fewer files than a daemon needs",
        subject=reading.host,
        holds=None if unit is None else unit.open_files < OPEN_FILES and not held,
        got="its unit was not read"
        if unit is None
        else f"LimitNOFILE {unit.open_files}" + (", held by a run" if held else ""),
        expected=f"less than {OPEN_FILES}, and no hold",
        next_step="`remediate status` names the run that holds it"
        if held
        else f"find out on {reading.host} what opens so many files (`ls /proc/PID/fd | wc -l`): "
        "its limit is not what is too low",
        facts=(f"{reading.host}.open_files",),
    )


def curable_when_raised(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N1, where a step of the plan raises the limit for which it ended."""
    finding = chain.finding.node(reading.host)
    return guard_result(
        "N1",
        "what is wrong with the node is cured by a start",
        subject=reading.host,
        holds=finding.condition is NodeCondition.OPEN_FILES and reading.host not in chain.voting,
        got=f"{finding.condition}: {finding.cause}",
        expected="open-files",
        next_step=finding.by_hand or "`remediate diagnose` shows the evidence",
        facts=(f"{reading.host}.down",),
    )
