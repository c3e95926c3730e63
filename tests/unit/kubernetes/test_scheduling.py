"""Which nodes can take a pod, as far as requests, taints and labels tell."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.systems.kubernetes.scheduling import (
    MOST_IMAGES,
    fetched_images,
    requests_of,
    rooms_of,
    takers_of,
    thousandths,
    unjudged,
)
from remediations.values.lines import TextError
from tests.unit.kubernetes.fake_api import Tree
from tests.unit.kubernetes.fake_nodes import node, on_node

TAINT = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1000),
        ("100m", 100),
        ("0.5", 500),
        ("1e3", 1_000_000),
        ("64Mi", 64 * 1024**2 * 1000),
        ("2k", 2_000_000),
        ("1n", 1),
    ],
)
def test_a_quantity(text: str, value: int) -> None:
    """In thousandths, rounded up."""
    assert thousandths(text) == value


@pytest.mark.parametrize("text", ["", "x", "1Q", "-1", "NaN", "Infinity", "1" * 33, "1e99"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """Also where it would be a number without end."""
    with pytest.raises(TextError):
        thousandths(text)


def test_a_pod_asks_for_its_containers_or_its_largest_init_container() -> None:
    """One that stays beside them adds up."""
    asks: Tree = {"resources": {"requests": {"cpu": "1"}}}
    pod = on_node("p", initContainers=[asks, {**asks, "restartPolicy": "Always"}])
    assert requests_of(pod) == {"cpu": 2000, "pods": 1000}


@pytest.mark.parametrize(
    ("other", "spec", "takes"),
    [
        (node("n2"), {}, True),
        (node("n2", unschedulable=True), {}, False),
        (node("n2", ready="Unknown"), {}, False),
        (node("n2", taints=(TAINT,)), {}, False),
        (node("n2", taints=(TAINT,)), {"tolerations": [{"operator": "Exists"}]}, True),
        (node("n2", taints=(TAINT,)), {"tolerations": [{"key": "gpu", "value": "yes"}]}, True),
        (node("n2", taints=(TAINT,)), {"tolerations": [{"key": "gpu", "value": "no"}]}, False),
        (node("n2", taints=({**TAINT, "effect": "PreferNoSchedule"},)), {}, True),
        (node("n2"), {"nodeSelector": {"kubernetes.io/hostname": "n1"}}, False),
        (node("n2"), {"nodeSelector": {"kubernetes.io/hostname": "n2"}}, True),
        (node("n2"), {"overhead": {"cpu": "3.6"}}, False),
        (node("n2"), {"overhead": {"example.com/gpu": "1"}}, False),
    ],
)
def test_what_can_take_it(other: Tree, spec: dict[str, Any], takes: bool) -> None:
    """Ready, schedulable, tolerated, selected, and with room for what is requested."""
    pod = on_node("p", **spec)
    rooms = rooms_of([node("n1"), other], [pod])
    assert takers_of(pod, rooms) == (("n2",) if takes else ())


def test_what_ended_takes_no_room() -> None:
    """Ten finished pods leave the node empty; ten that run fill it."""
    pod, others = on_node("p"), [on_node(f"o{n}", "n2", containers=[]) for n in range(10)]
    assert takers_of(pod, rooms_of([node("n2")], others)) == ()
    for one in others:
        one["status"]["phase"] = "Succeeded"
    assert takers_of(pod, rooms_of([node("n2")], others)) == ("n2",)


def test_what_was_not_looked_at_is_named() -> None:
    """Affinity, spread, volumes, ports of the host."""
    required: Tree = {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}
    pod = on_node(
        "p",
        affinity={"podAntiAffinity": required},
        topologySpreadConstraints=[{"whenUnsatisfiable": "DoNotSchedule"}],
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}],
        containers=[{"ports": [{"hostPort": 80}]}],
    )
    assert list(unjudged(pod)) == [
        "podAntiAffinity",
        "topologySpreadConstraints",
        "the volume data (persistentVolumeClaim)",
        "hostPort",
    ]


IMAGE = f"registry.example/app@sha256:{'a' * 64}"


def with_images(name: str, *names: str) -> Tree:
    """A node that lists these images, one name each."""
    made = node(name)
    made["status"]["images"] = [{"names": [one]} for one in names]
    return made


@pytest.mark.parametrize(
    ("nodes", "image", "fetched"),
    [
        ((with_images("n2"),), IMAGE, (IMAGE,)),
        ((with_images("n2", f"mirror/app@{IMAGE.partition('@')[2]}"),), IMAGE, ()),
        ((with_images("n2"), with_images("n3", IMAGE)), IMAGE, ()),
        ((with_images("n2", *["x:1"] * MOST_IMAGES),), IMAGE, ()),
        ((with_images("n2"),), f"docker-pullable://{IMAGE}", (IMAGE,)),
        ((with_images("n2"),), f"sha256:{'b' * 64}", ()),
        ((), IMAGE, ()),
    ],
    ids=["nowhere", "by digest", "on one", "cut off", "docker", "no digest", "no taker"],
)
def test_who_takes_a_pod_may_have_to_fetch_its_image(
    nodes: tuple[Tree, ...], image: str, fetched: tuple[str, ...]
) -> None:
    """Where no node that can take it lists its digest; a list that may be cut off is no proof."""
    pod = on_node("p")
    pod["status"]["containerStatuses"] = [{"imageID": image}]
    rooms = rooms_of([node("n1"), *nodes], [pod])
    assert fetched_images(pod, rooms, [one["metadata"]["name"] for one in nodes]) == fetched
