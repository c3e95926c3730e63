"""The tables of guards: of the whole set, and of a node that something is done to.

Guards that need a describing reading (the program's hash) are judged when planning only; `apply`
re-reads what decides and judges the rest again.
"""

from __future__ import annotations

from collections.abc import Callable

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.chain.guards import node, power, signing
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import HostReading

NodeGuard = Callable[[ChainSituation, HostReading], GuardResult]


def on_host(guard: NodeGuard) -> Callable[[ChainSituation, str], GuardResult]:
    """A guard on what a host says, as an action has it: by the host's name."""
    return lambda chain, host: guard(chain, chain.observation.host(host))


INVARIANTS: tuple[Callable[[ChainSituation, Proposal[ChainSituation]], GuardResult | None], ...] = (
    power.witnesses,
    power.one_chain,
    power.covers_the_set,
    power.one_key_one_host,
    power.no_foreign_majority,
    power.keeps_signing_power,
    power.reaches_quorum,
    power.readable_targets,
)
START_GUARDS = tuple(
    on_host(guard)
    for guard in (
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
)
ENABLE_GUARDS = tuple(on_host(guard) for guard in (node.unit_known, signing.key_present))
"""The next boot starts it with nobody watching: without its key file that zeroes the sign state."""
