"""Which class of incident the chain is in, by power; first match wins (docs/diagnosis.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.hashes import Hashes
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.scene import Verdict
from remediations.playbooks.chain.diagnose.votes import Votes
from remediations.playbooks.chain.finding import Certainty, ChainClass, NodeCondition
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.values.inventory import Role
from remediations.values.reading import value_or_none

_SLOW_PARTS = 4
"""Blocks that each take more than a quarter of the time that counts as halted are slow."""

_IN_ORDER = frozenset(
    {NodeCondition.STANDBY, NodeCondition.NO_DAEMON, NodeCondition.HEALTHY, NodeCondition.WAITING}
)
CONSENSUS_DEAD = frozenset(
    {
        NodeCondition.ZOMBIE,
        NodeCondition.PANICKED,
        NodeCondition.UPGRADE_NEEDED,
        NodeCondition.HALT_HEIGHT,
    }
)
"""Their votes of this round, if any, are their last: consensus has ended in the process."""
_BY_LOG: tuple[tuple[NodeCondition, ChainClass], ...] = (
    (NodeCondition.UPGRADE_NEEDED, ChainClass.UPGRADE_NEEDED),
    (NodeCondition.HALT_HEIGHT, ChainClass.HALT_HEIGHT),
)


@dataclass(frozen=True)
class Judgement:
    """The class and the reason in a phrase. `blocked` are hosts that run and do not vote."""

    chain: ChainClass
    why: str
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that the class is decided from.

    `gone` are the addresses whose own host says that they do not vote; `dead` these, and those of
    nodes whose consensus has ended.
    """

    views: Sequence[NodeView]
    witnesses: Sequence[NodeView]
    power: Power
    halt: Halt
    votes: Votes
    hashes: Hashes
    verdicts: Mapping[str, Verdict | None]
    gone: frozenset[str]
    dead: frozenset[str]
    parted: bool
    limit_s: int

    def power_with(self, conditions: Collection[NodeCondition]) -> int:
        """The power of validators whose node is in one of these conditions."""
        return self.power.sum(
            view.address
            for view in self.views
            if (verdict := self.verdicts[view.host]) is not None and verdict.condition in conditions
        )


def classify(case: Case) -> Judgement:
    """The class of the chain."""
    if case.halt.answer is Certainty.NO:
        return _going_on(case)
    if case.halt.answer is Certainty.UNKNOWN:
        return _by_journals_alone(case) or Judgement(ChainClass.UNDETERMINED, case.halt.reason)
    if not case.power.known:
        why = "no witness could tell the validator set, so nobody's power is known"
        return _by_journals_alone(case) or Judgement(ChainClass.UNDETERMINED, why)
    for judge in (_stopped_on_purpose, _partition, _split, _panic, _votes_missing):
        judgement = judge(case)
        if judgement is not None:
            return judgement
    return _votes_there(case)


def _going_on(case: Case) -> Judgement:
    ill = {
        host: verdict
        for host, verdict in case.verdicts.items()
        if verdict is not None and verdict.condition not in _IN_ORDER
    }
    diverged = [host for host, v in ill.items() if v.condition is NodeCondition.DIVERGED]
    if diverged:
        why = f"{_named(diverged)} failed on another app hash than the others"
        return Judgement(ChainClass.LOCAL_DIVERGENCE, why)
    if ill:
        down = case.power.sum(case.gone)
        why = _named([f"{host} {v.condition}" for host, v in ill.items()])
        if case.power.known and can_halt(down, case.power.total):
            why += f"; {down} of {case.power.total} power is down, so blocks are about to stop"
        return Judgement(ChainClass.DEGRADED, why)
    interval = block_interval(case.witnesses)
    if interval is not None and interval * _SLOW_PARTS > timedelta(seconds=case.limit_s):
        return Judgement(ChainClass.SLOW, f"a block takes {interval.total_seconds():.1f} s")
    return Judgement(ChainClass.HEALTHY, "every node of the inventory is well")


def block_interval(witnesses: Sequence[NodeView]) -> timedelta | None:
    """The median time between the newest blocks; None where fewer than three are known.

    The first block's time is that of the genesis file, so the gap after it says nothing.
    """
    longest: dict[int, timedelta] = {}
    for view in witnesses:
        known = value_or_none(view.reading.chain.blocks) or ()
        blocks = [block for block in known if block.height > 1]
        if len(blocks) >= 3 and max(b.height for b in blocks) not in longest:
            times = [b.time for b in sorted(blocks, key=lambda b: b.height)]
            gaps = sorted(b - a for a, b in pairwise(times))
            longest[max(b.height for b in blocks)] = gaps[len(gaps) // 2]
    return longest[max(longest)] if longest else None


def _by_journals_alone(case: Case) -> Judgement | None:
    """Nobody answers, but every validator of the inventory, two or more, names the same cause."""
    validators = [view for view in case.views if view.reading.role is Role.VALIDATOR]
    conditions = {
        verdict.condition if (verdict := case.verdicts[view.host]) is not None else None
        for view in validators
    }
    if len(validators) < 2 or len(conditions) != 1 or case.witnesses:
        return None
    condition = conditions.pop()
    classes = dict((*_BY_LOG, (NodeCondition.PANICKED, ChainClass.DETERMINISTIC_PANIC)))
    if condition not in classes:
        return None
    why = f"nobody answers, and all {len(validators)} validators of the inventory say {condition}"
    return Judgement(classes[condition], why)


def _stopped_on_purpose(case: Case) -> Judgement | None:
    for condition, chain in _BY_LOG:
        power = case.power_with({condition})
        if power and can_halt(power, case.power.total):
            return Judgement(chain, f"nodes with {power} of {case.power.total} power say so")
    return None


def _partition(case: Case) -> Judgement | None:
    if not case.parted:
        return None
    why = "nodes are up, but no side sees the votes of the other; together they have a quorum"
    return Judgement(ChainClass.PARTITION, why)


def _split(case: Case) -> Judgement | None:
    """Two app hashes after one height, and no cluster that could go on with those missing."""
    total = case.power.total
    failed = case.power_with({NodeCondition.DIVERGED})
    if failed and can_halt(failed, total):
        why = f"nodes with {failed} of {total} power have another app hash than the agreed one"
        return Judgement(ChainClass.APP_HASH_SPLIT, why)
    clusters = [cluster for cluster in case.hashes.clusters if cluster.power]
    if len(clusters) < 2:
        return None
    free = total - sum(cluster.power for cluster in clusters)
    online = case.power.sum(case.votes.voters - case.dead)
    if has_quorum(clusters[0].power + free, total) and not has_quorum(online, total):
        return None
    powers = " | ".join(str(cluster.power) for cluster in clusters)
    why = f"after height {clusters[0].height} there are {len(clusters)} app hashes: {powers}"
    return Judgement(ChainClass.APP_HASH_SPLIT, why)


def _panic(case: Case) -> Judgement | None:
    power = case.power_with({NodeCondition.PANICKED})
    if not power or not can_halt(power, case.power.total):
        return None
    why = f"nodes with {power} of {case.power.total} power fail at the same block"
    if any(value_or_none(view.reading.journal) is None for view in case.witnesses):
        why += "; the journal was not read, so an upgrade or a halt-height is not excluded"
    return Judgement(ChainClass.DETERMINISTIC_PANIC, why)


def _votes_missing(case: Case) -> Judgement | None:
    """At most two thirds vote: quorum lost, unless those that run would make it."""
    total = case.power.total
    down = case.power.sum(case.dead)
    if not case.votes.known:
        if can_halt(down, total):
            why = f"{down} of {total} power is down; the votes could not be read"
            return Judgement(ChainClass.QUORUM_LOST, why)
        return Judgement(ChainClass.UNDETERMINED, "the votes of the round could not be read")
    online = case.power.sum(case.votes.voters - case.dead)
    if has_quorum(online, total):
        return None
    blocked = tuple(sorted(_blocked(case)))
    addresses = {view.host: view.address for view in case.views}
    could = online + case.power.sum(addresses[host] for host in blocked)
    if blocked and has_quorum(could, total):
        why = f"{online} of {total} power votes; {_named(blocked)} run and do not sign"
        return Judgement(ChainClass.SIGNING_BLOCKED, why, blocked)
    why = f"{online} of {total} power votes, more than two thirds is needed"
    if can_halt(down, total):
        return Judgement(ChainClass.QUORUM_LOST, why, blocked)
    if case.votes.moves is Certainty.NO:
        return Judgement(ChainClass.QUORUM_LOST, f"{why}, and the round stands", blocked)
    seconds = case.votes.round_seconds
    why = (
        f"rounds rise although {why}: this look fell into the start of a round"
        if case.votes.moves is Certainty.YES
        else f"{why}, but round {case.votes.round} may take {seconds} s, longer than this look"
    )
    return Judgement(ChainClass.UNDETERMINED, why, blocked)


def _blocked(case: Case) -> list[str]:
    """Hosts in the set that run, have nothing else wrong, and whose vote nobody has."""
    return [
        view.host
        for view in case.witnesses
        if case.power.of(view.address)
        and view.address not in case.votes.voters
        and case.verdicts[view.host] is None
    ]


def _votes_there(case: Case) -> Judgement:
    online = case.power.sum(case.votes.voters - case.dead)
    rounds = {
        Certainty.YES: "rounds rise: proposals are refused or do not arrive, with one app hash",
        Certainty.NO: "the round stands: votes do not lead to a block",
        Certainty.UNKNOWN: f"whether the round rises cannot be seen in under "
        f"{case.votes.round_seconds} s",
    }
    why = f"{online} of {case.power.total} power votes, yet no block; {rounds[case.votes.moves]}"
    return Judgement(ChainClass.UNDETERMINED, why)


def _named(hosts: Collection[str]) -> str:
    """Some names for a sentence: never thousands."""
    names = sorted(hosts)
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more"
