"""What a node calls on its host where the inventory declares a scoring service: the next step is
another domain's. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.engine.observe.observation import Observation
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import ChainFinding, NodeFinding
from remediations.systems.scorer.reading import ScorersReading

_LOOPBACK = ("127.0.0.1:", "localhost:", "[::1]:")
_OF_WHAT_IT_CALLS = NodeCondition.DEPENDENCY_FAILS.rule.by_hand.partition("UNIT")[0]
"""Of something that is not known. Of a signer that is silent the advice is another one."""
_NEXT = "Its host has a scoring service: `remediate diagnose scoring` says how that is. "


def with_scorers(finding: ChainFinding, observation: Observation) -> ChainFinding:
    """The finding, in which a node that ended because what it calls on its own host does not answer
    names the diagnosis of the scoring service that is declared there."""
    if observation.part(ScorersReading.KIND) is None:
        return finding
    hosts = {one.host for one in observation.read(ScorersReading).hosts}
    nodes = tuple(_advised(one) if one.host in hosts else one for one in finding.nodes)
    if nodes == finding.nodes:
        return finding
    step = finding.next_step
    for before, after in zip(finding.nodes, nodes, strict=True):
        if before != after and before.by_hand:
            step = step.replace(before.by_hand, after.by_hand, 1)
    return replace(finding, nodes=nodes, next_step=step)


def _advised(node: NodeFinding) -> NodeFinding:
    unnamed = node.by_hand.startswith(_OF_WHAT_IT_CALLS)
    if not (unnamed and any(word in node.cause for word in _LOOPBACK)):
        return node
    return replace(node, by_hand=f"{_NEXT}{node.by_hand}")
