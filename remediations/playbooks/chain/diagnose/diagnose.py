"""`diagnose`: from readings to a ChainFinding. Pure: no clock, no network, linear in its input.

1. Whose word about the chain counts.
2. Who holds which voting power.
3. Whether the chain is halted.
4. What is wrong with each node by itself.
5. The votes, as the nodes that take part in consensus see them.
6. The class of the chain.
7. What the class means for each node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from remediations.engine.find.finding import Evidence, evidence_of
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import WITHOUT_POWER, NodeCondition
from remediations.playbooks.chain.diagnose.by_files import read_files
from remediations.playbooks.chain.diagnose.chain_class import classify
from remediations.playbooks.chain.diagnose.class_input import ClassInput
from remediations.playbooks.chain.diagnose.clocks import Clocks, read_clocks
from remediations.playbooks.chain.diagnose.commits import Commits, read_commits
from remediations.playbooks.chain.diagnose.components import (
    addresses_of,
    one_way_edges,
    read_components,
    unlisted_peers,
)
from remediations.playbooks.chain.diagnose.context import ChainContext, NodeVerdict, read_context
from remediations.playbooks.chain.diagnose.equivocation import read_equivocations
from remediations.playbooks.chain.diagnose.explain import explain, next_step
from remediations.playbooks.chain.diagnose.genesis import genesis_powers
from remediations.playbooks.chain.diagnose.halt import Halt, read_halt
from remediations.playbooks.chain.diagnose.hashes import Hashes, read_hashes
from remediations.playbooks.chain.diagnose.jumps import behind_jump_hosts
from remediations.playbooks.chain.diagnose.links import broken_links
from remediations.playbooks.chain.diagnose.machines import machines
from remediations.playbooks.chain.diagnose.node_condition import node_condition
from remediations.playbooks.chain.diagnose.node_finding import node_findings
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, duplicate_keys, read_power
from remediations.playbooks.chain.diagnose.proofs import Proofs, block_proof, read_proofs
from remediations.playbooks.chain.diagnose.unread import unread_keys
from remediations.playbooks.chain.diagnose.votes import Votes, partitioned, read_votes
from remediations.playbooks.chain.diagnose.witness import contradictions
from remediations.playbooks.chain.finding import ChainFinding, Tristate
from remediations.systems.comet.reading import CometReading
from remediations.values.reading import value_or_none

_SEES = frozenset(
    {
        NodeCondition.ISOLATED,
        NodeCondition.NOT_SIGNING,
        *WITHOUT_POWER,
        NodeCondition.SAME_MACHINE,
        NodeCondition.DOUBLE_SIGNING,
    }
)
"""The node follows the chain, or its part of it, and its view of the votes is right."""
_BY_FILES = (
    ChainClass.ALL_DOWN,
    ChainClass.HALT_HEIGHT,
    ChainClass.UPGRADE_NEEDED,
    ChainClass.DETERMINISTIC_PANIC,
)
"""Classes that are known without an answer of any node: who holds which power is told by files."""
_SHOWN = 3
"""Witnesses that are quoted as evidence. All are used; a few suffice to show it."""


def diagnose(observation: CometReading) -> ChainFinding:
    """What is wrong with the chain and with every node, and the readings that show it.

    Never raises on a valid observation: what cannot be known is unknown in the finding.
    """
    views = tuple(NodeView(r) for r in sorted(observation.hosts, key=lambda r: r.host))
    # 1
    proofs = read_proofs(views, observation.chain_id, observation.trust)
    doubted = contradictions(views, observation.chain_id, proofs)
    same = machines(views, observation.logins)
    witnesses = tuple(
        v
        for v in views
        if v.answers and v.host not in doubted and same.get(v.host, v.host) == v.host
    )
    # 2
    power = read_power(views, witnesses, proofs.sets)
    # 3
    gone = _gone(views)
    clocks = read_clocks(observation)
    halt = read_halt(witnesses, power, gone, observation.halted_after_s, clocks.ours, proofs.block)
    # 4
    hashes = read_hashes(witnesses, power)
    equivocations = read_equivocations(
        views,
        witnesses,
        power=power,
        halt=halt,
        began=observation.began,
        same=same,
        proven=proofs.twice,
    )
    commits = read_commits(witnesses, proofs)
    context = read_context(
        views,
        witnesses,
        power=power,
        doubts=doubted,
        duplicates=duplicate_keys(views, same),
        hashes=hashes,
        halt=halt,
        began=observation.began,
        grace_s=observation.halted_after_s,
        equivocations=equivocations,
        same=same,
        behind=behind_jump_hosts(views, observation.logins),
        commits=commits,
    )
    # 5
    case = _class_input(observation, views, witnesses, context, halt, clocks, gone, commits)
    return _assembled(observation, case, context, proofs)


def _class_input(
    observation: CometReading,
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    context: ChainContext,
    halt: Halt,
    clocks: Clocks,
    gone: frozenset[str],
    commits: Commits,
) -> ClassInput:
    """Every node judged by itself, and the votes of those that take part."""
    power = context.power
    verdicts = {view.host: node_condition(view, context) for view in views}
    alive = tuple(view for view in witnesses if _takes_part(verdicts[view.host]))
    votes = read_votes(alive, power, halt.tip)
    dead = gone | _consensus_dead(views, verdicts)
    return ClassInput(
        views=tuple(views),
        witnesses=tuple(witnesses),
        power=power,
        halt=halt,
        votes=votes,
        hashes=context.hashes,
        verdicts=verdicts,
        clocks=clocks,
        gone=gone,
        dead=dead,
        parted=halt.answer is Tristate.YES and partitioned(votes, power, dead),
        limit_s=observation.halted_after_s,
        equivocations=context.equivocations,
        signing=context.signing,
        commits=commits,
    )


def _takes_part(verdict: NodeVerdict | None) -> bool:
    """Whether its view of the votes counts: nothing is wrong with it, or only what leaves its view
    as it is."""
    return verdict is None or verdict.condition in _SEES


def _gone(views: Sequence[NodeView]) -> frozenset[str]:
    """Addresses that certainly do not vote now, as their own hosts show."""
    idle = {view.address for view in views if _idle(view)}
    other = {view.address for view in views if not _idle(view)}
    return frozenset(idle - other - {""})


def _idle(view: NodeView) -> bool:
    """Of a loop it does not matter between which two of its ends it was read: `apply` reads again,
    and would find another halt."""
    return view.down or view.paused or view.ends_again


def _consensus_dead(
    views: Sequence[NodeView], verdicts: Mapping[str, NodeVerdict | None]
) -> frozenset[str]:
    """The addresses of the nodes whose consensus has ended."""
    return frozenset(
        view.address
        for view in views
        if (verdict := verdicts[view.host]) is not None
        and verdict.condition.rule.consensus_dead
        and view.address
    )


def _assembled(
    observation: CometReading, case: ClassInput, context: ChainContext, proofs: Proofs
) -> ChainFinding:
    judgement = classify(case)  # 6
    told, files = case, None
    if not case.power.known and judgement.chain in _BY_FILES:
        found = read_files(case.views, context.same)
        if found is not None:
            power, files = found
            case = replace(case, power=power)
    parted_votes = case.votes if judgement.chain is ChainClass.PARTITION else None
    components = read_components(case.views, case.power, parted_votes)
    logins = addresses_of(observation.logins)
    links = broken_links(case.views, logins)
    nodes = node_findings(case, context, judgement, components, links)  # 7
    voters = _voters(case)
    online = case.power.sum(voters)
    halted = case.halt.answer is Tristate.YES
    return ChainFinding(
        chain=judgement.chain,
        halted=case.halt.answer,
        halted_since=case.halt.newest if halted else None,
        halted_after_s=observation.halted_after_s,
        height=case.halt.tip if files is None else max(0, files.newest - 1),
        round=case.votes.round,
        step=case.votes.step,
        round_moves=case.votes.moves if halted else Tristate.UNKNOWN,
        total_power=case.power.total,
        online_power=online,
        uncovered_power=case.power.uncovered,
        voting=tuple(v.host for v in case.views if v.address in voters),
        explanation=explain(judgement, told, online, nodes),
        next_step=next_step(judgement, told, nodes, files, links),
        witnesses=_witnesses(case),
        clusters=case.hashes.clusters,
        components=components,
        unlisted=unlisted_peers(case.views, logins),
        nodes=nodes,
        evidence=_evidence(case),
        commits=case.commits.heights,
        powers="" if told.power.known else genesis_powers(case.views, context.same),
        files=files,
        unread_keys=tuple(key.says for key in unread_keys(case.views)),
        proof=block_proof(proofs),
        equivocations=tuple(one.pair for one in proofs.twice),
        links=links,
    )


def _witnesses(case: ClassInput) -> tuple[str, ...]:
    """Who bears witness to the chain: nodes that answer, and in a halt validators that are down.

    A validator that is seen stopped on its own host certainly does not vote.
    """
    hosts = {view.host for view in case.witnesses}
    if case.halt.answer is Tristate.YES:
        hosts |= {v.host for v in case.views if v.address in case.gone and case.power.of(v.address)}
    return tuple(sorted(hosts))


def _voters(case: ClassInput) -> frozenset[str]:
    """Who votes now; while blocks go on, who signed the newest commit and has not gone down
    since."""
    if case.halt.answer is Tristate.NO and not case.overdue:
        commits = [value_or_none(view.reading.chain.commit) for view in case.witnesses]
        newest = max((c.height for c in commits if c is not None), default=0)
        signatures = {
            id(c.signatures): c.signatures for c in commits if c is not None and c.height == newest
        }
        if signatures:
            signed = {s.address for many in signatures.values() for s in many if s.voted}
            return frozenset(signed & case.power.powers.keys()) - case.gone
    return case.votes.voters - case.dead


def _evidence(case: ClassInput) -> tuple[Evidence, ...]:
    """The readings behind the class: heights, validator set, votes, hashes, one-way edges."""
    return (
        *case.halt.evidence,
        *_power_evidence(case.views, case.power),
        *_vote_evidence(case.views, case.votes, case.power),
        *_hash_evidence(case.views, case.hashes),
        *one_way_edges(case.views),
        *(block.evidence for block in case.equivocations.blocks[:_SHOWN]),
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
    """The views that differ: one for each set of votes that was seen."""
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
