"""The finding about each node: its own verdict, or what the chain's class means for it."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.playbooks.chain.diagnose.advice import by_hand
from remediations.playbooks.chain.diagnose.chain_class import Case, Judgement
from remediations.playbooks.chain.diagnose.log_condition import hint
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.scene import Verdict
from remediations.playbooks.chain.finding import (
    Certainty,
    ChainClass,
    Component,
    HashCluster,
    NodeCondition,
    NodeFinding,
)
from remediations.systems.comet.quorum import has_quorum
from remediations.values.inventory import Role


def node_findings(
    case: Case, judgement: Judgement, components: Sequence[Component]
) -> tuple[NodeFinding, ...]:
    """One finding per host, by name."""
    placed = _Placed(case, judgement, components)
    return tuple(
        _finding(view, case, case.verdicts[view.host] or placed.verdict(view))
        for view in sorted(case.views, key=lambda view: view.host)
    )


def _finding(view: NodeView, case: Case, verdict: Verdict) -> NodeFinding:
    power = case.power.of(view.address)
    member = power or not case.power.known
    clue = hint(view)
    cause, hands, evidence = verdict.cause, verdict.by_hand, verdict.evidence
    if clue is not None:
        cause = f"{cause}; {clue[0].meaning}: {clue[1].says}"
        hands = hands or clue[0].by_hand
        evidence = (*evidence, clue[1])
    return NodeFinding(
        host=view.host,
        condition=verdict.condition,
        address=view.address if member else "",
        power=power,
        cause=cause,
        by_hand=hands or by_hand(verdict.condition),
        evidence=evidence,
    )


class _Placed:
    """What the class of the chain means for a node that has nothing wrong by itself."""

    def __init__(self, case: Case, judgement: Judgement, components: Sequence[Component]) -> None:
        self._case = case
        self._judgement = judgement
        self._blocked = frozenset(judgement.blocked)
        total = case.power.total
        self._cut = frozenset(
            host for c in components if not has_quorum(c.power, total) for host in c.hosts
        )
        self._cluster = {host: c for c in case.hashes.clusters for host in c.hosts}

    def verdict(self, view: NodeView) -> Verdict:
        """Healthy while blocks go on; else waiting, isolated or diverged."""
        halted, chain = self._case.halt.answer, self._judgement.chain
        evidence = view.status_evidence(f"height {view.height}")
        if halted is Certainty.NO:
            return Verdict(NodeCondition.HEALTHY, self._healthy(view), evidence)
        if halted is Certainty.UNKNOWN:
            cause = f"it answers at height {view.height}; the chain as a whole could not be judged"
            return Verdict(NodeCondition.UNKNOWN, cause, evidence)
        if chain is ChainClass.PARTITION and view.host in self._cut:
            cause = "it is well, in a part of the network without a quorum"
            return Verdict(NodeCondition.ISOLATED, cause, evidence)
        if chain is ChainClass.APP_HASH_SPLIT and self._strays(self._cluster.get(view.host)):
            return Verdict(NodeCondition.DIVERGED, self._stray(view), evidence)
        if chain is ChainClass.QUORUM_LOST and self._alone(view.host):
            return Verdict(NodeCondition.DIVERGED, self._stray(view), evidence)
        if view.host in self._blocked:
            cause = "it runs and follows the round, but nobody has its vote"
            return Verdict(NodeCondition.WAITING, cause, evidence)
        return Verdict(NodeCondition.WAITING, "it is well and waits for the others", evidence)

    def _alone(self, host: str) -> bool:
        """Not of the cluster with most power, which could go on with the power that is missing."""
        cluster = self._cluster.get(host)
        return cluster is not None and cluster is not self._case.hashes.clusters[0]

    def _healthy(self, view: NodeView) -> str:
        if view.reading.role is Role.VALIDATOR and not self._case.power.of(view.address):
            return "it follows the chain, but is not in the validator set (jailed, or not bonded)"
        return f"it follows the chain at {view.height}"

    def _strays(self, cluster: HashCluster | None) -> bool:
        """Not of a cluster with more than half the power: then nobody can call it the right one."""
        return cluster is not None and 2 * cluster.power <= self._case.power.total

    def _stray(self, view: NodeView) -> str:
        cluster = self._cluster[view.host]
        return (
            f"after height {cluster.height} it has app hash {cluster.app_hash[:12]}, "
            f"with {cluster.power} of {self._case.power.total} power; "
            "which one is right is for people to decide"
        )
