"""`diagnose`: from readings to a ChainFinding. Pure: no clock, no network, linear in its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.diagnose.chain_class import CONSENSUS_DEAD, Case, classify
from remediations.playbooks.chain.diagnose.components import (
    one_way,
    read_components,
    unlisted_peers,
)
from remediations.playbooks.chain.diagnose.explain import explain, next_step
from remediations.playbooks.chain.diagnose.halt import read_halt
from remediations.playbooks.chain.diagnose.hashes import Hashes, read_hashes
from remediations.playbooks.chain.diagnose.node_condition import node_condition
from remediations.playbooks.chain.diagnose.node_finding import node_findings
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, duplicates, read_power
from remediations.playbooks.chain.diagnose.scene import Verdict, read_scene
from remediations.playbooks.chain.diagnose.votes import Votes, parted, read_votes
from remediations.playbooks.chain.diagnose.witness import doubts
from remediations.playbooks.chain.finding import Certainty, ChainClass, ChainFinding, NodeCondition
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import value_or_none

_SHOWN = 3
"""Witnesses quoted as evidence for the chain: all are used, few are needed to show it."""


def diagnose(observation: CometReading) -> ChainFinding:
    """What is wrong with the chain and with every node, with the readings that show it.

    Steps: 1 whose word counts, 2 who holds which power, 3 whether the chain halts, 4 what is wrong
    with each node by itself, 5 the votes of those that are not dead, 6 the class, 7 what it means
    for each node. Never raises on a valid Observation: what cannot be known is said to be unknown.
    """
    views = tuple(NodeView(r) for r in sorted(observation.hosts, key=lambda r: r.host))
    doubted = doubts(views, observation.chain_id)
    witnesses = tuple(v for v in views if v.answers and v.host not in doubted)
    power = read_power(views, witnesses)
    gone = _gone(views)
    halt = read_halt(witnesses, power, gone, observation.halted_after_s)
    hashes = read_hashes(witnesses, power)
    scene = read_scene(
        views,
        witnesses,
        power=power,
        doubts=doubted,
        duplicates=duplicates(views),
        hashes=hashes,
        began=observation.began,
        grace_s=observation.halted_after_s,
    )
    verdicts = {view.host: node_condition(view, scene) for view in views}
    alive = tuple(view for view in witnesses if _takes_part(verdicts[view.host]))
    votes = read_votes(alive, power, halt.tip)
    dead = gone | _addresses(views, verdicts, CONSENSUS_DEAD)
    apart = halt.answer is Certainty.YES and parted(votes, power, dead)
    case = Case(
        views=views,
        witnesses=witnesses,
        power=power,
        halt=halt,
        votes=votes,
        hashes=hashes,
        verdicts=verdicts,
        gone=gone,
        dead=dead,
        parted=apart,
        limit_s=observation.halted_after_s,
    )
    return _assembled(observation, case)


def _takes_part(verdict: Verdict | None) -> bool:
    """Nothing wrong with the node, or only with its network: its view of the votes counts."""
    return verdict is None or verdict.condition is NodeCondition.ISOLATED


def _gone(views: Sequence[NodeView]) -> frozenset[str]:
    """Addresses that certainly do not vote now, as their own hosts say."""
    idle = {view.address for view in views if view.down or view.paused}
    other = {view.address for view in views if not (view.down or view.paused)}
    return frozenset(idle - other - {""})


def _addresses(
    views: Sequence[NodeView],
    verdicts: Mapping[str, Verdict | None],
    conditions: frozenset[NodeCondition],
) -> frozenset[str]:
    """The addresses of the nodes with one of these verdicts."""
    return frozenset(
        view.address
        for view in views
        if (verdict := verdicts[view.host]) is not None
        and verdict.condition in conditions
        and view.address
    )


def _assembled(observation: CometReading, case: Case) -> ChainFinding:
    judgement = classify(case)
    parted_votes = case.votes if judgement.chain is ChainClass.PARTITION else None
    components = read_components(case.views, case.power, parted_votes)
    nodes = node_findings(case, judgement, components)
    voters = _voters(case)
    online = case.power.sum(voters)
    halted = case.halt.answer is Certainty.YES
    return ChainFinding(
        chain=judgement.chain,
        halted=case.halt.answer,
        halted_since=case.halt.newest if halted else None,
        halted_after_s=observation.halted_after_s,
        height=case.halt.tip,
        round=case.votes.round,
        step=case.votes.step,
        round_moves=case.votes.moves if halted else Certainty.UNKNOWN,
        total_power=case.power.total,
        online_power=online,
        uncovered_power=case.power.uncovered,
        voting=tuple(v.host for v in case.views if v.address in voters),
        explanation=explain(judgement, case.halt, case.power, online, nodes),
        next_step=next_step(judgement, case.power, nodes),
        witnesses=_witnesses(case),
        clusters=case.hashes.clusters,
        components=components,
        unlisted=unlisted_peers(case.views),
        nodes=nodes,
        evidence=_evidence(case),
    )


def _witnesses(case: Case) -> tuple[str, ...]:
    """Who told about the chain: nodes that answer, and in a halt validators that are down.

    A validator read as stopped on its own host proves that it makes no blocks.
    """
    hosts = {view.host for view in case.witnesses}
    if case.halt.answer is Certainty.YES:
        hosts |= {v.host for v in case.views if v.address in case.gone and case.power.of(v.address)}
    return tuple(sorted(hosts))


def _voters(case: Case) -> frozenset[str]:
    """Who votes now, or who signed the newest commit while blocks go on; not who is down since."""
    if case.halt.answer is Certainty.NO:
        commits = [value_or_none(view.reading.chain.commit) for view in case.witnesses]
        newest = max((c.height for c in commits if c is not None), default=0)
        signatures = {
            id(c.signatures): c.signatures for c in commits if c is not None and c.height == newest
        }
        if signatures:
            signed = {s.address for many in signatures.values() for s in many if s.flag != 1}
            return frozenset(signed & case.power.powers.keys()) - case.gone
    return case.votes.voters - case.dead


def _evidence(case: Case) -> tuple[Evidence, ...]:
    """The readings behind the class: heights, the set, votes, hashes, one-way edges."""
    return (
        *case.halt.evidence,
        *_power_evidence(case.views, case.power),
        *_vote_evidence(case.views, case.votes, case.power),
        *_hash_evidence(case.views, case.hashes),
        *one_way(case.views),
    )


def _power_evidence(views: Sequence[NodeView], power: Power) -> tuple[Evidence, ...]:
    return tuple(
        evidence_of(
            f"{view.host}.chain.validators",
            view.reading.chain.validators,
            f"{len(power.addresses)} validators, total power {power.total}",
        )
        for view in views
        if view.host == power.source
    )


def _vote_evidence(views: Sequence[NodeView], votes: Votes, power: Power) -> tuple[Evidence, ...]:
    """The views that differ first: one per set of votes seen."""
    by_host = {view.host: view for view in views}
    shown: dict[frozenset[str], Evidence] = {}
    for ballot in votes.ballots:
        if ballot.seen in shown or len(shown) >= 2 * _SHOWN:
            continue
        samples = by_host[ballot.host].reading.samples
        index = max(i for i, s in enumerate(samples) if value_or_none(s.round) is not None)
        says = (
            f"{ballot.height}/{ballot.round}/{ballot.step}, "
            f"votes of {power.sum(ballot.deciding)} of {power.total} power"
        )
        shown[ballot.seen] = evidence_of(
            f"{ballot.host}.samples[{index}].round", samples[index].round, says
        )
    return tuple(shown.values())


def _hash_evidence(views: Sequence[NodeView], hashes: Hashes) -> tuple[Evidence, ...]:
    if not hashes.differ:
        return ()
    by_host = {view.host: view for view in views}
    return tuple(
        evidence_of(
            f"{cluster.hosts[0]}.samples[{index}].app",
            by_host[cluster.hosts[0]].reading.samples[index].app,
            f"app hash {cluster.app_hash[:12]} after {cluster.height}, power {cluster.power}",
        )
        for cluster in hashes.clusters
        for index in [len(by_host[cluster.hosts[0]].reading.samples) - 1]
    )
