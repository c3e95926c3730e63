"""Guards on a node before it is cordoned (ids: rules/guards.md here)."""

from __future__ import annotations

from collections.abc import Iterable

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.service.guards import NOT_READ, previewed
from remediations.playbooks.service.nodes import judge_node
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.systems.kubernetes.node_steps import CORDON
from remediations.systems.kubernetes.values import RightUse
from remediations.values.reading import Unknown, value_or_none


def unread_node(service: ServiceSituation, target: str) -> str:
    """Why nothing is known of a node."""
    for node in service.reading.declared_nodes:
        if node.target == target and isinstance(node.state, Unknown):
            return node.state.reason
    return NOT_READ


def node_answers(service: ServiceSituation, target: str) -> GuardResult:
    """K10: its kubelet answers: only the kubelet says that a pod has ended."""
    state = service.node(target)
    lost = state is not None and state.ready not in ("True", "False")
    found = {one.target: one for one in service.reading.declared_nodes}.get(target)
    cause = judge_node(service.reading, found).cause if found else NOT_READ
    return guard_result(
        "K10",
        "its kubelet answers, so a pod that has ended is known to have ended",
        subject=target,
        holds=None if state is None else not lost,
        got=unread_node(service, target)
        if state is None
        else cause
        if lost
        else f"Ready is {state.ready}",
        expected="Ready is True, or False by its kubelet's own word",
        next_step="prove that the machine is off (power, hypervisor, fencing), have a second "
        "person confirm it, and only then delete the Node object by hand: its pods end with it. "
        "Nothing here forces a pod to end: two of one identity may run then. Where it comes back "
        "instead, plan again",
        facts=(f"{target}.ready",),
    )


def nobody_owns_the_node(service: ServiceSituation, target: str) -> GuardResult:
    """K11: no autoscaler and no controller decides whether the node is there."""
    state = service.node(target)
    owners = () if state is None else state.owners
    return guard_result(
        "K11",
        "nobody else decides whether the node is there, or takes pods",
        subject=target,
        holds=None if state is None else not owners,
        got=unread_node(service, target) if state is None else ", ".join(owners) or "no owner",
        expected="no owner reference, no GitOps mark, no autoscaler that removes it",
        next_step="drain it by its owner's own means (delete its NodeClaim or Machine, change the "
        "source): it respects the same disruption budgets, and would undo a cordon of ours",
        facts=(f"{target}.owners",),
    )


def nobody_has_cordoned(service: ServiceSituation, target: str) -> GuardResult:
    """K12: nobody has cordoned the node: somebody else works on it, or has, and forgot."""
    state = service.node(target)
    return guard_result(
        "K12",
        "nobody has cordoned it",
        subject=target,
        holds=None if state is None else not state.unschedulable,
        got=unread_node(service, target)
        if state is None
        else "cordoned by an earlier run of ours"
        if state.ours
        else "cordoned by somebody else"
        if state.unschedulable
        else "schedulable",
        expected="schedulable",
        next_step="ask who cordoned it, and what for; `remediate undo RUN` takes back one of ours, "
        f"`kubectl uncordon {target.removeprefix('node/')}` is for whoever made another",
        facts=(f"{target}.unschedulable",),
    )


def cordon_is_previewed(service: ServiceSituation, target: str) -> GuardResult:
    """K7, for a cordon."""
    return previewed(service, target, CORDON, "")


def cordon_is_ours(service: ServiceSituation, target: str) -> GuardResult:
    """K22: what is uncordoned is our own cordon."""
    state = service.node(target)
    return guard_result(
        "K22",
        "the cordon that is taken back is ours",
        subject=target,
        holds=None if state is None else state.ours,
        got=unread_node(service, target)
        if state is None
        else "ours"
        if state.ours
        else "somebody else's"
        if state.unschedulable
        else "it is not cordoned",
        expected="our mark, and the field is ours",
        next_step="leave it to whoever cordoned it since",
        facts=(f"{target}.uid",),
    )


def _rights(service: ServiceSituation, subject: str, use: RightUse, role: str) -> GuardResult:
    told = {
        f"{one.verb} {one.resource}": value_or_none(one.allowed)
        for one in service.reading.access
        if one.use is use
    }
    lacks = [name for name, allowed in told.items() if allowed is False]
    unread = [name for name, allowed in told.items() if allowed is None]
    return guard_result(
        "K19",
        "the role allows what is done to nodes and single pods",
        subject=subject,
        holds=False if lacks else None if unread or not told else True,
        got=_rights_say(lacks, unread, told),
        expected=", ".join(told) or "an answer",
        next_step=f"give the {role} of docs/kubernetes.md to whoever runs this, then plan again",
    )


def _rights_say(lacks: list[str], unread: list[str], told: Iterable[str]) -> str:
    if lacks:
        return f"not allowed: {name_some(lacks)}"
    if unread:
        return f"not known: {name_some(unread)}"
    return f"{len(list(told))} rights" if told else "not known: no right was asked for"


def drain_rights(service: ServiceSituation, target: str) -> GuardResult:
    """K19, for a drain."""
    return _rights(service, target, RightUse.NODES, "ClusterRole remediate-nodes")


def pod_rights(service: ServiceSituation, target: str) -> GuardResult:
    """K19, for a pod that is deleted."""
    return _rights(service, target, RightUse.PODS, "Role remediate-pods")
