"""Which class of incident the chain is in, by voting power (docs/diagnosis.md#the-classes).

The first match wins, in this order:

0. A key signs twice now, on a host that is not stopped: double signing.
1. Blocks go on: stalling, local divergence, degraded, slow or healthy.
2. It is not known whether they do, or who holds which power: undetermined, unless all validators of
   the inventory name one cause, or are all down.
3. Nodes that can halt the chain stopped on purpose: upgrade needed, halt-height.
4. The views of the votes prove a partition.
5. Nodes that can halt the chain have another app hash than the agreed one; or there are several app
   hashes, and none can reach a quorum any more.
6. Nodes that can halt the chain panic at the same block.
7. Votes are missing: signing blocked, or quorum lost.
8. All votes are there, and still no block: proposals refused, if nodes that can halt the chain give
   one reason for it; else undetermined.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.all_down import all_down
from remediations.playbooks.chain.diagnose.class_input import ClassInput, ClassVerdict
from remediations.playbooks.chain.diagnose.context import NodeVerdict
from remediations.playbooks.chain.diagnose.equivocation import RECENT, how_sure
from remediations.playbooks.chain.diagnose.hashes import by_program
from remediations.playbooks.chain.diagnose.pace import block_interval
from remediations.playbooks.chain.diagnose.refusals import read_refusals
from remediations.playbooks.chain.diagnose.slow import slow_reason
from remediations.playbooks.chain.diagnose.unread import without_sudo
from remediations.playbooks.chain.finding import Tristate
from remediations.render.formats import short_digest
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.values.reading import value_or_none

_SLOW_PARTS = 4
"""A chain is slow when a block takes more than a quarter of the time that counts as halted."""

_ON_PURPOSE = (NodeCondition.UPGRADE_NEEDED, NodeCondition.HALT_HEIGHT)
"""Planned stops. The first one whose nodes can halt the chain decides its class."""


def classify(case: ClassInput) -> ClassVerdict:
    """The class of the chain."""
    twice = _double_signing(case)
    if twice is not None:  # 0
        return twice
    if case.halt.answer is Tristate.NO:  # 1
        return _going_on(case)
    # 2
    if case.halt.answer is Tristate.UNKNOWN:
        return (
            _by_journals_alone(case)
            or _all_down(case)
            or ClassVerdict(ChainClass.UNDETERMINED, case.halt.reason)
        )
    if not case.power.known:
        why = "no witness could tell the validator set, so nobody's power is known"
        return _by_journals_alone(case) or ClassVerdict(ChainClass.UNDETERMINED, why)
    for judge in (_stopped_on_purpose, _partition, _split, _panic, _votes_missing):  # 3 to 7
        judgement = judge(case)
        if judgement is not None:
            return judgement
    return _votes_there(case)  # 8


def _stalling(case: ClassInput) -> ClassVerdict | None:
    """No block for long, and not yet a halt by the chain's own limit."""
    if not case.overdue:
        return None
    why = f"no block for {case.halt.age_s} s; it counts as halted at {case.limit_s} s"
    if case.votes.known:
        online = case.power.sum(case.votes.voters - case.dead)
        why += f"; {online} of {case.power.total} power votes in this round"
    ill = [
        f"{host} {v.condition}" for host, v in case.verdicts.items() if v is not None and _ill(v)
    ]
    return ClassVerdict(ChainClass.STALLING, f"{why}; {_named(ill)}" if ill else why)


def _ill(verdict: NodeVerdict) -> bool:
    return verdict.condition.rule.health is not Health.WELL


def _double_signing(case: ClassInput) -> ClassVerdict | None:
    """A host of the inventory holds a key that signs twice now, and is not seen to be stopped; or
    blocks carry fresh evidence, and nothing tells against whom."""
    conflicts = case.equivocations.conflicts
    held = {v.host: conflicts[v.address] for v in case.views if v.address in conflicts}
    acting = [v for v in case.views if v.host in held and held[v.host].now and not v.down]
    if acting:
        addresses = sorted({view.address for view in acting}, key=lambda a: -case.power.of(a))
        what = _named([_holders_of(case, address) for address in addresses])
        seen = sorted({host for a in addresses for host in conflicts[a].said_by})
        sure = how_sure([conflicts[address] for address in addresses])
        why = f"the key of {what} signs twice, seen on {_named(seen)}{sure}; that is slashed, and "
        return ClassVerdict(ChainClass.DOUBLE_SIGNING, f"{why}the validator never comes back")
    return _unnamed_evidence(case) if case.halt.answer is Tristate.NO else None


def _holders_of(case: ClassInput, address: str) -> str:
    names = " and ".join(case.power.holders.get(address, ()))
    return f"{names} ({case.power.of(address)} power)"


def _unnamed_evidence(case: ClassInput) -> ClassVerdict | None:
    """Fresh evidence in a block, while no journal tells whose, and nobody here is out of the
    set."""
    fresh = next((block for block in case.equivocations.blocks if block.now), None)
    if fresh is None or case.without_power:
        return None
    if any(c.at >= fresh.at - RECENT for c in case.equivocations.conflicts.values()):
        return None
    return ClassVerdict(
        ChainClass.DOUBLE_SIGNING,
        f"block {fresh.height} carries evidence, and no reading tells against whom",
        next_step=f"ask a node for `/block?height={fresh.height}`: its evidence names the "
        "validator; if it is yours, stop it now",
    )


def _going_on(case: ClassInput) -> ClassVerdict:
    stalling = _stalling(case)
    if stalling is not None:
        return stalling
    ill = {
        host: verdict
        for host, verdict in case.verdicts.items()
        if verdict is not None and _ill(verdict)
    }
    diverged = [host for host, v in ill.items() if v.condition is NodeCondition.DIVERGED]
    if diverged:
        why = f"{_named(diverged)} failed on another app hash than the others"
        return ClassVerdict(ChainClass.LOCAL_DIVERGENCE, why)
    if ill:
        down = case.power.sum(case.gone)
        why = _named([f"{host} {v.condition}" for host, v in ill.items()])
        if case.power.known and can_halt(down, case.power.total):
            why += f"; {down} of {case.power.total} power is down, so blocks are about to stop"
        return ClassVerdict(ChainClass.DEGRADED, why)
    foreign = [a for a, conflict in case.equivocations.conflicts.items() if conflict.now]
    if foreign:
        what = _named([f"{short_digest(a)} ({case.power.of(a)} power)" for a in foreign])
        sure = how_sure([case.equivocations.conflicts[a] for a in foreign])
        why = (
            f"{what} signs twice now, a key of no host that could be read{sure}: tell its operator"
        )
        tell = f"tell the operator of {what} to stop it, and to find the second holder of its key"
        return ClassVerdict(ChainClass.DEGRADED, why, next_step=tell)
    off = [view.host for view in case.views if view.answers and view.host in case.clocks.off]
    if off:
        return ClassVerdict(ChainClass.DEGRADED, f"the clocks of {_named(off)} are wrong")
    interval = block_interval(case.witnesses)
    if interval is not None and interval * _SLOW_PARTS > timedelta(seconds=case.limit_s):
        why, step = slow_reason(case.witnesses, case.slow_causes)
        return ClassVerdict(ChainClass.SLOW, why, next_step=step)
    if unproven := _seen_missing(case):
        why = f"every node is well; {_named(unproven)} is not in the newest commit that was read, "
        again = "`remediate diagnose` again in a minute"
        return ClassVerdict(ChainClass.HEALTHY, f"{why}which proves nothing yet", next_step=again)
    if blind := without_sudo(case.views):
        why = (
            f"every node is well; no sudo on {_named(list(blind))}: nobody can act there, and only "
        )
        why += "what the node answers is known"
        return ClassVerdict(ChainClass.HEALTHY, why, next_step=_named(list(blind.values())))
    return ClassVerdict(ChainClass.HEALTHY, "every node of the inventory is well")


def _seen_missing(case: ClassInput) -> list[str]:
    """Hosts of the inventory that follow, and whose key left no trace in what was read."""
    return [
        f"{view.host} ({case.power.of(view.address)} power)"
        for view in case.views
        if view.answers and case.signing.missed(view.address)
    ]


def _by_journals_alone(case: ClassInput) -> ClassVerdict | None:
    """No validator answers, but two or more, all of the inventory, name the same cause. Where a
    full node tells the powers, theirs have to suffice for a halt."""
    validators = [view for view in case.views if view.reading.role is Role.VALIDATOR]
    conditions = {
        verdict.condition if (verdict := case.verdicts[view.host]) is not None else None
        for view in validators
    }
    answers = any(view.reading.role is Role.VALIDATOR for view in case.witnesses)
    if len(validators) < 2 or len(conditions) != 1 or answers:
        return None
    condition = conditions.pop()
    if condition is None or condition.rule.halts_as is None:
        return None
    if case.power.known and not can_halt(case.power_with({condition}), case.power.total):
        return None
    who = "no validator" if case.witnesses else "nobody"
    why = f"{who} answers, and all {len(validators)} validators of the inventory say {condition}"
    return ClassVerdict(condition.rule.halts_as, why)


def _all_down(case: ClassInput) -> ClassVerdict | None:
    why = all_down(case.views, case.verdicts)
    return ClassVerdict(ChainClass.ALL_DOWN, why) if why else None


def _stopped_on_purpose(case: ClassInput) -> ClassVerdict | None:
    for condition in _ON_PURPOSE:
        chain, power = condition.rule.halts_as, case.power_with({condition})
        if chain is not None and power and can_halt(power, case.power.total):
            return ClassVerdict(chain, f"nodes with {power} of {case.power.total} power say so")
    return None


def _partition(case: ClassInput) -> ClassVerdict | None:
    if not case.parted:
        return None
    why = "nodes are up, but no side sees the votes of the other; together they have a quorum"
    return ClassVerdict(ChainClass.PARTITION, why)


def _split(case: ClassInput) -> ClassVerdict | None:
    """Two app hashes after one height, and no cluster that could go on with the missing power."""
    total = case.power.total
    failed = case.power_with({NodeCondition.DIVERGED})
    if failed and can_halt(failed, total):
        why = f"nodes with {failed} of {total} power have another app hash than the agreed one"
        return ClassVerdict(ChainClass.APP_HASH_SPLIT, why)
    clusters = [cluster for cluster in case.hashes.clusters if cluster.power]
    if len(clusters) < 2:
        return None
    free = total - sum(cluster.power for cluster in clusters)
    online = case.power.sum(case.votes.voters - case.dead)
    if has_quorum(clusters[0].power + free, total) and not has_quorum(online, total):
        return None
    powers = " | ".join(str(cluster.power) for cluster in clusters)
    programs = by_program(clusters, case.views)
    why = f"after height {clusters[0].height} there are {len(clusters)} app hashes: {powers}"
    why = f"{why}; {programs}" if programs else why
    return ClassVerdict(ChainClass.APP_HASH_SPLIT, why)


def _panic(case: ClassInput) -> ClassVerdict | None:
    power = case.power_with({NodeCondition.PANICKED})
    if not power or not can_halt(power, case.power.total):
        return None
    why = f"nodes with {power} of {case.power.total} power fail at the same block"
    if any(value_or_none(view.reading.journal) is None for view in case.witnesses):
        why += "; the journal was not read, so an upgrade or a halt-height is not excluded"
    return ClassVerdict(ChainClass.DETERMINISTIC_PANIC, why)


def _votes_missing(case: ClassInput) -> ClassVerdict | None:
    """At most two thirds vote: quorum lost, unless those that run would make it."""
    total = case.power.total
    down = case.power.sum(case.dead)
    if not case.votes.known:
        if can_halt(down, total):
            why = f"{down} of {total} power is down; the votes could not be read"
            return ClassVerdict(ChainClass.QUORUM_LOST, why)
        return ClassVerdict(ChainClass.UNDETERMINED, "the votes of the round could not be read")
    online = case.power.sum(case.votes.voters - case.dead)
    if has_quorum(online, total):
        return None
    blocked = tuple(sorted(_blocked(case)))
    addresses = {view.host: view.address for view in case.views}
    could = online + case.power.sum(addresses[host] for host in blocked)
    if blocked and has_quorum(could, total):
        why = f"{online} of {total} power votes; {_named(blocked)} run and do not sign"
        return ClassVerdict(ChainClass.SIGNING_BLOCKED, why, blocked)
    why = f"{online} of {total} power votes, more than two thirds is needed"
    if can_halt(down, total):
        return ClassVerdict(ChainClass.QUORUM_LOST, why, blocked)
    if case.votes.moves is Tristate.NO:
        return ClassVerdict(ChainClass.QUORUM_LOST, f"{why}, and the round stands", blocked)
    seconds = case.votes.round_seconds
    why = (
        f"rounds rise although {why}: this look fell into the start of a round"
        if case.votes.moves is Tristate.YES
        else f"{why}, but round {case.votes.round} may take {seconds} s, longer than this look"
    )
    return ClassVerdict(ChainClass.UNDETERMINED, why, blocked)


def _blocked(case: ClassInput) -> list[str]:
    """Validators that run, with nothing else wrong with them, whose vote no witness has."""
    return [
        view.host
        for view in case.witnesses
        if case.power.of(view.address)
        and view.address not in case.votes.voters
        and _well(case.verdicts[view.host])
    ]


def _well(verdict: NodeVerdict | None) -> bool:
    """Whether nothing is wrong with the node itself."""
    return verdict is None or verdict.condition is NodeCondition.SAME_MACHINE


def _votes_there(case: ClassInput) -> ClassVerdict:
    online = case.power.sum(case.votes.voters - case.dead)
    refusal = next(iter(read_refusals(case.witnesses, case.power, case.halt.tip)), None)
    if refusal is not None and can_halt(refusal.power, case.power.total):
        why = (
            f"{refusal.power} of {case.power.total} power refuses what is proposed, for one "
            f"reason: {refusal.reason}"
        )
        return ClassVerdict(ChainClass.PROPOSALS_REFUSED, why)
    rounds = {
        Tristate.YES: "rounds rise: proposals are refused or do not arrive, with one app hash",
        Tristate.NO: "the round stands: votes do not lead to a block",
        Tristate.UNKNOWN: f"whether the round rises cannot be seen in under "
        f"{case.votes.round_seconds} s",
    }
    why = f"{online} of {case.power.total} power votes, yet no block; {rounds[case.votes.moves]}"
    return ClassVerdict(ChainClass.UNDETERMINED, why)


def _named(hosts: Collection[str]) -> str:
    """Host names for a sentence, abridged where there are many."""
    names = sorted(hosts)
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more"
