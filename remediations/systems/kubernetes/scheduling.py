"""Which other nodes could take a pod, as far as its requests, taints and node labels tell. Pure.

This is not the scheduler. It says for certain only that a node cannot take a pod; what it does not
look at (affinity, spread, volumes, host ports) is named by `unjudged`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from remediations.systems.kubernetes.tree import Tree, at, texts, trees
from remediations.values.lines import TextError

_SUFFIXES: Mapping[str, int] = MappingProxyType(
    {
        "n": -9,
        "u": -6,
        "m": -3,
        "": 0,
        "k": 3,
        "M": 6,
        "G": 9,
        "T": 12,
        "P": 15,
        "E": 18,
    }
)
_BINARY: Mapping[str, int] = MappingProxyType(
    {name: 1024**power for power, name in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
)
_LONGEST = 32
Amounts = Mapping[str, int]
"""Thousandths, by resource."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A node as far as placing goes. `free` is what is allocatable and not requested. `images` are
    the digests of images that are there, None where its list may be cut off."""

    name: str
    open: bool
    labels: Mapping[str, str]
    taints: tuple[Tree, ...]
    free: Amounts
    images: frozenset[str] | None


MOST_IMAGES = 50
"""A kubelet names so many images of its node, the largest (its `nodeStatusMaxImages`)."""


def thousandths(told: object) -> int:
    """A quantity of the API (`100m`, `1.5`, `64Mi`, `1e3`) in thousandths, rounded up.

    Raises:
        TextError: it is none.
    """
    text = str(told)[: _LONGEST + 1]
    number, factor = text, Decimal(1)
    if text[-2:] in _BINARY:
        number, factor = text[:-2], Decimal(_BINARY[text[-2:]])
    elif text[-1:] in _SUFFIXES and text[-1:].isalpha():
        number, factor = text[:-1], Decimal(10) ** _SUFFIXES[text[-1:]]
    try:
        value = Decimal(number) * factor * 1000
        if len(text) > _LONGEST or not value.is_finite() or not 0 <= value < 2**100:
            raise InvalidOperation
    except (InvalidOperation, ValueError) as error:
        raise TextError("a quantity in another form") from error
    return int(value.to_integral_value(ROUND_CEILING))


def amounts(tree: object) -> dict[str, int]:
    """A map of quantities.

    Raises:
        TextError: it is none.
    """
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise TextError("quantities in another form")
    return {str(name): thousandths(value) for name, value in tree.items()}


def requests_of(pod: Tree) -> dict[str, int]:
    """What a pod asks of a node: its containers together, or its largest init container.

    Raises:
        TextError: something has another form.
    """
    spec = at(pod, "spec")
    total: dict[str, int] = {}
    for container in trees(spec, "containers"):
        for name, value in amounts(at(container, "resources", "requests")).items():
            total[name] = total.get(name, 0) + value
    for container in trees(spec, "initContainers"):
        beside = at(container, "restartPolicy") == "Always"
        for name, value in amounts(at(container, "resources", "requests")).items():
            now = total.get(name, 0)
            total[name] = now + value if beside else max(now, value)
    for name, value in amounts(at(spec, "overhead")).items():
        total[name] = total.get(name, 0) + value
    return {**total, "pods": 1000}


def has_ended(pod: Tree) -> bool:
    """Whether it occupies nothing any more."""
    return at(pod, "status", "phase") in ("Succeeded", "Failed")


def rooms_of(nodes: list[Tree], pods: list[Tree]) -> tuple[Room, ...]:
    """Every node, with what is free on it.

    Raises:
        TextError: something has another form.
    """
    used: dict[str, dict[str, int]] = {}
    for pod in pods:
        if not has_ended(pod):
            taken = used.setdefault(str(at(pod, "spec", "nodeName") or ""), {})
            for name, value in requests_of(pod).items():
                taken[name] = taken.get(name, 0) + value
    return tuple(_room(node, used) for node in nodes)


def _room(node: Tree, used: Mapping[str, Amounts]) -> Room:
    name = str(at(node, "metadata", "name"))
    taken = used.get(name, {})
    ready = any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for one in trees(node, "status", "conditions")
    )
    return Room(
        name=name,
        open=ready and at(node, "spec", "unschedulable") is not True,
        labels=texts(node, "metadata", "labels"),
        taints=tuple(trees(node, "spec", "taints")),
        free={
            resource: value - taken.get(resource, 0)
            for resource, value in amounts(at(node, "status", "allocatable")).items()
        },
        images=_images(node),
    )


def _images(node: Tree) -> frozenset[str] | None:
    listed = trees(node, "status", "images")
    names = (str(name) for one in listed for name in at(one, "names") or ())
    digests = frozenset(name.partition("@")[2] for name in names if "@" in name)
    return digests if len(listed) < MOST_IMAGES else None


def fetched_images(pod: Tree, rooms: tuple[Room, ...], takers: Collection[str]) -> tuple[str, ...]:
    """Images that the pod runs and that none of the nodes has which can take it: whoever takes it
    fetches them. Those whose digest is not told are not among them."""
    on = [room.images for room in rooms if room.name in takers]
    if not on or None in on:
        return ()
    there = frozenset[str]().union(*(images for images in on if images))
    told = (str(at(one, "imageID") or "") for one in trees(pod, "status", "containerStatuses"))
    runs = sorted({image.rpartition("//")[2] for image in told if "@sha256:" in image})
    return tuple(image for image in runs if image.partition("@")[2] not in there)


def takers_of(pod: Tree, rooms: tuple[Room, ...]) -> tuple[str, ...]:
    """The other nodes that can take the pod."""
    asked, here = requests_of(pod), at(pod, "spec", "nodeName")
    return tuple(
        sorted(room.name for room in rooms if room.name != here and _takes(room, pod, asked))
    )


def _takes(room: Room, pod: Tree, asked: Amounts) -> bool:
    wanted = texts(pod, "spec", "nodeSelector")
    return (
        room.open
        and all(room.labels.get(key) == value for key, value in wanted.items())
        and all(_tolerated(taint, pod) for taint in room.taints)
        and all(room.free.get(name, 0) >= value for name, value in asked.items() if value)
    )


def _tolerated(taint: Tree, pod: Tree) -> bool:
    if taint.get("effect") == "PreferNoSchedule":
        return True
    return any(
        (one.get("key") in (None, "", taint.get("key")))
        and (one.get("effect") in (None, "", taint.get("effect")))
        and (one.get("operator") == "Exists" or (one.get("value") or "") == taint.get("value", ""))
        for one in trees(pod, "spec", "tolerations")
    )


def unjudged(pod: Tree) -> Iterator[str]:
    """What else may tie a pod to its node."""
    spec: Any = at(pod, "spec")
    for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity"):
        if at(spec, "affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution"):
            yield kind
    spread = trees(spec, "topologySpreadConstraints")
    if any(one.get("whenUnsatisfiable") != "ScheduleAnyway" for one in spread):
        yield "topologySpreadConstraints"
    for volume in trees(spec, "volumes"):
        if volume.get("persistentVolumeClaim"):
            yield f"the volume {volume.get('name')} (persistentVolumeClaim)"
    ports = (port for one in trees(spec, "containers") for port in trees(one, "ports"))
    if any(port.get("hostPort") for port in ports):
        yield "hostPort"
