"""What the API server makes of a patch, as a difference of two answers. Pure.

A plan is made from an observation alone, so the preview is a part of the observation
(docs/adr/0014-kubernetes.md): the look tries each patch that a playbook may propose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from remediations.render.printable import one_line
from remediations.systems.kubernetes.inventory import WorkloadEntry
from remediations.systems.kubernetes.steps import IMAGE, RESTART, SCALE
from remediations.systems.kubernetes.values import Image, WorkloadState

Tree = dict[str, Any]
MOST_IMAGES = 5
MOST_LINES = 40
_MOVES = ("managedFields", "resourceVersion", "generation")
"""Of the metadata: what every write changes, or what others change while nothing happens."""


def step_data(
    cluster: str, namespace: str, entry: WorkloadEntry, state: WorkloadState
) -> dict[str, str | int]:
    """What all deploys need of a workload."""
    return {
        "cluster": cluster,
        "namespace": namespace,
        "kind": entry.kind.value,
        "name": entry.name,
        "uid": state.uid,
        "generation": state.generation,
    }


def version_image(entry: WorkloadEntry, images: tuple[Image, ...]) -> Image | None:
    """The image that is the version: of the container that the inventory names, or the only one."""
    if entry.container is None:
        return images[0] if len(images) == 1 else None
    return next((one for one in images if one.container == entry.container), None)


def candidate_images(entry: WorkloadEntry, state: WorkloadState) -> tuple[str, ...]:
    """The images that a playbook may go back to: those of the workload's own ReplicaSets that
    differ in the image alone, pinned by digest, and the one that the inventory calls good."""
    now = version_image(entry, state.images)
    if now is None:
        return ()
    found = [
        one.image
        for revision in state.revisions
        if revision.rest == state.rest and (one := version_image(entry, revision.images))
    ]
    if entry.good is not None:
        found.append(f"{repository(now.image)}@{entry.good}")
    pinned = sorted({image for image in found if "@" in image and image != now.image})
    return tuple(pinned[:MOST_IMAGES])


def repository(image: str) -> str:
    """The image's name without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def tried(
    entry: WorkloadEntry, state: WorkloadState, base: dict[str, str | int]
) -> Iterator[tuple[str, str, dict[str, str | int]]]:
    """Each patch that a playbook may propose: its deploy, the image or the number of replicas
    that it sets, its data."""
    yield RESTART, "", base
    now = version_image(entry, state.images)
    for image in candidate_images(entry, state):
        assert now is not None, "there are no candidates without one"
        more = {"container": now.container, "from_image": now.image, "to_image": image}
        yield IMAGE, image, {**base, **more}
    for number in () if entry.scale is None else entry.scale.choices(state.desired):
        yield (
            SCALE,
            str(number),
            {
                **base,
                "from_replicas": state.desired,
                "to_replicas": number,
            },
        )


def differences(before: Tree, after: Tree) -> str:
    """One line for each field that differs, "; " between them; status and what moves by itself are
    left out, so that the same patch has the same preview a minute later."""
    lines = sorted(_differ("", _comparable(before), _comparable(after)))
    more = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])]
    return "; ".join(line.replace("; ", ", ") for line in shown)


def _comparable(tree: Tree) -> Tree:
    meta = {k: v for k, v in (tree.get("metadata") or {}).items() if k not in _MOVES}
    return {**{k: v for k, v in tree.items() if k != "status"}, "metadata": meta}


def _differ(path: str, one: object, other: object) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _differ(f"{path}.{key}" if path else key, one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from _differ(f"{path}[{_name(left) or index}]", left, right)
    elif one != other:
        yield f"{path}: {_word(one)} → {_word(other)}"


def _name(entry: object) -> str:
    return str(entry.get("name", "")) if isinstance(entry, dict) else ""


def _word(value: object) -> str:
    return "nothing" if value is None else one_line(str(value))[:200]
