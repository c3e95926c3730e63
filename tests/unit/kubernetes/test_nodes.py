"""What is read of nodes, also from an API server that does not do as it should."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from remediations.systems.kubernetes.api import KubernetesApi, Request
from remediations.systems.kubernetes.look import read_cluster
from remediations.systems.kubernetes.look_nodes import MOST_PAGES
from remediations.systems.kubernetes.node_values import NodePod, NodeState
from remediations.systems.kubernetes.parse_nodes import CORDONED
from remediations.systems.kubernetes.values import ClusterNodes, KubernetesReading, RightUse
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from tests.unit.kubernetes.fake_api import FakeApi, Tree
from tests.unit.kubernetes.fake_nodes import LONG_AGO, budget, on_node, two_nodes
from tests.unit.kubernetes.test_look import ENTRY

DRAINS = replace(ENTRY, nodes=("n1",), others=("kube-system",))


def read(api: FakeApi, entry: Any = DRAINS) -> KubernetesReading:  # noqa: ANN401 - an entry
    """One look; it is what can be written to a file and read back."""
    found = asyncio.run(read_cluster(cast(KubernetesApi, api), entry))
    assert Part.of(found).read(KubernetesReading) == found
    return found


def nodes_of(api: FakeApi) -> ClusterNodes:
    """What was read of nodes."""
    found = read(api).nodes
    assert isinstance(found, ClusterNodes)
    return found


def node_of(api: FakeApi) -> NodeState:
    """The one declared node."""
    (one,) = nodes_of(api).nodes
    assert isinstance(one.state, Known)
    return one.state.value


def pod_of(api: FakeApi) -> NodePod:
    """The only pod on it."""
    (one,) = node_of(api).pods
    return one


def change(api: FakeApi, **spec: object) -> FakeApi:
    """A change of what the first pod is."""
    api.lists["pods"][0]["spec"].update(spec)
    return api


def mark(api: FakeApi, **meta: object) -> FakeApi:
    """A change of the metadata of the first pod."""
    api.lists["pods"][0]["metadata"].update(meta)
    return api


def test_nothing_is_asked_where_no_node_is_declared() -> None:
    """No node, no right on nodes, no part of the reading."""
    api = two_nodes()
    api.denied.update({"list nodes", "list pods of all namespaces"})
    found = read(api, ENTRY)
    assert found.nodes is UNSET
    assert found.declared_nodes == ()
    assert {one.use for one in found.access} == {UNSET}


def test_a_node_and_what_is_on_it() -> None:
    """With its conditions, its pods, who can take them, and how many their controller has."""
    api = two_nodes()
    state = node_of(api)
    assert (state.ready, state.unschedulable, state.kubelet) == ("True", False, "v1.35.4")
    assert [(one.type, one.status) for one in state.conditions] == [
        ("MemoryPressure", "False"),
        ("Ready", "True"),
    ]
    pod = pod_of(api)
    assert (pod.target, pod.owner, pod.takers) == ("pod/scoring/p1", "ReplicaSet", ("n2",))
    owned = nodes_of(api).owned
    assert isinstance(owned, Known)
    (pods,) = owned.value
    assert (pods.alive, pods.alive_on("n1"), pods.ready_off("n1")) == (2, 1, 1)
    budgets = nodes_of(api).budgets
    assert isinstance(budgets, Known)
    assert [(one.namespace, one.pods, one.broken) for one in budgets.value] == [
        ("scoring", ("p1", "p2"), ())
    ]


def test_the_cordon_is_previewed_and_nothing_is_written() -> None:
    """The same text each time, although heartbeats move a node."""
    api = two_nodes()
    (first,) = [one for one in read(api).previews if one.deploy == "cordon"]
    api.objects["/api/v1/nodes/n1"]["status"]["conditions"][0]["lastHeartbeatTime"] = LONG_AGO
    (again,) = [one for one in read(api).previews if one.deploy == "cordon"]
    assert isinstance(first.shown, Known)
    assert isinstance(again.shown, Known)
    assert first.shown.value == again.shown.value
    assert CORDONED in first.shown.value
    assert api.writes == 0


def test_the_rights_of_a_drain_are_asked_for_alone() -> None:
    """Each by what it is for."""
    told = [f"{o.verb} {o.resource}" for o in read(two_nodes()).access if o.use is RightUse.NODES]
    assert told == [
        "list nodes",
        "get nodes",
        "patch nodes",
        "list pods of all namespaces",
        "get pods of all namespaces",
        "patch pods of all namespaces",
        "create pods/eviction of all namespaces",
        "list poddisruptionbudgets of all namespaces",
    ]


@pytest.mark.parametrize(
    ("denied", "unknown"),
    [
        ("list nodes", {"node", "owned"}),
        ("list pods of all namespaces", {"node", "owned", "budgets"}),
        ("list poddisruptionbudgets of all namespaces", {"budgets"}),
    ],
)
def test_a_right_that_is_missing_makes_unknown(denied: str, unknown: set[str]) -> None:
    """What needs it, with verb and resource; the rest is read."""
    api = two_nodes()
    api.denied.add(denied)
    found = nodes_of(api)
    told = {"node": found.nodes[0].state, "owned": found.owned, "budgets": found.budgets}
    assert {name for name, one in told.items() if isinstance(one, Unknown)} == unknown
    for name in unknown:
        reading = told[name]
        assert isinstance(reading, Unknown)
        assert denied in reading.reason


def test_a_node_that_does_not_exist_is_named() -> None:
    """The inventory has to be corrected."""
    api = two_nodes()
    api.lists["nodes"] = api.lists["nodes"][1:]
    (one,) = nodes_of(api).nodes
    assert isinstance(one.state, Unknown)
    assert (one.state.why, "no node n1" in one.state.reason) == (Why.ABSENT, True)


def test_a_cluster_that_is_too_large_is_unknown() -> None:
    """Pages are followed, and not for ever."""

    class Endless(FakeApi):
        asked = 0

        def ask(self, request: Request, limit_s: float = 10.0) -> Tree:
            answer = super().ask(request, limit_s)
            if request.path == "/api/v1/pods":
                self.asked += 1
                answer["metadata"] = {"continue": "more"}
            return answer

    api = Endless()
    api.lists.update(two_nodes().lists)
    (one,) = nodes_of(api).nodes
    assert isinstance(one.state, Unknown)
    assert (one.state.why, api.asked) == (Why.TOO_LARGE, MOST_PAGES)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda api: api.lists["pods"][0]["metadata"].pop("uid"),
        lambda api: api.lists["pods"][0]["metadata"].pop("namespace"),
        lambda api: api.lists["pods"][0]["spec"].update(containers="none"),
        lambda api: api.lists["nodes"][0]["metadata"].pop("uid"),
        lambda api: api.lists["nodes"][0]["status"].update(allocatable={"cpu": "many"}),
        lambda api: api.lists["nodes"][0]["status"].update(conditions=[{"type": "Ready"}]),
    ],
)
def test_another_form_is_unknown(break_it: Any) -> None:  # noqa: ANN401 - a function
    """Nothing has a default that decides."""
    api = two_nodes()
    break_it(api)
    (one,) = nodes_of(api).nodes
    assert isinstance(one.state, Unknown)
    assert one.state.why is Why.MALFORMED


@pytest.mark.parametrize(
    ("meta", "spec", "local"),
    [
        ({}, {}, ()),
        ({}, {"volumes": [{"name": "data", "emptyDir": {}}]}, ("data (emptyDir)",)),
        ({}, {"volumes": [{"name": "logs", "hostPath": {"path": "/x"}}]}, ("logs (hostPath)",)),
        ({}, {"volumes": [{"name": "token", "projected": {}}]}, ()),
        (
            {"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": "tmp,data"},
            {"volumes": [{"name": "data", "emptyDir": {}}, {"name": "db", "emptyDir": {}}]},
            ("db (emptyDir)",),
        ),
        (
            {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
            {"volumes": [{"name": "data", "emptyDir": {}}]},
            (),
        ),
    ],
)
def test_local_storage(meta: Tree, spec: Tree, local: tuple[str, ...]) -> None:
    """But for what the pod declares safe to lose."""
    assert pod_of(change(mark(two_nodes(), annotations=meta), **spec)).local == local


def test_what_a_drain_leaves() -> None:
    """Pods of the node itself, of a DaemonSet, and those that have ended."""
    api = two_nodes()
    api.lists["pods"] = [
        on_node("mirror", owner=("Node", "uid-of-n1")),
        on_node("agent", owner=("DaemonSet", "uid-of-agent")),
        on_node("job", owner=("Job", "uid-of-job")),
        on_node("bare", owner=("", "")),
    ]
    api.lists["pods"][2]["status"]["phase"] = "Succeeded"
    assert [pod.name for pod in node_of(api).to_move] == ["bare"]


@pytest.mark.parametrize(
    ("label", "lease"),
    [("akash.network", True), ("akash.network/lease.id.owner", True), ("team", False)],
)
def test_a_lease_is_known_by_its_labels(label: str, lease: bool) -> None:
    """Those that a provider sets."""
    assert pod_of(mark(two_nodes(), labels={"app": "scorer", label: "x"})).lease is lease


@pytest.mark.parametrize(
    ("reason", "since", "stuck"),
    [
        ("", LONG_AGO, False),
        ("CrashLoopBackOff", "2999-01-01T00:00:00Z", True),
        ("ContainerCreating", "2999-01-01T00:00:00Z", False),
        ("ContainerCreating", LONG_AGO, True),
    ],
)
def test_a_pod_that_starts_is_not_stuck(reason: str, since: str, stuck: bool) -> None:
    """By its words, or because it is not ready for long."""
    api = two_nodes()
    api.lists["pods"][0] = on_node("p1", reason=reason)
    api.lists["pods"][0]["status"]["conditions"][0]["lastTransitionTime"] = since
    assert pod_of(api).stuck is stuck


OURS = [{"manager": "remediate", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]
THEIRS = [{"manager": "kubectl-cordon", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]


@pytest.mark.parametrize(
    ("notes", "managed", "spec", "ours"),
    [
        ({CORDONED: "a drain"}, OURS, {"unschedulable": True}, True),
        ({CORDONED: "a drain"}, THEIRS, {"unschedulable": True}, False),
        ({}, OURS, {"unschedulable": True}, False),
        ({CORDONED: "a drain"}, OURS, {}, False),
    ],
    ids=["ours", "cordoned again by hand", "no mark", "not cordoned"],
)
def test_whose_cordon_it_is(notes: Tree, managed: list[Tree], spec: Tree, ours: bool) -> None:
    """The mark alone may be left over."""
    api = two_nodes()
    api.lists["nodes"][0]["metadata"].update(annotations=notes, managedFields=managed)
    api.lists["nodes"][0]["spec"].update(spec)
    assert node_of(api).ours is ours


@pytest.mark.parametrize(
    ("meta", "taints", "told"),
    [
        ({}, [], ()),
        (
            {"ownerReferences": [{"kind": "NodeClaim", "name": "a"}]},
            [],
            ("NodeClaim a (owner reference)",),
        ),
        (
            {},
            [{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}],
            ("an autoscaler that removes it (taint ToBeDeletedByClusterAutoscaler)",),
        ),
        ({"managedFields": THEIRS}, [], ()),
        (
            {"managedFields": [{**THEIRS[0], "manager": "kured"}]},
            [],
            ("field manager kured (unschedulable)",),
        ),
    ],
)
def test_who_else_decides_about_a_node(meta: Tree, taints: list[Tree], told: Any) -> None:  # noqa: ANN401
    """By owner references, taints, and who sets the field; a person at a shell owns nothing."""
    api = two_nodes()
    api.lists["nodes"][0]["metadata"].update(meta)
    api.lists["nodes"][0]["spec"]["taints"] = taints
    assert node_of(api).owners == told


def test_a_budget_without_a_selector_covers_nothing() -> None:
    """An empty one covers all."""
    api = two_nodes()
    api.lists["poddisruptionbudgets"] = [budget("none"), budget("all")]
    api.lists["poddisruptionbudgets"][0]["spec"].pop("selector")
    api.lists["poddisruptionbudgets"][1]["spec"]["selector"] = {}
    budgets = nodes_of(api).budgets
    assert isinstance(budgets, Known)
    assert {one.name: one.pods for one in budgets.value} == {"none": (), "all": ("p1", "p2")}
