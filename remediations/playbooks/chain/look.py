"""One look at the chain while a plan is applied: for gates, live display, plot and report.

The series are `height` for every node, `round` for the set, and `voting power` for the nodes that
answer and follow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from msgspec import UNSET

from remediations.engine.apply.look import GateVerdict, Harm, Mark, Point, Sight, Watch
from remediations.engine.plan.plan import Gate, Plan
from remediations.playbooks.chain.baseline import ChainBaseline, ChainNodes, HeldNodes
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot, Synced, judge_gate
from remediations.reach.connection import Reach
from remediations.render.formats import name_some, percent
from remediations.systems.comet.poll import NodePoll, poll_nodes
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import NodeLocation, NodeStatus
from remediations.values.reading import Reading, value_or_none

HEIGHT, ROUND, POWER = "height", "round", "voting power"
NO_WORDS: Mapping[str, str] = MappingProxyType({})
BLOCK_WITNESSES = 2
"""So many nodes are asked for their last blocks: headers are the same on all."""


@dataclass(frozen=True, kw_only=True)
class ChainLook:
    """The set at one moment (the `Look` protocol)."""

    snapshot: Snapshot
    harms: tuple[Harm, ...] = ()

    @property
    def sight(self) -> Sight:
        """Height, round and power, and whether the power is a quorum."""
        seen = self.snapshot
        return Sight(
            headline=_headline(seen),
            points=(
                *(Point(series=HEIGHT, subject=h.host, value=h.height) for h in seen.hosts),
                Point(series=ROUND, subject="", value=seen.round),
                Point(series=POWER, subject="online", value=seen.online_power),
            ),
            marks=(
                Mark(series=POWER, label="2/3", value=2 * seen.total_power // 3),
                Mark(series=POWER, label="all", value=seen.total_power),
            ),
            harms=self.harms or UNSET,
        )

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether this look alone opens the gate.

        Raises:
            ValueError: it is not a gate of the chain.
        """
        return judge_gate(gate, self.snapshot)


def watch_chain(plan: Plan, reach: Reach) -> Watch:
    """A watch that polls all nodes of the plan at once. Where holders of a key are stopped,
    evidence and a lost power may still come of what they signed before: that holds no later stop
    back."""
    held = held_nodes(plan)
    nodes = (*plan.part(ChainNodes).nodes, *held)
    total = plan.part(ChainBaseline).total_power
    asked = [(node.host, node.rpc_url) for node in nodes]
    told_blocks = frozenset(node.host for node in nodes[:BLOCK_WITNESSES])
    units = {node.host: node.unit for node in nodes if node.host in syncing_hosts(plan)}
    # Imported here: it loads SSH, which nobody needs who reads a saved observation.
    from remediations.systems.comet.poll_words import poll_words

    async def watch() -> ChainLook:
        polls, words = await asyncio.gather(
            poll_nodes(reach, asked, told_blocks), poll_words(reach, units)
        )
        harms = () if held else tuple(harms_of(nodes, polls))
        return ChainLook(snapshot=snapshot_of(nodes, total, polls, words), harms=harms)

    return watch


def syncing_hosts(plan: Plan) -> frozenset[str]:
    """The nodes that get a snapshot from their peers: whether one came, only their journals say."""
    gates = [stage.gate.asks for stage in plan.stages]
    found = (gate.read(Synced).hosts for gate in gates if gate.kind == Synced.KIND)
    return frozenset(host for hosts in found for host in hosts)


def held_nodes(plan: Plan) -> tuple[NodeLocation, ...]:
    """The nodes that the plan leaves stopped and held."""
    if not any(part.kind == HeldNodes.KIND for part in plan.baseline):
        return ()
    return plan.part(HeldNodes).nodes


def look_at(
    nodes: Sequence[NodeLocation], total: int, statuses: Mapping[str, Reading[NodeStatus]]
) -> ChainLook:
    """The look that the checks make when they ask where every node is: the series of
    `watch_chain`, but for the round, which no check asks for. Pure."""
    polls = {
        host: NodePoll(status=value_or_none(status), round=None)
        for host, status in statuses.items()
    }
    return ChainLook(snapshot=snapshot_of(nodes, total, polls))


def harms_of(nodes: Sequence[NodeLocation], polls: Mapping[str, NodePoll]) -> Iterator[Harm]:
    """What must not become more: states that differ after one block, evidence of double signing,
    and validators without power (jailed, or bonded no more). Pure."""
    states: dict[int, dict[str, list[str]]] = {}
    for host, poll in polls.items():
        if poll.app is not None and poll.app.app_hash:
            found = states.setdefault(poll.app.height, {})
            found.setdefault(poll.app.app_hash, []).append(host)
    if states:
        height = max(states, key=lambda at: (len(states[at]), at))
        sides = [f"{state[:12]} ({name_some(at, 4)})" for state, at in states[height].items()]
        says = f"after block {height} there are {' and '.join(sides)}"
        yield Harm(name="app hashes", count=len(states[height]), says=says)
    blocks = [block for poll in polls.values() for block in poll.blocks or ()]
    if blocks:
        newest = max((block.height for block in blocks if block.evidence), default=0)
        says = f"evidence of double signing is in block {newest}"
        yield Harm(name="evidence", count=newest, says=says)
    told = {node.host: polls[node.host].status for node in nodes if node.power}
    lost = [host for host, status in told.items() if status is not None and not status.power]
    yield Harm(
        name="validators out of the set",
        count=len(lost),
        says=f"{name_some(lost, 6)} has no power any more (jailed, or not bonded)",
    )


def split_of(nodes: Sequence[NodeLocation], total: int, polls: Mapping[str, NodePoll]) -> str:
    """Why no block can follow the states that were told; "" where that is not proven. A block has
    the hash of the state before it, and needs more than two thirds of the power
    (docs/rules/classes.md#app-hash-split): if no state has that, even with all who have not told
    theirs, none will, for a state does not change by itself. Pure."""
    power = {node.address: node.power for node in nodes}
    states: dict[int, dict[str, set[str]]] = {}
    for node in nodes:
        app = polls[node.host].app
        if app is not None and app.app_hash and node.power:
            states.setdefault(app.height, {}).setdefault(app.app_hash, set()).add(node.address)
    for height, sides in sorted(states.items(), reverse=True):
        silent = total - sum(power[address] for address in set().union(*sides.values()))
        powers = {state: sum(power[one] for one in at) for state, at in sides.items()}
        if len(sides) > 1 and not has_quorum(max(powers.values()) + silent, total):
            told = " and ".join(f"{state[:12]} with {powers[state]}" for state in sorted(powers))
            return f"after block {height} the states differ: {told} of {total}"
    return ""


def snapshot_of(
    nodes: Sequence[NodeLocation],
    total: int,
    polls: dict[str, NodePoll],
    words: Mapping[str, str] = NO_WORDS,
) -> Snapshot:
    """What the nodes of a plan answered, as one snapshot of the set; `words` are what their
    journals say. Pure."""
    hosts = tuple(
        HostSnapshot(
            host=node.host,
            height=poll.status.height if poll.status else None,
            catching_up=poll.status.catching_up if poll.status else None,
            power=poll.status.power if poll.status else None,
            says=words.get(node.host, ""),
            states=states_of(poll),
        )
        for node in nodes
        for poll in (polls[node.host],)
    )
    return Snapshot(
        hosts=hosts,
        round=_round(list(polls.values())),
        online_power=_online_power(list(polls.values()), nodes),
        total_power=total,
        split=split_of(nodes, total, polls),
    )


def states_of(poll: NodePoll) -> Mapping[int, str]:
    """The app hashes that a node tells, each after a height: a header names the state before its
    block. Pure."""
    told = {block.height - 1: block.app_hash for block in poll.blocks or ()}
    if poll.status is not None:
        told[poll.status.height - 1] = poll.status.app_hash
    if poll.app is not None:
        told[poll.app.height] = poll.app.app_hash
    return {height: state for height, state in told.items() if state}


def _round(polls: Sequence[NodePoll]) -> int | None:
    """The highest round at the highest height that any node is at."""
    rounds = [(p.round.height, p.round.round) for p in polls if p.round is not None]
    return max(rounds)[1] if rounds else None


def _online_power(polls: Sequence[NodePoll], nodes: Sequence[NodeLocation]) -> int:
    """The power of the nodes that answer and follow, for display: `observe` reads what decides."""
    top = max((p.status.height for p in polls if p.status is not None), default=0)
    alive = {p.status.address for p in polls if p.status and p.status.height >= top - 1}
    return sum(node.power for node in nodes if node.address in alive)


def _headline(seen: Snapshot) -> str:
    top = max((host.height for host in seen.hosts if host.height is not None), default=None)
    share = percent(seen.online_power, seen.total_power)
    quorum = "quorum" if has_quorum(seen.online_power, seen.total_power) else "no quorum"
    return (
        f"height {'?' if top is None else top}, round {'?' if seen.round is None else seen.round}, "
        f"{seen.online_power} of {seen.total_power} ({share}) online: {quorum}"
    )
