"""What is done to a node, and to single pods: cordon, evict, delete one that is stuck."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.impact import Effect
from remediations.engine.plan.plan import Fact
from remediations.playbooks.service.actions import UNKNOWN, expected_fact, fact, preview_fact
from remediations.playbooks.service.impact import measure_of
from remediations.playbooks.service.node_guards import (
    cordon_is_ours,
    cordon_is_previewed,
    drain_rights,
    nobody_has_cordoned,
    nobody_owns_the_node,
    node_answers,
    pod_rights,
)
from remediations.playbooks.service.pod_guards import (
    DRAIN_GUARDS,
    floor_without_it,
    key_stays,
    pod_may_go,
)
from remediations.playbooks.service.score_guards import (
    elsewhere_they_answer_alike,
    moved_answers_can_be_judged,
    moved_pod_can_be_judged,
)
from remediations.playbooks.service.situation import ServiceSituation
from remediations.playbooks.service.stuck import stuck_pod
from remediations.playbooks.service.stuck_guards import (
    pod_is_stuck,
    stuck_key_stays,
    stuck_pod_ends,
)
from remediations.systems.kubernetes.node_steps import CORDON, UNCORDON
from remediations.systems.kubernetes.removal_steps import DELETE, EVICT
from remediations.systems.kubernetes.steps import DRIVER_NAME


def node_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    """What decides about a node. Its resourceVersion is no fact: heartbeats move it."""
    state = service.node(target)
    source = f"nodes/{target.removeprefix('node/')}"
    told = {
        "name": (target.removeprefix("node/"), "it is where the object is"),
        "uid": (state and state.uid, "one that was made again is another machine"),
        "ready": (state and state.ready, "a kubelet that is silent never says that a pod ended"),
        "unschedulable": (
            state and ("cordoned" if state.unschedulable else "schedulable"),
            "a cordon is of whoever made it",
        ),
        "owners": (
            state and (", ".join(state.owners) or "nobody"),
            "an owner takes a cordon back",
        ),
    }
    return tuple(
        fact(service, f"{target}.{name}", UNKNOWN if state is None else str(value), why, source)
        for name, (value, why) in told.items()
    )


def _cordon_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    return (*node_facts(service, target), preview_fact(service, target, CORDON, ""))


def _node_data(facts: Facts, target: str) -> StepData:
    return {
        "cluster": facts["cluster.uid"],
        "name": facts[f"{target}.name"],
        "uid": facts[f"{target}.uid"],
    }


def _cordon_data(facts: Facts, target: str) -> StepData:
    return {**_node_data(facts, target), "preview": facts[f"{target}.preview"]}


def _evict_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    found = service.pod_on_node(target)
    node, pod = found if found else (None, None)
    told = {
        "namespace": (pod and pod.namespace, "it is where the object is"),
        "name": (pod and pod.name, "it is where the object is"),
        "uid": (pod and pod.uid, "one that was made again is another pod"),
        "node": (node and node.name, "it is drained, and no other"),
        "owner": (pod and f"{pod.owner} {pod.owner_name}", "it makes the pod again"),
    }
    source = f"pods on {node.name}" if node else "pods"
    facts = tuple(
        fact(service, f"{target}.{name}", str(value or UNKNOWN), why, source)
        for name, (value, why) in told.items()
    )
    scored = service.scored_of(pod.uid) if pod else ""
    return (*facts, expected_fact(service, target, of=scored)) if scored else facts


def _stuck_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    found = stuck_pod(service, target)
    pod = found.pod if found else None
    told = {
        "namespace": (service.reading.namespace, "it is where the object is"),
        "name": (pod and pod.name, "it is where the object is"),
        "uid": (pod and pod.uid, "one that was made again is another pod"),
        "node": (pod and (pod.node or "none"), "it is where the pod was seen"),
        "revision": (
            found and f"{pod.template_hash if pod else ''} → {found.newest}",
            "it comes back from the newest template",
        ),
    }
    source = found.workload.state.source if found else "pods"
    return tuple(
        fact(service, f"{target}.{name}", str(value or UNKNOWN), why, source)
        for name, (value, why) in told.items()
    )


def _pod_data(facts: Facts, target: str) -> StepData:
    node = facts[f"{target}.node"]
    return {
        "cluster": facts["cluster.uid"],
        "namespace": facts[f"{target}.namespace"],
        "name": facts[f"{target}.name"],
        "uid": facts[f"{target}.uid"],
        "node": "" if node == "none" else node,
    }


def _evict_effects(service: ServiceSituation, target: str) -> tuple[Effect, ...]:
    """A replica less until another is available elsewhere, which the gate waits for."""
    found = service.pod_on_node(target)
    workload = service.workload_of(found[1].uid) if found else None
    if found is None or workload is None:
        return ()
    now = 1 if found[1].ready else 0
    return (Effect(measure=measure_of(workload.entry.target), now=now, during=0, after=1),)


def _stuck_effects(service: ServiceSituation, target: str) -> tuple[Effect, ...]:
    found = stuck_pod(service, target)
    if found is None:
        return ()
    return (Effect(measure=measure_of(found.workload.entry.target), now=0, during=0, after=1),)


def _none(_service: ServiceSituation, _target: str) -> tuple[Effect, ...]:
    return ()


UNCORDON_NODE = Action(
    name="node.uncordon",
    driver=DRIVER_NAME,
    deploy=UNCORDON,
    facts=node_facts,
    data=_node_data,
    guards=(cordon_is_ours,),
    effects=_none,
)
CORDON_NODE = Action(
    name="node.cordon",
    driver=DRIVER_NAME,
    deploy=CORDON,
    facts=_cordon_facts,
    data=_cordon_data,
    guards=(
        node_answers,
        nobody_owns_the_node,
        nobody_has_cordoned,
        cordon_is_previewed,
        drain_rights,
        *DRAIN_GUARDS,
        moved_answers_can_be_judged,
        elsewhere_they_answer_alike,
    ),
    effects=_none,
    undone_by=UNCORDON_NODE,
)
EVICT_POD = Action(
    name="pod.evict",
    driver=DRIVER_NAME,
    deploy=EVICT,
    facts=_evict_facts,
    data=_pod_data,
    guards=(pod_may_go, key_stays, floor_without_it, moved_pod_can_be_judged),
    effects=_evict_effects,
)
DELETE_STUCK_POD = Action(
    name="pod.delete-stuck",
    driver=DRIVER_NAME,
    deploy=DELETE,
    facts=_stuck_facts,
    data=_pod_data,
    guards=(pod_rights, pod_is_stuck, stuck_key_stays, stuck_pod_ends),
    effects=_stuck_effects,
)
