"""Guards on the validator set as a whole (ids: docs/rules/guards.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from msgspec import UNSET

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, Impact, guard_result
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.copies import NO_DONOR
from remediations.playbooks.chain.diagnose.all_down import signs_nothing
from remediations.playbooks.chain.finding import Tristate
from remediations.playbooks.chain.holders import ACCEPT_HALT, STOPS
from remediations.playbooks.chain.impact import stage_impacts
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import name_some, percent
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Unknown, value_or_none

Whole = Proposal[ChainSituation]


def acting_readings(chain: ChainSituation, proposal: Whole) -> Iterator[HostReading]:
    """The readings of the hosts that are acted on, in their order."""
    return (chain.observation.host(host) for host in proposal.targets)


def nobody_signs(chain: ChainSituation, proposal: Whole) -> bool:
    """Whether nobody can tell who has which power, and only full nodes are started, whose keys
    signed nothing: to be able to tell. What is asked of the set does not concern them."""
    untold = not chain.finding.total_power or chain.finding.files is not None
    return untold and all(
        signs_nothing(reading) and not chain.may_sign(reading.host)
        for reading in acting_readings(chain, proposal)
    )


def inventory_covers_quorum(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G1: the inventory covers enough of the validator set to judge and to recover it."""
    if nobody_signs(chain, proposal):
        return None
    finding = chain.finding
    covered = finding.total_power - finding.uncovered_power
    return guard_result(
        "G1",
        "the inventory covers more than two thirds of the power",
        holds=has_quorum(covered, finding.total_power) if finding.total_power else None,
        got=f"{covered} of {finding.total_power} ({percent(covered, finding.total_power)})"
        + chain.by_files,
        expected="more than 2/3",
        next_step="make these keys readable, then `remediate diagnose` again: "
        + name_some(finding.unread_keys, 4)
        if finding.unread_keys
        else "add the missing validators' hosts to the inventory, then diagnose again",
        facts=("chain.total_power",),
    )


def keys_unique(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G2: no validator key is on two hosts where it could sign, stopped standbys included."""
    same, holders = chain.same_machine, _could_sign(chain, proposal)
    twice = {address: hosts for address, hosts in holders.items() if len(hosts) > 1}
    got = "; ".join(f"{address[:12]} on {', '.join(hosts)}" for address, hosts in twice.items())
    copies = any(len({same.get(h, h) for h in hosts}) > 1 for hosts in twice.values())
    return guard_result(
        "G2",
        "every validator key lies on one host only",
        holds=not twice,
        got=(got or f"{len(holders)} keys, each on one host")
        + ("" if copies or not twice else ", which are one machine"),
        expected="one host for each key",
        next_step="`remediate plan double-sign` holds all but the one that may sign; then remove "
        "the key from those by hand"
        if copies or not twice
        else "take all but one of these names out of the inventory; change nothing on the machine",
        facts=tuple(f"{reading.host}.address" for reading in acting_readings(chain, proposal)),
    )


def _could_sign(chain: ChainSituation, proposal: Whole) -> dict[str, list[str]]:
    """Key → the hosts that could sign with it: not those that the proposal stops and holds, and
    those that are held only for a key on one of whose hosts something else is done. Where the
    proposal only stops, the keys of others are no concern of it."""
    stops = {move.target for move in proposal.moves if move.action.name == STOPS}
    acted = frozenset(proposal.targets)
    holders: dict[str, list[str]] = defaultdict(list)
    concerned: set[str] = set()
    keys = {r.host: key.address for r in chain.observation.hosts if (key := value_or_none(r.key))}
    # A held holder may have signed what the one that is started does not know of.
    acted_on = {keys[host] for host in acted - stops if host in keys}
    for host, address in keys.items():
        if not address:
            continue
        if host in stops:
            concerned.add(address)
        elif address in acted_on or not chain.finding.node(host).held:
            holders[address].append(host)
    if only_stops(proposal):
        return {address: holders[address] for address in concerned}
    return holders


def only_stops(proposal: Whole) -> bool:
    """Whether all that is done is to stop and hold holders of keys: nothing is started."""
    return all(move.action.name == STOPS for move in proposal.moves)


def same_chain_id(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G3: every node that answers is on the chain of the inventory; where none does, every key that
    may sign has signed for it last."""
    if nobody_signs(chain, proposal):
        return None
    networks = {
        reading.host: status.network
        for reading in chain.observation.hosts
        if (status := latest_status(reading)) is not None
    }
    what = "nodes on"
    if not networks and chain.finding.files is not None:
        networks, what = _signed_for(chain, proposal), "last signatures for"
    wrong = {h: n for h, n in networks.items() if n != chain.observation.chain_id}
    unread = [host for host, network in networks.items() if not network]
    return guard_result(
        "G3",
        "every node that answers is on this chain",
        holds=None if not networks or unread else not wrong,
        got="; ".join(f"{host}: {network or 'not told'}" for host, network in wrong.items())
        or f"{len(networks)} {what} {chain.observation.chain_id}",
        expected=chain.observation.chain_id,
        next_step=f"leave {name_some(unread)} out (`--limit`): its sign state does not tell for "
        "which chain it signed"
        if unread
        else "correct `chain.id` or the hosts in the inventory",
    )


def _signed_for(chain: ChainSituation, proposal: Whole) -> dict[str, str]:
    """Host → the chain in what its key signed last, "" if that is not told."""
    found = {}
    for reading in acting_readings(chain, proposal):
        state = value_or_none(reading.sign_state)
        if state is not None and chain.may_sign(reading.host):
            found[reading.host] = "" if state.chain_id is UNSET else state.chain_id
    return found


def keeps_signing_power(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G29: no stage takes signing power from above two thirds to two thirds or below. People may
    accept it where a key signs twice: a halt ends, a tombstoned validator never comes back."""
    if nobody_signs(chain, proposal):
        return None
    total = chain.finding.total_power
    stages = stage_impacts(chain, proposal)
    halted = chain.finding.halted is Tristate.YES
    lost = [n for n, impact in enumerate(stages, 1) if not keeps_quorum(impact)]
    accepted = bool(lost) and only_stops(proposal) and ACCEPT_HALT in chain.inputs
    broken = [] if halted or accepted else lost
    worst = min((impact.worst for impact in stages), default=chain.finding.online_power)
    return guard_result(
        "G29",
        "signing power stays above two thirds at every step",
        holds=not broken if total else None,
        got=f"at worst {worst} of {total}"
        + (f" in stage {broken[0]}" if broken else "")
        + ("; no block comes now with all that votes" if halted and lost else "")
        + (f"; people accept that the chain halts (--{ACCEPT_HALT})" if accepted else ""),
        expected="more than 2/3 wherever it is so before",
        next_step="decide: without this stop the key goes on to sign twice, and is tombstoned for "
        f"ever; with it blocks stop until power is back. `--{ACCEPT_HALT} yes` accepts that"
        if only_stops(proposal)
        else "mend other validators first, so that this one can be missed"
        + (f"; {NO_DONOR}" if _copies(proposal) else ""),
        facts=("chain.online_power", "chain.total_power"),
    )


def _copies(proposal: Whole) -> bool:
    """Whether a donor is stopped."""
    return any(move.action.name == "node.copy" for move in proposal.moves)


def keeps_quorum(impact: Impact) -> bool:
    """Whether a stage leaves a quorum where there was one."""
    return not has_quorum(impact.before, impact.total) or has_quorum(impact.worst, impact.total)


_STARTED_TOGETHER = (ChainClass.QUORUM_LOST, ChainClass.ALL_DOWN, ChainClass.HALT_HEIGHT)


def reaches_quorum(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G1: in a halt, what is started together brings back more than two thirds; less would be
    useless. Not asked of a proposal that brings back no power, such as the copy of a donor."""
    finding = chain.finding
    if finding.chain not in _STARTED_TOGETHER or not _brings_power(chain, proposal):
        return None
    if nobody_signs(chain, proposal):
        return None
    after = stage_impacts(chain, proposal)[-1].after
    targets = frozenset(proposal.targets)
    left = [
        f"{node.host} ({node.power}, {node.condition})"
        for node in finding.nodes
        if node.power and not node.condition.rule.running and node.host not in targets
    ]
    return guard_result(
        "G1b",
        "what is started brings back more than two thirds",
        holds=has_quorum(after, finding.total_power) if finding.total_power else None,
        got=f"{after} of {finding.total_power} after the start{chain.by_files}"
        + (f"; cannot be started: {', '.join(left)}" if left else ""),
        expected="more than 2/3",
        next_step="mend by hand: "
        + (
            f"{left[0]}; see `remediate diagnose`"
            if left
            else f"make these keys readable: {name_some(finding.unread_keys, 4)}"
            if finding.unread_keys
            else "the validators not in the inventory"
        ),
        facts=("chain.online_power", "chain.total_power"),
    )


def _brings_power(chain: ChainSituation, proposal: Whole) -> bool:
    return any(
        effect.after > effect.now
        for move in proposal.moves
        for effect in move.action.effects(chain, move.target)
    )


def no_foreign_majority(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G31: no part of the network that we do not see holds more than two thirds."""
    if nobody_signs(chain, proposal):
        return None
    finding = chain.finding
    return guard_result(
        "G31",
        "no unseen part of the network can go on without us",
        holds=not has_quorum(finding.uncovered_power, finding.total_power)
        if finding.total_power
        else None,
        got=f"{finding.uncovered_power} of {finding.total_power} not in the inventory, "
        f"{sum(not peer.may_be for peer in finding.unlisted)} unlisted peers{chain.by_files}",
        expected="2/3 or less",
        next_step="run this from an inventory that covers the network",
        facts=("chain.total_power",),
    )


def targets_reachable(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G41: every host that is acted on can be reached, with sudo."""
    failed = []
    for reading in acting_readings(chain, proposal):
        if isinstance(reading.session, Unknown):
            failed.append(f"{reading.host}: {reading.session.reason}")
        elif not reading.session.value.sudo:
            failed.append(f"{reading.host}: no sudo for {reading.session.value.user}")
    return guard_result(
        "G41",
        "every target is reachable, with sudo",
        holds=not failed,
        got="; ".join(failed) or f"{len(proposal.targets)} of {len(proposal.targets)}",
        expected="all targets",
        next_step="mend SSH or sudo there, or leave the host out with `--limit`",
        facts=tuple(f"{reading.host}.sudo" for reading in acting_readings(chain, proposal)),
    )
