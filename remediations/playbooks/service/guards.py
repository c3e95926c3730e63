"""Guards on changing a workload (ids: rules/guards.md here)."""

from __future__ import annotations

from msgspec import UnsetType

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.service.impact import lowest_during
from remediations.playbooks.service.situation import ServiceSituation
from remediations.render.formats import name_some
from remediations.systems.kubernetes.inventory import WorkloadKind, WorkloadRole
from remediations.systems.kubernetes.values import WorkloadState
from remediations.values.reading import Known, Unknown, value_or_none

NOT_READ = "it was not read"
DIAGNOSE = "`remediate diagnose` says why; then plan again"


def cluster_is_known(
    service: ServiceSituation, _proposal: Proposal[ServiceSituation]
) -> GuardResult:
    """K1: it is known which cluster this is."""
    cluster = service.reading.cluster
    return guard_result(
        "K1",
        "it is known which cluster this is",
        holds=None if isinstance(cluster, Unknown) else True,
        got=cluster.reason if isinstance(cluster, Unknown) else cluster.value,
        expected="the uid of its namespace kube-system",
        next_step="`remediate doctor` shows what is missing",
        facts=("cluster.uid",),
    )


def rights_are_given(
    service: ServiceSituation, _proposal: Proposal[ServiceSituation]
) -> GuardResult:
    """K6: the role allows everything that the plan does."""
    # What only a drain or a stuck pod needs is K19's.
    rights = [one for one in service.reading.access if isinstance(one.use, UnsetType)]
    told = {f"{one.verb} {one.resource}": value_or_none(one.allowed) for one in rights}
    lacks = [name for name, allowed in told.items() if allowed is False]
    open_ones = [name for name, allowed in told.items() if allowed is None]
    holds = False if lacks else None if open_ones or not told else True
    return guard_result(
        "K6",
        "the role allows what the plan does",
        holds=holds,
        got=f"not allowed: {name_some(lacks)}"
        if lacks
        else f"not known: {name_some(open_ones) if open_ones else 'no right was asked for'}"
        if holds is None
        else f"{len(told)} rights",
        expected=f"{', '.join(told) or 'an answer'} in {service.reading.namespace}",
        next_step="give the role of docs/kubernetes.md to whoever runs this, then plan again",
    )


def generation_is_seen(service: ServiceSituation, target: str) -> GuardResult:
    """K2: the controller has seen the newest generation, so the status is of it."""
    state = service.state(target)
    return guard_result(
        "K2",
        "its controller has seen its newest generation",
        subject=target,
        holds=None if state is None or state.observed < state.generation else True,
        got=NOT_READ if state is None else f"seen {state.observed} of {state.generation}",
        expected="observedGeneration is the generation",
        next_step=DIAGNOSE,
        facts=(f"{target}.generation",),
    )


def is_not_paused(service: ServiceSituation, target: str) -> GuardResult:
    """K3: nobody has paused its rollout."""
    state = service.state(target)
    return guard_result(
        "K3",
        "nobody has paused its rollout",
        subject=target,
        holds=None if state is None else not state.paused,
        got=NOT_READ if state is None else "paused" if state.paused else "not paused",
        expected="not paused",
        next_step=f"ask who paused it; then `kubectl rollout resume {target}` is theirs",
        facts=(f"{target}.paused",),
    )


def nobody_owns_it(service: ServiceSituation, target: str) -> GuardResult:
    """K4: no controller would take the change back, or scale it meanwhile."""
    state = service.state(target)
    owners = () if state is None else state.owners
    return guard_result(
        "K4",
        "nobody else makes it their own",
        subject=target,
        holds=None if state is None else not owners,
        got=NOT_READ if state is None else ", ".join(owners) or "no owner",
        expected="no owner reference, no mark of a GitOps controller, no autoscaler",
        next_step="change it where it comes from: whoever owns it takes a change back in seconds",
        facts=(f"{target}.owners",),
    )


def runs_once(service: ServiceSituation, target: str) -> GuardResult:
    """K5: what holds a validator's key never runs twice, not for a moment."""
    holds, got = _is_alone(service, target)
    return guard_result(
        "K5",
        "one key never runs twice",
        subject=target,
        holds=holds,
        got=got,
        expected="for a validator: one replica, no surge (Recreate or a StatefulSet), none ending, "
        "and claims and secrets of its own",
        next_step="two processes with one key sign twice: set its strategy to Recreate and its "
        "replicas to 1 at its source, give each validator its own claim and secret, and wait until "
        "no pod of it is ending",
        facts=(f"{target}.strategy", f"{target}.desired", f"{target}.shared"),
    )


def _is_alone(service: ServiceSituation, target: str) -> tuple[bool | None, str]:
    """Whether nothing else can have the key of this workload, None if that is unknown; and why."""
    workload, state = service.workload(target), service.state(target)
    if workload.entry.role is WorkloadRole.SERVICE:
        return True, "it holds no validator's key"
    if state is None:
        return None, NOT_READ
    if twice := _twice(workload.entry.kind, state):
        return False, twice
    shared = service.shared_mounts(target)
    if shared is None:
        return None, "what another validator's workload mounts was not read"
    if shared:
        return False, name_some(shared)
    return True, "it runs once, and no other validator's workload mounts what it mounts"


def _twice(kind: WorkloadKind, state: WorkloadState) -> str:
    """How two of it may run at once; "" if they may not."""
    ending = [pod.name for pod in state.pods if pod.deleting]
    if state.desired > 1:
        return f"{state.desired} replicas with one key"
    if kind is WorkloadKind.DEPLOYMENT and state.strategy != "Recreate":
        return f"strategy {state.strategy}, maxSurge {state.surge}: the new pod starts beside"
    return f"still ending: {name_some(ending)}" if ending else ""


def floor_is_kept(service: ServiceSituation, target: str) -> GuardResult:
    """K8: the rollout leaves as many replicas as must remain, or they are gone already."""
    workload, state = service.workload(target), service.state(target)
    floor = workload.entry.floor
    lowest = None if state is None else lowest_during(workload.entry.kind, state)
    holds = None
    if state is not None and lowest is not None:
        holds = lowest >= floor or state.available < floor
    return guard_result(
        "K8",
        "enough replicas stay available meanwhile",
        subject=target,
        holds=holds,
        got=NOT_READ
        if state is None
        else f"its strategy ({state.strategy}, maxUnavailable {state.unavailable}) is not read"
        if lowest is None
        else f"{state.available} available, at worst {lowest} meanwhile",
        expected=f"{floor} or more",
        next_step="lower maxUnavailable at its source, or the floor in the inventory",
        facts=(f"{target}.strategy", f"{target}.desired"),
    )


def previewed(service: ServiceSituation, target: str, deploy: str, image: str) -> GuardResult:
    """K7, for one patch."""
    preview = service.reading.preview(target, deploy, image)
    shown = None if preview is None else preview.shown
    return guard_result(
        "K7",
        "the API server accepts the patch, and says what it makes of it",
        subject=target,
        holds=True if isinstance(shown, Known) and shown.value else None,
        got="it was not tried"
        if shown is None
        else shown.reason
        if isinstance(shown, Unknown)
        else "accepted"
        if shown.value
        else "accepted, and nothing would change",
        expected="a dry run with a difference",
        next_step="an admission webhook or a quota may refuse it: see what it says",
        facts=(f"{target}.preview",),
    )


def restart_is_previewed(service: ServiceSituation, target: str) -> GuardResult:
    """K7, for a restart."""
    return previewed(service, target, "restart", "")


def image_is_previewed(service: ServiceSituation, target: str) -> GuardResult:
    """K7, for an image."""
    good = service.last_good(service.workload(target))
    return previewed(service, target, "image", good.image if good else "")


def image_is_good(service: ServiceSituation, target: str) -> GuardResult:
    """K9: the image that is set is pinned by digest, and somebody or something vouches for it."""
    workload = service.workload(target)
    good = service.last_good(workload)
    return guard_result(
        "K9",
        "the image that is set is pinned, and known to be good",
        subject=target,
        holds=None if good is None else True,
        got="no image that anything vouches for" if good is None else f"{good.image}: {good.why}",
        expected="the inventory's `good`, or ready pods of an older template with it, by digest",
        next_step="name it: `--digest sha256:…`, of one of the workload's own ReplicaSets",
        facts=(f"{target}.to_image",),
    )


def scale_is_declared(service: ServiceSituation, target: str) -> GuardResult:
    """K23: the number is within what people declared, and keeps the floor."""
    entry, state, wanted = service.workload(target).entry, service.state(target), service.replicas
    limits = entry.scale
    trouble = ""
    if limits is None:
        trouble = "nobody declared how far (`scale`)"
    elif wanted is None:
        trouble = "no number was chosen"
    elif not limits.normal <= wanted <= limits.most or wanted < entry.floor:
        trouble = f"{wanted} replicas"
    elif state is not None and wanted == state.desired:
        trouble = f"{wanted} replicas are wanted already"
    declared = "" if limits is None else f"{max(limits.normal, entry.floor)} to {limits.most}"
    return guard_result(
        "K23",
        "the number of replicas is within what people declared",
        subject=target,
        holds=False if trouble else None if state is None else True,
        got=trouble or (NOT_READ if state is None else f"{state.desired}, then {wanted}"),
        expected=f"another number, of {declared}" if declared else "`scale` in the inventory",
        next_step="choose another with --replicas, or declare `scale` (docs/kubernetes.md#scale)",
        facts=(f"{target}.to_replicas", f"{target}.desired", f"{target}.scale"),
    )


def class_is_bound(service: ServiceSituation, target: str) -> GuardResult:
    """K24: every new pod lands on nodes of the declared class of processors."""
    limits, state = service.workload(target).entry.scale, service.state(target)
    declared = () if limits is None else limits.node_class
    bound = () if state is None else state.node_class
    lacks = [label for label in declared if label not in bound]
    got = ", ".join(bound) or "its template binds its pods to no nodes"
    return guard_result(
        "K24",
        "its pods are bound to nodes of one class",
        subject=target,
        holds=None if state is None else not lacks,
        got=NOT_READ if state is None else got,
        expected=f"nodeSelector {', '.join(declared)}" if declared else "any: so people declared",
        next_step="bind it in its template at its source: on other processors a score has other "
        "bits, and a validator that gets it another state",
        facts=(f"{target}.node_class", f"{target}.scale"),
    )


def scale_is_previewed(service: ServiceSituation, target: str) -> GuardResult:
    """K7, for a number of replicas."""
    return previewed(service, target, "scale", str(service.replicas or ""))


GUARDS = (generation_is_seen, is_not_paused, nobody_owns_it, runs_once, floor_is_kept)
"""What holds for every change of a workload."""
INVARIANTS = (cluster_is_known, rights_are_given)
