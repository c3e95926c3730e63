"""The tables of guards: for the validator set as a whole, and for a node that is acted on.

Guards that need a reading that only describes (the hash of the program) are judged only when
planning; `apply` reads again what decides, and judges all others again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.chain.guards import (
    copies,
    cosmovisor,
    duplicate,
    former,
    jail,
    jobs,
    links,
    node,
    open_files,
    position,
    power,
    program,
    rollback,
    room,
    settings,
    signing,
    state_sync,
    witnesses,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none

NodeGuard = Callable[[ChainSituation, HostReading], GuardResult]


def by_host(guard: NodeGuard) -> Callable[[ChainSituation, str], GuardResult]:
    """A guard on the reading of a host in the form that an action needs: by the host's name."""
    return lambda chain, host: guard(chain, chain.observation.host(host))


INVARIANTS: tuple[Callable[[ChainSituation, Proposal[ChainSituation]], GuardResult | None], ...] = (
    witnesses.two_witnesses,
    power.same_chain_id,
    power.inventory_covers_quorum,
    power.keys_unique,
    power.no_foreign_majority,
    power.keeps_signing_power,
    power.reaches_quorum,
    position.can_sign_there,
    settings.set_before,
    power.targets_reachable,
    jobs.nothing_by_the_clock,
)
_SAFE_TO_RUN: tuple[NodeGuard, ...] = (
    node.one_process,
    signing.key_present,
    signing.signs_once,
    signing.sign_state_sound,
    signing.wal_present,
    signing.signer_local,
    settings.double_sign_check_off,
    signing.no_adaptive_sync,
    settings.no_leftover_halt,
    node.disk_free,
    node.records_writable,
    node.clock_in_sync,
)
"""What every start must satisfy, whatever was done before it, beside its program."""
_START: tuple[NodeGuard, ...] = (
    node.unit_known,
    node.curable_by_start,
    *_SAFE_TO_RUN,
    node.same_binary,
)
_WHEN_SET: Mapping[NodeGuard, NodeGuard] = {
    node.curable_by_start: node.curable_when_set,
    settings.double_sign_check_off: settings.double_sign_check_lifted,
    settings.no_leftover_halt: settings.halt_lifted,
}
"""What is asked instead where a step of the same plan sets what forbids the start to 0."""
_WHEN_FREED: Mapping[NodeGuard, NodeGuard] = {
    node.curable_by_start: room.curable_when_freed,
    node.disk_free: room.enough_room_after,
}
"""What is asked instead where a step of the same plan makes room before."""
START_GUARDS = tuple(map(by_host, _START))


def _if_started(guard: NodeGuard) -> NodeGuard:
    """A guard of a start, for what starts only a node that is held: of another one the hold alone,
    if any, is taken away."""

    def judged(chain: ChainSituation, reading: HostReading) -> GuardResult:
        result, unit = guard(chain, reading), value_or_none(reading.unit)
        if unit is None or (unit.held and unit.active_state != "active"):
            return result
        return replace(result, outcome=Outcome.PASS, got="it is not started")

    return judged


UNHOLD_GUARDS = tuple(
    by_host(guard if guard is node.unit_known else _if_started(guard)) for guard in _START
)
START_FREED_GUARDS = tuple(by_host(_WHEN_FREED.get(guard, guard)) for guard in _START)
_WHEN_RAISED: Mapping[NodeGuard, NodeGuard] = {
    node.curable_by_start: open_files.curable_when_raised
}
START_RAISED_GUARDS = tuple(by_host(_WHEN_RAISED.get(guard, guard)) for guard in _START)
RAISE_GUARDS = tuple(
    map(by_host, (node.unit_known, open_files.limit_is_low, node.records_writable))
)
FREE_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            room.something_may_go,
            room.enough_room_after,
            room.nobody_needs_it,
            node.records_writable,
        ),
    )
)
START_CONFIGURED_GUARDS = tuple(by_host(_WHEN_SET.get(guard, guard)) for guard in _START)
CONFIGURE_GUARDS = tuple(
    map(by_host, (node.unit_known, settings.set_in_files, node.records_writable))
)
HOLD_GUARDS = tuple(
    map(by_host, (node.unit_known, node.records_writable, rollback.stands_at_one_height))
)
HOLD_DUPLICATE_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            duplicate.ends_what_was_read,
            duplicate.must_not_sign_here,
            node.records_writable,
            duplicate.room_for_evidence,
        ),
    )
)
"""Nothing of a start is asked: a node that is stopped signs nothing, whatever is wrong with it."""
ROLLBACK_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            rollback.stands_at_one_height,
            rollback.nothing_precommitted_above,
            *_SAFE_TO_RUN,
            program.same_or_chosen,
        ),
    )
)
"""Those of the start that follows are among them: what could not be started again is not rolled
back."""
INSTALL_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            program.curable_by_program,
            *_SAFE_TO_RUN,
            program.program_staged,
            program.another_program,
            program.program_announced,
            program.starts_program_itself,
        ),
    )
)
"""The program is the chosen one, whatever the others run (G8): G64 sees to it that enough do."""
EXCHANGE_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            program.program_staged,
            program.starts_program_itself,
            node.records_writable,
        ),
    )
)
"""The node is held; what its rollback and its start need is asked of them."""
EXCHANGE_BELOW_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            program.program_staged,
            cosmovisor.one_home,
            cosmovisor.link_leads_to_program,
            cosmovisor.place_is_free,
            node.records_writable,
        ),
    )
)
EXCHANGE_BACK_GUARDS = tuple(map(by_host, (node.unit_known, node.records_writable)))
FORMER_GUARDS = tuple(map(by_host, (node.unit_known, former.new_has_not_acted, *_SAFE_TO_RUN)))
"""What takes an install back. Which program is the former one only the plan knows: whether it is
there, its host finds out."""
LOWER_GUARDS = tuple(map(by_host, (node.unit_known, node.records_writable)))
DISABLE_GUARDS = tuple(map(by_host, (node.unit_known,)))
"""Nothing is started or stopped by these."""
INSTALL_BELOW_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            program.curable_by_program,
            *_SAFE_TO_RUN,
            program.program_staged,
            program.another_program,
            program.program_announced,
            cosmovisor.one_home,
            cosmovisor.link_leads_to_program,
            cosmovisor.upgrade_named,
            cosmovisor.place_is_free,
        ),
    )
)
COPY_GUARDS = tuple(
    map(by_host, (node.unit_known, copies.donor_sound, *_SAFE_TO_RUN, node.same_binary))
)
"""Those of a start are among them: the donor is started again."""
PUT_BACK_GUARDS = tuple(map(by_host, (node.unit_known, copies.copy_on_host, node.records_writable)))
"""Nothing is started: the node stays held."""
HOLD_FOR_COPY_GUARDS = tuple(
    map(by_host, (node.unit_known, copies.curable_by_copy, node.records_writable))
)
REPLACE_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            copies.curable_by_copy,
            copies.copy_on_host,
            copies.copy_fits,
            copies.nothing_given_away,
            *_SAFE_TO_RUN,
            node.same_binary,
        ),
    )
)
_SYNCS: tuple[NodeGuard, ...] = (
    state_sync.snapshot_offered,
    state_sync.trusted_block_proven,
    state_sync.servers_reached,
    state_sync.settings_settable,
    state_sync.blocks_kept,
)
SET_ASIDE_GUARDS = tuple(
    map(
        by_host,
        (node.unit_known, copies.curable_by_copy, *_SYNCS, *_SAFE_TO_RUN, node.same_binary),
    )
)
SYNC_ON_GUARDS = tuple(map(by_host, (node.unit_known, *_SYNCS, node.records_writable)))
SYNC_OFF_GUARDS = tuple(map(by_host, (node.unit_known, node.records_writable)))
"""Nothing is asked of what is put back as it was."""
BRING_BACK_GUARDS = tuple(map(by_host, (node.unit_known, *_SAFE_TO_RUN)))
"""The node is started again, unless it is held."""
UNJAIL_GUARDS = tuple(
    map(
        by_host,
        (
            node.unit_known,
            jail.jail_is_over,
            jail.jail_is_proven,
            jail.follows_the_chain,
            jail.enough_of_its_own,
            jail.key_can_sign,
            node.one_process,
            signing.key_present,
            signing.signs_once,
            signing.sign_state_sound,
            signing.no_adaptive_sync,
            node.disk_free,
            node.records_writable,
            node.clock_in_sync,
        ),
    )
)
"""It signs from the next block on: what is asked of a start is asked of it, too."""
MEND_GUARDS = tuple(map(by_host, (links.ways_known, links.peers_only, node.records_writable)))
ENABLE_GUARDS = tuple(by_host(guard) for guard in (node.unit_known, signing.key_present))
"""At the next boot it starts unattended; without its key file that would zero the sign state."""
