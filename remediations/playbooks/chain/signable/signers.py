"""From a situation to signers, and to the position that they come back to. Pure.

1. One signer for each address, however many hosts hold its key: its power counts once.
2. Whoever votes now can sign, unless it is stopped and started again: then its files tell. A host
   that runs and does not vote may or may not.
3. Of those that are stopped, only what is to be started is there.
4. Power that no key of the inventory accounts for may be that of a host whose key could not be
   read: whether it signs is not known.
5. The set comes back to the height above the newest block, in the highest round that anybody brings
   along: those that run, in memory; those that are started, in their write-ahead log. Whoever
   begins below it follows, since the others send it the old votes of the rounds between.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.unread import unread_keys
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.signable.ability import Position, Signer
from remediations.playbooks.chain.signable.whole import Signable, signable
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some
from remediations.values.reading import Unknown, value_or_none

OUTSIDE = "validators on no host of the inventory"


def signable_after(chain: ChainSituation, started: Collection[str]) -> Signable:
    """What can be signed where the chain stands, once these hosts are started, too."""
    signers = signers_with(chain, started)
    return signable(signers, comes_back_to(chain, signers), chain.finding.total_power)


def signers_with(chain: ChainSituation, started: Collection[str]) -> tuple[Signer, ...]:
    """The signers that are there, once these hosts are started (1 to 4)."""
    held: dict[str, list[NodeFinding]] = {}
    for node in chain.finding.nodes:
        if node.address and node.power:
            held.setdefault(node.address, []).append(node)
    found = []
    for holders in held.values():
        signer = _of_key(chain, holders, frozenset(started))
        if signer is not None:
            found.append(signer)
    inside = {n.address: n.power for n in chain.finding.nodes if n.host in chain.voting}
    outside = max(0, chain.finding.online_power - sum(inside.values()))
    if outside:
        found.append(Signer(name=OUTSIDE, power=outside, votes=True))
    blind = [host for host in hosts_of_unread_keys(chain) if host in started]
    if blind and chain.finding.uncovered_power > outside:
        left = chain.finding.uncovered_power - outside
        lacks = f"{name_some(blind)}: whose key it has"
        found.append(Signer(name=blind[0], power=left, lacks=lacks))
    return tuple(found)


def hosts_of_unread_keys(chain: ChainSituation) -> tuple[str, ...]:
    """Hosts that may hold a key of which nothing is known."""
    views = [NodeView(reading) for reading in chain.observation.hosts]
    return tuple(key.host for key in unread_keys(views))


def comes_back_to(
    chain: ChainSituation, signers: Collection[Signer], height: int | None = None
) -> Position:
    """Where the set goes on (5), or would at another height."""
    following = chain.finding.height + 1
    height = following if height is None else height
    brought = [
        signer.state.round
        for signer in signers
        if signer.brings_round and signer.state is not None and signer.state.height == height
    ]
    kept = height == following and any(signer.votes for signer in signers)
    return Position(height, max([chain.finding.round if kept else 0, *brought]))


def _of_key(
    chain: ChainSituation, holders: list[NodeFinding], started: frozenset[str]
) -> Signer | None:
    """The signer of one key, or None if nobody with it is there. Of several that are started the
    most restricted one counts."""
    for node in holders:
        if node.host in chain.voting and node.host not in started:
            return replace(_by_its_files(chain, node), votes=True)
    fresh = [_by_its_files(chain, node) for node in holders if node.host in started]
    if fresh:
        return max(fresh, key=_restricted)
    for node in holders:
        if node.condition.rule.running:
            lacks = f"{node.host}: why it runs and does not vote"
            return Signer(name=node.host, power=node.power, lacks=lacks)
    return None


def _by_its_files(chain: ChainSituation, node: NodeFinding) -> Signer:
    reading = chain.observation.host(node.host)
    config, log = value_or_none(reading.config), value_or_none(reading.wal)
    state, lacks = reading.sign_state, ""
    if config is None or config.remote_signer:
        lacks = f"{node.host}: the sign state of its remote signer"
        if config is None:
            lacks = f"{node.host}: whether a remote signer signs for it"
        return Signer(name=node.host, power=node.power, lacks=lacks)
    if isinstance(state, Unknown):
        lacks = f"{node.host}: its sign state"
    elif log is None:
        lacks = f"{node.host}: whether its write-ahead log is there"
    return Signer(
        name=node.host,
        power=node.power,
        state=value_or_none(state),
        has_log=None if log is None else log.size > 0,
        lacks=lacks,
    )


def _restricted(signer: Signer) -> tuple[bool, tuple[int, int, int], bool]:
    state = signer.state
    return (state is None, state.hrs if state is not None else (0, 0, 0), not signer.brings_round)
