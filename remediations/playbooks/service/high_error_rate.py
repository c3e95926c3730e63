"""The playbook `high-error-rate`: back to the image that served, or a restart."""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Branch, Input, Move, Playbook, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.service.actions import RESTART_WORKLOAD, SET_IMAGE
from remediations.playbooks.service.conditions import WorkloadCondition
from remediations.playbooks.service.delete_stuck_pod import DELETE_POD
from remediations.playbooks.service.drain_node import DRAIN_NODE
from remediations.playbooks.service.gates import RolledOut
from remediations.playbooks.service.scale import SCALE
from remediations.playbooks.service.scored import ANSWERS, not_proven, planned_checks
from remediations.playbooks.service.situation import DIGEST_INPUT, ServiceSituation
from remediations.systems.kubernetes.inventory import DIGEST
from remediations.systems.kubernetes.preview import candidate_images
from remediations.systems.kubernetes.steps import IMAGE, RESTART
from remediations.systems.kubernetes.values import Workload, WorkloadState
from remediations.values.part import Part
from remediations.values.reading import value_or_none

ROLLOUT_LIMIT_S = 300
_RELEASE_BROKEN = (
    WorkloadCondition.NO_IMAGE,
    WorkloadCondition.CRASHES,
    WorkloadCondition.UNREADY,
    WorkloadCondition.OTHERWISE,
)
_RESTART_CURES = (WorkloadCondition.UNREADY, WorkloadCondition.SILENT)


def _in(service: ServiceSituation, conditions: tuple[WorkloadCondition, ...]) -> list[Workload]:
    found = service.workloads
    return [one for one in found if service.judged(one).condition in conditions]


def _conditions(service: ServiceSituation) -> str:
    told = (f"{one.entry.target} is {service.judged(one).condition}" for one in service.workloads)
    return ", ".join(told) or "no workload may be acted on (--limit)"


def _fits_back(service: ServiceSituation) -> str | None:
    broken = _in(service, _RELEASE_BROKEN)
    if not broken:
        return f"no release is broken: {_conditions(service)}{_why_not_back(service)}"
    lacks = [one for one in broken if service.last_good(one) is None]
    return "; ".join(_no_way_back(service, one) for one in lacks) or None


def _why_not_back(service: ServiceSituation) -> str:
    """Why what looks like a broken release is none that an image mends."""
    told = ""
    if _in(service, (WorkloadCondition.INIT_FAILS,)):
        told += "; the way back keeps the init containers, so the same one fails again"
    if _in(service, (WorkloadCondition.PROBED,)):
        told += "; what loads slowly is killed by the same probe with any image, and starts over"
    return told


def _no_way_back(service: ServiceSituation, workload: Workload) -> str:
    """Why there is no image to go back to."""
    target, state = workload.entry.target, value_or_none(workload.state)
    found = () if state is None else candidate_images(workload.entry, state)
    chosen = service.inputs.get(DIGEST_INPUT) or workload.entry.good
    if chosen:
        return f"{target}: none of its ReplicaSets that differ in the image alone has {chosen}"
    if found:
        return (
            f"{target}: nothing says which of its images is good ({', '.join(found)}): choose "
            "with --digest"
        )
    return (
        f"{target}: no ReplicaSet has the same template with another image that is pinned by "
        "digest (a tag is no version); going back changes more than the image, which is for people"
    )


def _propose_back(service: ServiceSituation) -> Proposal[ServiceSituation]:
    broken = _in(service, _RELEASE_BROKEN)
    return Proposal(
        title=f"back to the last good image: {_names(broken)}",
        stages=tuple(_back_stages(service, broken)),
        checks=planned_checks(service, broken),
        risk=Risk.MEDIUM,
        worst_case="the image does not work either: the pods that serve now go on, as far as "
        "maxUnavailable lets them",
        warnings=(
            *not_proven(service, broken),
            *(
                line
                for one in broken
                if (good := service.last_good(one))
                for line in service.preview_line(one.entry.target, IMAGE, good.image)
            ),
        ),
    )


def _back_stages(
    service: ServiceSituation, broken: list[Workload]
) -> Iterator[StageDraft[ServiceSituation]]:
    for workload in broken:
        good = service.last_good(workload)
        assert good is not None, "`fits` has seen it"
        target = workload.entry.target
        yield StageDraft(
            title=f"set the image of {target} to {good.image}",
            why=f"{service.judged(workload).cause}; {good.why}",
            moves=(Move(SET_IMAGE, target),),
            gate=_gate(service, target, good.image),
        )


def _fits_restart(service: ServiceSituation) -> str | None:
    if _in(service, _RESTART_CURES):
        return None
    return (
        "a restart cures pods that run and are not ready, or do not answer: "
        f"{_conditions(service)}; what crashes or is not pulled is restarted by the kubelet already"
    )


def _propose_restart(service: ServiceSituation) -> Proposal[ServiceSituation]:
    those = _in(service, _RESTART_CURES)
    return Proposal(
        title=f"restart {_names(those)}",
        stages=tuple(
            StageDraft(
                title=f"restart {one.entry.target}",
                why=service.judged(one).cause,
                moves=(Move(RESTART_WORKLOAD, one.entry.target),),
                gate=_gate(service, one.entry.target, ""),
            )
            for one in those
        ),
        checks=planned_checks(service, those),
        risk=Risk.MEDIUM,
        worst_case="pods that serve are replaced by pods that do not become ready, as far as "
        "maxUnavailable lets them",
        warnings=(
            *not_proven(service, those),
            *(
                line
                for one in those
                for line in service.preview_line(one.entry.target, RESTART, "")
            ),
        ),
    )


def _gate(service: ServiceSituation, target: str, image: str) -> Gate:
    state: WorkloadState | None = service.state(target)
    scored = service.scored(target) is not None
    asked = RolledOut(
        target=target, after=0 if state is None else state.generation, image=image, scored=scored
    )
    return Gate(
        title=f"{target} is rolled out: updated = wanted = available{ANSWERS if scored else ''}",
        timeout_s=ROLLOUT_LIMIT_S,
        asks=Part.of(asked),
    )


def _names(workloads: list[Workload]) -> str:
    return ", ".join(one.entry.target for one in workloads)


def _digest(text: str) -> str:
    if not DIGEST.fullmatch(text):
        raise ValueError("the digest of an image: sha256: and 64 hex digits")
    return text


DIGEST_CHOICE = Input(
    name=DIGEST_INPUT,
    metavar="sha256:…",
    help="Go back to this image of the workload's own ReplicaSets.",
    parse=_digest,
)

PLAYBOOK = Playbook(
    id="high-error-rate",
    title="A service on Kubernetes answers with errors, or not at all",
    alerts=(
        "HighErrorRate",
        "WorkloadDown",
        "WorkloadDegraded",
        "RolloutStuck",
        "PodCrashLooping",
        "KubernetesNodeUnwell",
        "ServiceMetricsMissing",
    ),
    branches=(
        DRAIN_NODE,
        DELETE_POD,
        Branch(
            name="back-to-last-good",
            title="Set the last good image again, by digest",
            condition="a rollout is stuck, its pods do not become ready, or they answer otherwise, "
            "and an image is known that works",
            fits=_fits_back,
            propose=_propose_back,
            inputs=(DIGEST_CHOICE,),
        ),
        Branch(
            name="restart-workload",
            title="Restart the pods of a workload, by its own rollout",
            condition="pods run, and are not ready, or do not answer",
            fits=_fits_restart,
            propose=_propose_restart,
        ),
        SCALE,
    ),
)
