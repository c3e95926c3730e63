"""The table of guards for starting and restarting, and what runs it.

Guards that need a describing reading (the program's hash) are judged when planning only; `apply`
re-reads what decides and judges the rest again.
"""

from __future__ import annotations

from collections.abc import Callable

from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.chain.guards import node, power, signing
from remediations.playbooks.chain.guards.case import Case
from remediations.systems.comet.reading import HostReading

SetGuard = Callable[[Case], GuardResult | None]
NodeGuard = Callable[[Case, HostReading], GuardResult]

SET_GUARDS: tuple[SetGuard, ...] = (
    power.witnesses,
    power.one_chain,
    power.covers_the_set,
    power.one_key_one_host,
    power.no_foreign_majority,
    power.keeps_signing_power,
    power.reaches_quorum,
    power.readable_targets,
)
NODE_GUARDS: tuple[NodeGuard, ...] = (
    node.unit_known,
    node.nothing_known_forbids,
    node.one_process,
    signing.key_present,
    signing.sign_state_sound,
    signing.wal_present,
    signing.signer_local,
    signing.restart_not_deadlocked,
    signing.no_adaptive_sync,
    signing.no_leftover_halt,
    node.disk_free,
    node.record_kept,
    node.clock_sane,
    node.same_binary,
)


def judge(case: Case) -> tuple[GuardResult, ...]:
    """Every guard that bears on this case, the whole set first, then host by host."""
    results = [result for guard in SET_GUARDS if (result := guard(case)) is not None]
    for reading in case.acting:
        results.extend(guard(case, reading) for guard in NODE_GUARDS)
    return tuple(results)
