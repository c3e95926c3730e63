"""The branch `drain-node`: cordon one node, and move its pods one by one."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from remediations.engine.domain import Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.service.checks.titles import DRAIN_CHECKS
from remediations.playbooks.service.node_actions import CORDON_NODE, EVICT_POD
from remediations.playbooks.service.node_gates import Cordoned, Moved, Replicas
from remediations.playbooks.service.nodes import DRAIN_CURES, JudgedNode, judge_node
from remediations.playbooks.service.scored import (
    ANSWERS_ELSEWHERE,
    not_proven,
    planned_checks,
)
from remediations.playbooks.service.situation import NODE_INPUT, ServiceSituation
from remediations.render.formats import count_of
from remediations.systems.kubernetes.inventory import DNS_NAME
from remediations.systems.kubernetes.node_values import (
    Node,
    NodePod,
    NodeState,
    OwnedPods,
)
from remediations.values.part import Part
from remediations.values.reading import value_or_none

MOVE_LIMIT_S = 300
"""Seconds in which a pod has to be ready elsewhere, beyond its grace period."""
LONGEST_GRACE_S = 3600
MOST_PODS = 100


def sick_nodes(service: ServiceSituation) -> list[tuple[Node, JudgedNode]]:
    """The nodes that may be acted on, and that a drain cures."""
    judged = [(node, judge_node(service.reading, node)) for node in service.nodes]
    return [(node, found) for node, found in judged if found.verdict in DRAIN_CURES]


def _chosen(service: ServiceSituation) -> Node | None:
    """The node to drain: the one that people chose, or the only one that is sick."""
    name = service.inputs.get(NODE_INPUT)
    if name is not None:
        return next((node for node in service.nodes if node.name == name), None)
    sick = sick_nodes(service)
    return sick[0][0] if len(sick) == 1 else None


def _fits(service: ServiceSituation) -> str | None:
    name, node = service.inputs.get(NODE_INPUT), _chosen(service)
    if not service.reading.declared_nodes:
        return "the inventory declares no node that may be drained (`kubernetes: {nodes: …}`)"
    if name is not None and node is None:
        return f"the inventory does not declare the node {name} (`kubernetes: {{nodes: …}}`)"
    if node is None:
        return _no_node(service)
    state = value_or_none(node.state)
    if state is None:
        return None  # the guards say what is missing
    if not state.to_move and state.unschedulable:
        return f"{node.name} is cordoned, and nothing is on it that a drain moves"
    if len(state.to_move) > MOST_PODS:
        return f"{node.name} has {len(state.to_move)} pods to move: more than {MOST_PODS} are not"
    return None


def _no_node(service: ServiceSituation) -> str:
    sick = sick_nodes(service)
    if len(sick) > 1:
        names = ", ".join(node.name for node, _ in sick)
        return f"several nodes are sick ({names}): choose one with --node"
    told = ", ".join(
        f"{node.name} is {judge_node(service.reading, node).verdict}" for node in service.nodes
    )
    return f"no node is sick in a way that a drain cures: {told or 'none may be acted on'}"


def _propose(service: ServiceSituation) -> Proposal[ServiceSituation]:
    node = _chosen(service)
    assert node is not None, "`fits` has seen it"
    state = value_or_none(node.state)
    pods = eviction_order(state)
    count = count_of(len(pods), "pod")
    moved = [one for one in map(service.workload_of, (pod.uid for pod in pods)) if one]
    return Proposal(
        title=f"drain {node.name}: cordon it, and move {count}",
        stages=(_cordon(service, node, pods), *_evictions(service, node.name, pods)),
        checks=planned_checks(service, moved, DRAIN_CHECKS),
        risk=Risk.MEDIUM,
        worst_case="a pod that was moved does not become ready elsewhere: the run stops there, the "
        "others stay where they are, and `remediate undo` uncordons the node",
        warnings=(*_warnings(node.name, pods), *not_proven(service, moved)),
    )


def eviction_order(state: NodeState | None) -> tuple[NodePod, ...]:
    """The pods to move: those that are not ready first, which takes nothing away, and makes room
    in their budgets. What is ending already is waited for, not evicted."""
    those = [pod for pod in (state.to_move if state else ()) if not pod.ending_since]
    return tuple(sorted(those, key=lambda pod: (pod.ready, pod.namespace, pod.name)))


def _cordon(
    service: ServiceSituation, node: Node, pods: tuple[NodePod, ...]
) -> StageDraft[ServiceSituation]:
    asked = Cordoned(
        node=node.name,
        replicas=tuple({pod.owner_uid: _replicas(service, pod) for pod in pods}.values()),
    )
    chosen = "you chose it; " if NODE_INPUT in service.inputs else ""
    return StageDraft(
        title=f"cordon {node.name}",
        why=f"{chosen}{judge_node(service.reading, node).cause}",
        moves=(Move(CORDON_NODE, node.target),),
        gate=Gate(
            title=f"{node.name} is cordoned, and what runs elsewhere of what is to move is ready",
            timeout_s=MOVE_LIMIT_S,
            asks=Part.of(asked),
        ),
    )


def _evictions(
    service: ServiceSituation, node: str, pods: tuple[NodePod, ...]
) -> Iterator[StageDraft[ServiceSituation]]:
    for pod in pods:
        name = f"{pod.namespace}/{pod.name}"
        scored = service.scored_of(pod.uid)
        asked = Moved(
            node=node, pod=name, uid=pod.uid, replicas=_replicas(service, pod), scored=scored
        )
        state = "ready" if pod.ready else f"not ready: {', '.join(pod.troubles) or pod.phase}"
        yield StageDraft(
            title=f"move {name} off {node}",
            why=f"{pod.owner} {pod.owner_name} makes it again; it is {state}",
            moves=(Move(EVICT_POD, pod.target),),
            gate=Gate(
                title=f"{name} has gone, and {pod.owner} {pod.owner_name} is ready elsewhere"
                f"{ANSWERS_ELSEWHERE if scored else ''}",
                timeout_s=MOVE_LIMIT_S + min(pod.grace_s, LONGEST_GRACE_S),
                asks=Part.of(asked),
            ),
        )


def _replicas(service: ServiceSituation, pod: NodePod) -> Replicas:
    nodes = service.reading.nodes
    owned = None if isinstance(nodes, UnsetType) else value_or_none(nodes.owned)
    none = OwnedPods(owner_uid=pod.owner_uid, nodes=())
    found = next((one for one in owned or () if one.owner_uid == pod.owner_uid), none)
    return Replicas(
        owner=f"{pod.owner} {pod.namespace}/{pod.owner_name}",
        owner_uid=pod.owner_uid,
        count=found.alive,
    )


def _warnings(node: str, pods: tuple[NodePod, ...]) -> Iterator[str]:
    tied = [
        f"{pod.namespace}/{pod.name} ({', '.join(pod.unjudged)})" for pod in pods if pod.unjudged
    ]
    if tied:
        yield (
            "what may tie these to their node was not judged, and the run stops at the first that "
            f"finds no other: {'; '.join(tied[:10])}"
        )
    fetched = [
        f"{pod.namespace}/{pod.name} ({', '.join(pod.fetched)})" for pod in pods if pod.fetched
    ]
    if fetched:
        yield (
            "no other node has the image of these: whoever takes them fetches it, and the run "
            "stops where the registry has it no more (`skopeo inspect docker://IMAGE` says whether "
            f"it does): {'; '.join(fetched[:10])}"
        )
    yield f"{node} stays cordoned afterwards, until somebody has mended it and uncordons it"


def _node_name(text: str) -> str:
    if not DNS_NAME.fullmatch(text):
        raise ValueError("the name of a node")
    return text


NODE_CHOICE = Input(
    name=NODE_INPUT,
    metavar="NODE",
    help="Drain this node of the inventory, whatever is wrong with it.",
    parse=_node_name,
)

DRAIN_NODE = Branch(
    name="drain-node",
    title="Cordon a node, and move its pods one by one",
    condition="a node is not ready or short of something, or a template fails on it alone; or "
    "--node names one",
    fits=_fits,
    propose=_propose,
    inputs=(NODE_CHOICE,),
)
