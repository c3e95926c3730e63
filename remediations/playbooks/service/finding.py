"""What the namespace amounts to, for people."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.find.finding import (
    Evidence,
    Finding,
    FindingRow,
    FindingTable,
    Health,
    Subject,
    evidence_of,
)
from remediations.playbooks.service.conditions import WorkloadCondition
from remediations.playbooks.service.drain import drain_deadlocks
from remediations.playbooks.service.nodes import DRAIN_CURES, NodeVerdict, judge_node
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import count_of
from remediations.systems.kubernetes.node_values import Node
from remediations.systems.kubernetes.values import Workload
from remediations.values.reading import Unknown, value_or_none

NAME, PLAYBOOK = "service", "high-error-rate"
_BY_HAND = {
    WorkloadCondition.UNREAD: "see `remediate doctor`: credentials and rights",
    WorkloadCondition.UNSEEN: "wait, and diagnose again; if it stays: do the controllers run?",
    WorkloadCondition.PAUSED: "ask who paused it; `kubectl rollout resume` is theirs",
    WorkloadCondition.NONE_WANTED: "ask who scaled it to zero",
    WorkloadCondition.INIT_FAILS: "`kubectl logs POD -c NAME` of that init container says why; no "
    "image of the workload changes that",
    WorkloadCondition.PROBED: "let its startupProbe wait for longer than the load of its model "
    "takes, where the workload comes from",
    WorkloadCondition.SKEW: "pin the image by digest in the source of the workload",
    WorkloadCondition.OTHERWISE: "take it out of scoring, or set an image of before: what a node "
    "gets from it is another state (`remediate diagnose scoring`)",
    WorkloadCondition.ROLLING: "a rollout is under way: wait for it",
}
_NODE_BY_HAND = {
    NodeVerdict.UNREAD: "see `remediate doctor`: the node's name, and the rights on nodes",
    NodeVerdict.LOST: "prove that the machine is off before anybody deletes the Node object: "
    "`remediate explain K10`",
}
_ACTED_ON = (
    WorkloadCondition.NO_IMAGE,
    WorkloadCondition.CRASHES,
    WorkloadCondition.UNREADY,
    WorkloadCondition.OTHERWISE,
    WorkloadCondition.SILENT,
)


def conclude(service: ServiceSituation) -> Finding:
    """One subject for each workload."""
    workloads = tuple(_subject(service, one) for one in service.reading.workloads)
    nodes = tuple(_node(service, one) for one in service.reading.declared_nodes)
    subjects = (*workloads, *nodes)
    health = _worst(subjects)
    bad = [one for one in subjects if one.health is not Health.WELL]
    well = sum(one.health is Health.WELL for one in workloads)
    worth = any(one.condition in (*_ACTED_ON, *DRAIN_CURES) for one in subjects)
    return Finding(
        domain=NAME,
        verdict=_verdict(health),
        health=health,
        headline=f"{well} of {count_of(len(workloads), 'workload')} rolled out",
        explanation=_explanation(service, bad),
        since=None,
        rows=tuple(_rows(service)),
        noun="workload",
        measure="replicas",
        subjects=subjects,
        tables=tuple(_tables(service)),
        next_step=f"remediate plan {PLAYBOOK}" if worth else _next(health),
        playbook=PLAYBOOK if worth else "",
        witnesses=(),
        evidence=(evidence_of("cluster", service.reading.cluster, service.cluster),),
    )


def _node(service: ServiceSituation, node: Node) -> Subject:
    """A node that may be drained. Nothing of a service is counted of it."""
    judged = judge_node(service.reading, node)
    evidence = evidence_of(f"{node.target}.state", node.state, judged.cause)
    return Subject(
        name=node.target,
        condition=judged.verdict,
        health=judged.health,
        weight=None,
        cause=judged.cause,
        by_hand=_NODE_BY_HAND.get(judged.verdict, ""),
        evidence=(evidence,),
    )


def _worst(subjects: tuple[Subject, ...]) -> Health:
    order = (Health.DOWN, Health.DEGRADED, Health.UNKNOWN)
    healths = {one.health for one in subjects}
    return next((health for health in order if health in healths), Health.WELL)


def _verdict(health: Health) -> str:
    return {
        Health.WELL: "serving",
        Health.UNKNOWN: "unread",
        Health.DEGRADED: "service-degraded",
        Health.DOWN: "service-down",
    }[health]


def _explanation(service: ServiceSituation, bad: list[Subject]) -> str:
    if isinstance(service.reading.cluster, Unknown):
        return service.reading.cluster.reason
    if not bad:
        return "every workload is rolled out: updated = wanted = available"
    return "; ".join(f"{one.name}: {one.condition}, {one.cause}" for one in bad)[:600]


def _next(health: Health) -> str:
    return "nothing to do" if health is Health.WELL else "see what each workload says to do by hand"


def _subject(service: ServiceSituation, workload: Workload) -> Subject:
    judged = service.judged(workload)
    state = value_or_none(workload.state)
    says = judged.cause if state is not None else ""
    evidence: tuple[Evidence, ...] = (
        evidence_of(f"{workload.entry.target}.state", workload.state, says),
    )
    return Subject(
        name=workload.entry.target,
        condition=judged.condition,
        health=judged.health,
        weight=None if state is None else state.available,
        cause=judged.cause,
        by_hand=_by_hand(workload, judged.condition),
        evidence=evidence,
    )


def _by_hand(workload: Workload, condition: WorkloadCondition) -> str:
    state = value_or_none(workload.state)
    if state is not None and state.owners and condition in _ACTED_ON:
        return f"change it where it comes from: {', '.join(state.owners)}"
    return _BY_HAND.get(condition, "")


def _rows(service: ServiceSituation) -> Iterator[FindingRow]:
    yield FindingRow(title="namespace", text=service.reading.namespace)
    yield FindingRow(title="cluster", text=service.cluster)


def _tables(service: ServiceSituation) -> Iterator[FindingTable]:
    rows = []
    for workload in service.reading.workloads:
        state = value_or_none(workload.state)
        for pod in () if state is None else state.pods:
            if not pod.ready or pod.deleting:
                word = "terminating" if pod.deleting else pod.phase
                rows.append((pod.name, pod.node or "no node", word, pod.says or "no reason"))
    if rows:
        columns = ("pod", "node", "phase", "reason")
        yield FindingTable(title="pods that are not ready", columns=columns, rows=tuple(rows[:20]))
    stuck = tuple(tuple(one) for one in drain_deadlocks(service.reading)[:20])
    if stuck:
        columns = ("node", "pod", "budget", "why")
        yield FindingTable(title="nodes that cannot be drained", columns=columns, rows=stuck)
