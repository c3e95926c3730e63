"""What is done to a workload: its pods are restarted, or its image is set, each by its rollout."""

from __future__ import annotations

from remediations.engine.domain import Action, Facts, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.scoring.diagnose.view import digest_of
from remediations.playbooks.service.guards import (
    GUARDS,
    class_is_bound,
    generation_is_seen,
    image_is_good,
    image_is_previewed,
    is_not_paused,
    nobody_owns_it,
    restart_is_previewed,
    runs_once,
    scale_is_declared,
    scale_is_previewed,
)
from remediations.playbooks.service.impact import effects, scale_effects
from remediations.playbooks.service.score_guards import answers_can_be_judged, image_answers_alike
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.inventory import WorkloadRole
from remediations.systems.kubernetes.preview import version_image
from remediations.systems.kubernetes.steps import (
    DRIVER_NAME,
    IMAGE,
    IMAGE_BACK,
    RESTART,
    SCALE,
    SCALE_BACK,
)
from remediations.systems.kubernetes.values import WorkloadState
from remediations.values.reading import Known, Unknown

UNKNOWN = "unknown"


def service_facts(service: ServiceSituation) -> tuple[Fact, ...]:
    """Which cluster and namespace it is."""
    cluster = service.reading.cluster
    source = cluster.source
    uid = f"unknown: {cluster.reason}" if isinstance(cluster, Unknown) else cluster.value
    return (
        fact(service, "cluster.uid", uid, "another cluster has other pods", source),
        fact(
            service,
            "cluster.namespace",
            service.reading.namespace,
            "names are of a namespace",
            "inventory",
        ),
    )


def workload_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    """What decides about a workload. The counts of its status are no facts: they move while it is
    in trouble, and the patch does not depend on them."""
    workload = service.workload(target)
    state, source = service.state(target), workload.state.source
    told = {
        "kind": (workload.entry.kind.value, "it is where the object is"),
        "name": (workload.entry.name, "it is where the object is"),
        **_told(state),
        "shared": (_shared(service, target), "one key in two workloads is one key that runs twice"),
    }
    return tuple(
        fact(service, f"{target}.{name}", value, why, source) for name, (value, why) in told.items()
    )


def _shared(service: ServiceSituation, target: str) -> str:
    """What a validator's workload shares with another one's."""
    if service.workload(target).entry.role is not WorkloadRole.VALIDATOR:
        return "no validator's"
    shared = service.shared_mounts(target)
    return UNKNOWN if shared is None else ", ".join(shared)


def _told(state: WorkloadState | None) -> dict[str, tuple[str, str]]:
    def word(value: object) -> str:
        return UNKNOWN if state is None else str(value)

    found = state
    return {
        "uid": (word(found and found.uid), "one that was made again is another object"),
        "generation": (
            word(found and found.generation),
            "it rises with each change of what is wanted: nobody's is overwritten",
        ),
        "template": (word(found and found.template), "it is what the pods are made from"),
        "paused": (word(found and found.paused), "a paused rollout does nothing"),
        "desired": (word(found and found.desired), "the rollout is of so many"),
        "strategy": (
            word(found and f"{found.strategy} surge {found.surge} unavailable {found.unavailable}"),
            "it says how many run at once",
        ),
        "owners": (
            word(found and (", ".join(found.owners) or "nobody")),
            "an owner takes the change back",
        ),
    }


def _restart_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    return (
        *workload_facts(service, target),
        expected_fact(service, target),
        preview_fact(service, target, RESTART, ""),
    )


def _image_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    workload = service.workload(target)
    state, good = service.state(target), service.last_good(workload)
    now = version_image(workload.entry, state.images) if state is not None else None
    to_image = good.image if good else UNKNOWN
    source = workload.state.source
    return (
        *workload_facts(service, target),
        fact(
            service,
            f"{target}.container",
            now.container if now else UNKNOWN,
            "its image is the version",
            source,
        ),
        fact(
            service,
            f"{target}.from_image",
            now.image if now else UNKNOWN,
            "it is what is replaced, and what an undo sets again",
            source,
        ),
        fact(service, f"{target}.to_image", to_image, "it is what will run", source),
        expected_fact(service, target),
        fact(
            service,
            f"{target}.to_image_answers",
            "otherwise" if service.answers_otherwise(target, to_image) else "not known to differ",
            "an image whose pods answer otherwise than agreed is nothing to go back to",
            "pods/proxy",
        ),
        preview_fact(service, target, IMAGE, to_image),
    )


def _scale_facts(service: ServiceSituation, target: str) -> tuple[Fact, ...]:
    workload, wanted = service.workload(target), service.replicas
    limits, source = workload.entry.scale, workload.state.source
    state, to_replicas = service.state(target), UNKNOWN if wanted is None else str(wanted)
    told = "nothing"
    if limits is not None:
        bound = ", ".join(limits.node_class) or "any"
        told = f"{limits.normal} to {limits.most}, nodes {bound}, costs {limits.cost}"
    return (
        *workload_facts(service, target),
        fact(service, f"{target}.scale", told, "people declared how far", "inventory"),
        fact(service, f"{target}.to_replicas", to_replicas, "so many will be wanted", "--replicas"),
        fact(
            service,
            f"{target}.node_class",
            UNKNOWN if state is None else ", ".join(state.node_class),
            "the processors of a node decide about the bits of a score",
            source,
        ),
        expected_fact(service, target),
        preview_fact(service, target, SCALE, to_replicas),
    )


def expected_fact(service: ServiceSituation, target: str, *, of: str = "") -> Fact:
    """What the pods of a workload that scores have to answer: of the target, or of the workload
    that it belongs to."""
    scores = service.scores
    value, source = "not a scoring service", "inventory"
    if scores is not None and service.scored(of or target) is not None:
        golden, source = scores.golden, "scoring"
        answers = tuple(one.answer for one in golden.vectors) if golden else ()
        value = f"{digest_of(answers)} by {scores.basis}" if golden else "nothing is agreed"
    why = "its gate waits until every ready pod gives these answers"
    return fact(service, f"{target}.expected", value, why, source)


def preview_fact(service: ServiceSituation, target: str, deploy: str, image: str) -> Fact:
    """What the API server makes of a patch."""
    preview = service.reading.preview(target, deploy, image)
    shown = preview.shown if preview is not None else None
    value = shown.value if isinstance(shown, Known) else UNKNOWN
    why = "it is what the API server makes of the patch"
    return fact(service, f"{target}.preview", value, why, "dry run")


def fact(service: ServiceSituation, name: str, value: str, why: str, source: str) -> Fact:
    """A fact that has to be equal when the plan is applied."""
    return Fact(
        name=name, value=value or "nothing", rule=Rule.EQUAL, why=why, source=source, at=service.at
    )


def _data(facts: Facts, target: str) -> StepData:
    return {
        "cluster": facts["cluster.uid"],
        "namespace": facts["cluster.namespace"],
        "kind": facts[f"{target}.kind"],
        "name": facts[f"{target}.name"],
        "uid": facts[f"{target}.uid"],
        "generation": facts[f"{target}.generation"],
        "preview": facts[f"{target}.preview"],
    }


def _image_data(facts: Facts, target: str) -> StepData:
    more = {name: facts[f"{target}.{name}"] for name in ("container", "from_image", "to_image")}
    return {**_data(facts, target), **more}


def _back_data(facts: Facts, target: str) -> StepData:
    """Without the preview: that was of the patch that is taken back."""
    return {key: value for key, value in _image_data(facts, target).items() if key != "preview"}


def _scale_data(facts: Facts, target: str) -> StepData:
    desired, wanted = facts[f"{target}.desired"], facts[f"{target}.to_replicas"]
    return {**_data(facts, target), "from_replicas": desired, "to_replicas": wanted}


def _scale_back_data(facts: Facts, target: str) -> StepData:
    return {key: value for key, value in _scale_data(facts, target).items() if key != "preview"}


RESTART_WORKLOAD = Action(
    name="workload.restart",
    driver=DRIVER_NAME,
    deploy=RESTART,
    facts=_restart_facts,
    data=_data,
    guards=(*GUARDS, answers_can_be_judged, restart_is_previewed),
    effects=effects,
)
SET_IMAGE_BACK = Action(
    name="workload.image-back",
    driver=DRIVER_NAME,
    deploy=IMAGE_BACK,
    facts=workload_facts,
    data=_back_data,
    guards=GUARDS,
    effects=effects,
)
SET_IMAGE = Action(
    name="workload.image",
    driver=DRIVER_NAME,
    deploy=IMAGE,
    facts=_image_facts,
    data=_image_data,
    guards=(
        *GUARDS,
        answers_can_be_judged,
        image_is_good,
        image_answers_alike,
        image_is_previewed,
    ),
    effects=effects,
    undone_by=SET_IMAGE_BACK,
)
SCALE_WORKLOAD_BACK = Action(
    name="workload.scale-back",
    driver=DRIVER_NAME,
    deploy=SCALE_BACK,
    facts=workload_facts,
    data=_scale_back_data,
    guards=(is_not_paused, nobody_owns_it, runs_once),
    effects=scale_effects,
)
SCALE_WORKLOAD = Action(
    name="workload.scale",
    driver=DRIVER_NAME,
    deploy=SCALE,
    facts=_scale_facts,
    data=_scale_data,
    guards=(
        generation_is_seen,
        is_not_paused,
        nobody_owns_it,
        runs_once,
        scale_is_declared,
        class_is_bound,
        answers_can_be_judged,
        scale_is_previewed,
    ),
    effects=scale_effects,
    undone_by=SCALE_WORKLOAD_BACK,
)
