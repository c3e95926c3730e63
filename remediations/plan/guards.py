"""The table of guards for starting and restarting, and what runs it.

Guards that need a describing reading (the program's hash) are judged when planning only; `apply`
re-reads what decides and judges the rest again.
"""

from __future__ import annotations

from collections.abc import Callable

from remediations.observe.observation import HostReading
from remediations.plan import guards_node, guards_set, guards_signing
from remediations.plan.case import Case
from remediations.plan.plan import GuardResult

SetGuard = Callable[[Case], GuardResult | None]
NodeGuard = Callable[[Case, HostReading], GuardResult]

SET_GUARDS: tuple[SetGuard, ...] = (
    guards_set.witnesses,
    guards_set.one_chain,
    guards_set.covers_the_set,
    guards_set.one_key_one_host,
    guards_set.no_foreign_majority,
    guards_set.keeps_signing_power,
    guards_set.reaches_quorum,
    guards_set.readable_targets,
)
NODE_GUARDS: tuple[NodeGuard, ...] = (
    guards_node.unit_known,
    guards_node.nothing_known_forbids,
    guards_node.one_process,
    guards_signing.key_present,
    guards_signing.sign_state_sound,
    guards_signing.wal_present,
    guards_signing.signer_local,
    guards_signing.restart_not_deadlocked,
    guards_signing.no_adaptive_sync,
    guards_signing.no_leftover_halt,
    guards_node.disk_free,
    guards_node.record_kept,
    guards_node.clock_sane,
    guards_node.same_binary,
)


def judge(case: Case) -> tuple[GuardResult, ...]:
    """Every guard that bears on this case, the whole set first, then host by host."""
    results = [result for guard in SET_GUARDS if (result := guard(case)) is not None]
    for reading in case.acting:
        results.extend(guard(case, reading) for guard in NODE_GUARDS)
    return tuple(results)
