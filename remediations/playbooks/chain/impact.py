"""Voting power: the order in which nodes are acted on, and what that does to quorum. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.domain import Proposal
from remediations.engine.plan.impact import Effect, Level, compute_impacts
from remediations.engine.plan.plan import Impact
from remediations.playbooks.chain.finding import NodeFinding, Tristate
from remediations.playbooks.chain.holders import shared_key_of
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.quorum import has_quorum

POWER = "voting power"


def smallest_first(nodes: Iterable[NodeFinding]) -> tuple[NodeFinding, ...]:
    """Rolling order (docs/plan.md#branches): smallest power first, by name among equals."""
    return tuple(sorted(nodes, key=lambda node: (node.power, node.host)))


def levels(chain: ChainSituation) -> tuple[Level, ...]:
    """The power that votes now. If it is a quorum, it must remain one (G29); in a halt there is
    nothing to keep, however many vote."""
    online, total = chain.finding.online_power, chain.finding.total_power
    keeps = has_quorum(online, total) and chain.finding.halted is not Tristate.YES
    floor = 2 * total // 3 + 1 if keeps else 0
    return (Level(measure=POWER, now=online, total=total, floor=floor),)


def restart_effect(chain: ChainSituation, host: str) -> tuple[Effect, ...]:
    """The effect of a start or a restart. A node whose votes are seen although it does not answer
    counts as online: while it is restarted, its power is missing."""
    power = chain.finding.node(host).power
    return (Effect(POWER, power if host in chain.voting else 0, 0, power),)


def stop_effect(chain: ChainSituation, host: str) -> tuple[Effect, ...]:
    """The effect of a stop."""
    power = chain.finding.node(host).power
    return (Effect(POWER, power if host in chain.voting else 0, 0, 0),)


def hold_duplicate_effect(chain: ChainSituation, host: str) -> tuple[Effect, ...]:
    """The effect of stopping a holder of a key. The power is that of the key: it is there once, and
    lost only if no other holder goes on with it."""
    key = shared_key_of(chain.shared_keys, host)
    if key is None:
        return stop_effect(chain, host)
    voting = [holder.host for holder in key.stops if holder.runs and holder.host in chain.voting]
    lost = key.power if not key.keeps_signing and voting[:1] == [host] else 0
    return (Effect(POWER, lost, 0, 0),)


def start_effect(chain: ChainSituation, host: str) -> tuple[Effect, ...]:
    """The effect of the start of a node that an earlier stage has stopped."""
    return (Effect(POWER, 0, 0, chain.finding.node(host).power),)


def stop_cost(chain: ChainSituation, host: str) -> str:
    """What stopping a node again costs the chain. It follows from its power and the total alone:
    who else votes by then is not known when planning. Only the few that halt it by themselves have
    words of their own, because hosts with the same words share a paragraph."""
    power, total = chain.finding.node(host).power, chain.finding.total_power
    if not power:
        return "safe at any time, it has no power"
    rest = total - power
    if not has_quorum(rest, total):
        return (
            f"halts the chain, because without its {power} of {total} power at most {rest} vote, "
            "which is two thirds or less"
        )
    return "the chain halts unless more than two thirds of the power vote without it"


def no_effect(_chain: ChainSituation, _host: str) -> tuple[Effect, ...]:
    """The effect of what neither starts nor stops a process: no power changes."""
    return ()


def stage_impacts(chain: ChainSituation, proposal: Proposal[ChainSituation]) -> tuple[Impact, ...]:
    """The voting power before, during and after each stage."""
    effects = [
        [effect for move in stage.moves for effect in move.action.effects(chain, move.target)]
        for stage in proposal.stages
    ]
    return tuple(impact for (impact,) in compute_impacts(levels(chain), effects))
