"""From answers of the API server to values. Pure.

What the API server sends is as trusted as a host: every field is checked, what has another form is
a `TextError`, and nothing has a default that decides.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from msgspec import UNSET

from remediations.render.printable import one_line
from remediations.systems.kubernetes.parse_pods import HASH_LABEL, pod_of
from remediations.systems.kubernetes.tree import SHORT, Tree, at, number, text, trees
from remediations.systems.kubernetes.values import Image, Revision, WorkloadState
from remediations.values.lines import TextError
from remediations.values.wire import canonical

RESTARTED = "remediate/restarted"
_RESTARTS = (RESTARTED, "kubectl.kubernetes.io/restartedAt")
_PARTITION = ("spec", "updateStrategy", "rollingUpdate", "partition")
_NO_OWNERS = re.compile(r"kubectl($|-.*)|kube-controller-manager|remediate|Python-.*|OpenAPI-.*")
"""Field managers that are people at a shell, Kubernetes itself, or we."""
_OWNER_KEYS = re.compile(
    r"argocd\.argoproj\.io/(instance|tracking-id)|(kustomize|helm)\.toolkit\.fluxcd\.io/name"
    r"|meta\.helm\.sh/release-name|app\.kubernetes\.io/managed-by"
)


def digest_of(tree: object) -> str:
    """A SHA-256 of a tree, 16 digits: enough to tell templates of one object apart."""
    return hashlib.sha256(canonical(_without_floats(tree))).hexdigest()[:16]


def _without_floats(tree: object) -> object:
    if isinstance(tree, dict):
        return {str(key): _without_floats(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_without_floats(value) for value in tree]
    return repr(tree) if isinstance(tree, float) else tree


def images_of(template: object) -> tuple[Image, ...]:
    """The images of a pod template.

    Raises:
        TextError: it has another form.
    """
    found = trees(template, "spec", "containers")
    if not found:
        raise TextError("a template without containers")
    return tuple(Image(container=text(c, "name"), image=text(c, "image")) for c in found)


def templates_of(template: Tree) -> tuple[str, str]:
    """The digest of a pod template without what any two revisions differ in, and the same without
    its images."""
    meta = template.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH_LABEL}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k not in _RESTARTS}
    spec = dict(template.get("spec") or {})
    whole = {"labels": labels, "annotations": notes, "spec": spec}
    bare = [{k: v for k, v in c.items() if k != "image"} for c in trees(spec, "containers")]
    return digest_of(whole), digest_of({**whole, "spec": {**spec, "containers": bare}})


def workload_state(
    tree: Tree, sets: list[Tree], pods: list[Tree], scalers: list[Tree]
) -> WorkloadState:
    """A Deployment or StatefulSet, with what belongs to it.

    Raises:
        TextError: something has another form.
    """
    uid = text(tree, "metadata", "uid")
    template = at(tree, "spec", "template")
    if not isinstance(template, dict):
        raise TextError("no template")
    whole, rest = templates_of(template)
    mine = [one for one in sets if _owned_by(one, uid)]
    owners = {uid, *(text(one, "metadata", "uid") for one in mine)}
    rolling = at(tree, "spec", "strategy", "rollingUpdate") or {}
    update = at(tree, "status", "updateRevision")
    kind = at(tree, "spec", "strategy", "type") or at(tree, "spec", "updateStrategy", "type")
    return WorkloadState(
        uid=uid,
        generation=number(tree, "metadata", "generation"),
        observed=number(tree, "status", "observedGeneration", absent=0),
        template=whole,
        rest=rest,
        images=images_of(template),
        desired=number(tree, "spec", "replicas", absent=1),
        total=number(tree, "status", "replicas", absent=0),
        updated=number(tree, "status", "updatedReplicas", absent=0),
        ready=number(tree, "status", "readyReplicas", absent=0),
        available=number(tree, "status", "availableReplicas", absent=0),
        paused=at(tree, "spec", "paused") is True,
        strategy=str(kind or "RollingUpdate"),
        surge=str(rolling.get("maxSurge", "0")) if isinstance(rolling, dict) else "0",
        unavailable=str(rolling.get("maxUnavailable", "1")) if isinstance(rolling, dict) else "1",
        deadline_exceeded=_deadline_exceeded(tree),
        owners=tuple(sorted(set(_owners(tree, scalers)))),
        revisions=tuple(sorted((_revision(one) for one in mine), key=lambda r: r.name)),
        pods=tuple(
            sorted(
                (
                    pod_of(p, in_order=bool(update))
                    for p in pods
                    if any(_owned_by(p, o) for o in owners)
                ),
                key=lambda p: p.name,
            )
        ),
        update_revision=str(update) if update else UNSET,
        partition=number(tree, *_PARTITION, absent=0) if update else UNSET,
        node_class=_node_class(template),
        mounts=_mounts(template),
    )


def _node_class(template: Tree) -> tuple[str, ...]:
    labels = at(template, "spec", "nodeSelector") or {}
    if not isinstance(labels, dict):
        raise TextError("a nodeSelector of another form")
    return tuple(sorted(f"{name}={value}" for name, value in labels.items()))


def _mounts(template: Tree) -> tuple[str, ...]:
    """The claims and secrets among its volumes; those that a StatefulSet makes for each of its pods
    are of one pod alone, and not among them."""
    found: set[str] = set()
    for volume in trees(template, "spec", "volumes"):
        whole = [volume, *trees(volume, "projected", "sources")]
        claim = at(volume, "persistentVolumeClaim", "claimName")
        secrets = [at(one, "secret", key) for one in whole for key in ("secretName", "name")]
        found.update([f"claim/{one_line(str(claim))[:SHORT]}"] if claim else ())
        found.update(f"secret/{one_line(str(one))[:SHORT]}" for one in secrets if one)
    return tuple(sorted(found))


def _owned_by(tree: Tree, uid: str) -> bool:
    refs = trees(tree, "metadata", "ownerReferences")
    return any(ref.get("uid") == uid and ref.get("controller") is True for ref in refs)


def _deadline_exceeded(tree: Tree) -> bool:
    """Whether the condition says so. It is of the generation that was observed: whoever decides
    has to look at that first."""
    return any(
        one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded"
        for one in trees(tree, "status", "conditions")
    )


def _owners(tree: Tree, scalers: list[Tree]) -> Iterator[str]:
    """Whoever else makes the object their own: owner references, marks of GitOps controllers,
    field managers that are no people, and whatever scales it."""
    for ref in trees(tree, "metadata", "ownerReferences"):
        yield f"{ref.get('kind')} {ref.get('name')} (owner reference)"
    yield from gitops_marks(tree)
    for entry in trees(tree, "metadata", "managedFields"):
        name = str(entry.get("manager", ""))
        if not _NO_OWNERS.fullmatch(name) and entry.get("subresource") in (None, ""):
            yield one_line(f"field manager {name}")[:SHORT]
    kind, name = at(tree, "kind"), at(tree, "metadata", "name")
    for scaler in scalers:
        ref = at(scaler, "spec", "scaleTargetRef")
        if (at(ref, "kind"), at(ref, "name")) == (kind, name):
            marks = at(scaler, "metadata", "labels") or {}
            word = "KEDA" if "scaledobject.keda.sh/name" in marks else "HorizontalPodAutoscaler"
            yield f"{word} {at(scaler, 'metadata', 'name')}"


def gitops_marks(tree: Tree) -> Iterator[str]:
    """Labels and annotations of a controller that keeps the object as it stands somewhere else."""
    for place in ("labels", "annotations"):
        for key, value in sorted((at(tree, "metadata", place) or {}).items()):
            if _OWNER_KEYS.fullmatch(str(key)):
                yield one_line(f"{key}={value}")[:SHORT]


def _revision(tree: Tree) -> Revision:
    template = at(tree, "spec", "template")
    if not isinstance(template, dict):
        raise TextError("a ReplicaSet without a template")
    whole, rest = templates_of(template)
    return Revision(
        name=text(tree, "metadata", "name"),
        uid=text(tree, "metadata", "uid"),
        hash=text(tree, "metadata", "labels", HASH_LABEL),
        images=images_of(template),
        template=whole,
        rest=rest,
        desired=number(tree, "spec", "replicas", absent=1),
        ready=number(tree, "status", "readyReplicas", absent=0),
    )
