"""A guard on the way back of an install (ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.program import FAILING
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.values import AppInfo
from remediations.values.reading import value_or_none

_NEXT = (
    "leave the program where it is: what it executed stays; `remediate plan` for what is wrong now"
)


def new_has_not_acted(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G100: the program that is there has not executed the block at which the other one failed. It
    fails there as well, or its application is below the newest block."""
    host, finding = reading.host, chain.finding.node(reading.host)
    status, app = latest_status(reading), _latest_app(reading)
    holds: bool | None
    if finding.condition in FAILING:
        holds, got = True, f"{finding.condition}: {finding.cause}"
    elif status is not None and app is not None:
        holds = app.height < status.height
        got = f"its application is at {app.height}, its newest block is {status.height}"
    else:
        holds, got = None, f"{finding.condition}: it does not tell how far its application is"
    return guard_result(
        "G100",
        "the new program has not executed the block",
        subject=host,
        holds=holds,
        got=got,
        expected="a node that fails at the block, or whose application is below it",
        next_step=_NEXT if holds is not None else f"start {host}, then `remediate undo` again",
        facts=(f"{host}.acts_at",),
    )


def _latest_app(reading: HostReading) -> AppInfo | None:
    """The newest `/abci_info` that was read on this host, or None."""
    for sample in reversed(reading.samples):
        app = value_or_none(sample.app)
        if app is not None:
            return app
    return None
