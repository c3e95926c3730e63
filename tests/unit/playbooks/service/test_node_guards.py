"""Each guard of a drain where it passes, where it blocks, and where it is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from remediations.engine.plan.plan import GuardResult, Outcome
from remediations.playbooks.service import node_guards, pod_guards
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.inventory import WorkloadRole
from remediations.systems.kubernetes.parse_nodes import CORDONED
from tests.unit.kubernetes.fake_api import FakeApi, Tree
from tests.unit.kubernetes.fake_nodes import budget, node, on_node, two_nodes
from tests.unit.playbooks.service.namespaces import Change, denied, nothing, situation_of

PASS, BLOCK, UNKNOWN = Outcome.PASS, Outcome.BLOCK, Outcome.UNKNOWN
NODE, POD = "node/n1", "pod/scoring/p1"
UNREAD = denied("list pods of all namespaces")
OURS = [{"manager": "remediate", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]
Judge = Callable[[ServiceSituation, str], GuardResult]


def budgets(*those: Tree) -> Change:
    """Other disruption budgets."""
    return lambda api: api.lists.update(poddisruptionbudgets=list(those))


def first(tree: Tree) -> Change:
    """Another pod on the node, instead of the scorer's."""
    return lambda api: api.lists["pods"].__setitem__(0, tree)


def pod_spec(**fields: object) -> Change:
    """A change of the pod's spec."""
    return lambda api: api.lists["pods"][0]["spec"].update(fields)


def pod_meta(**fields: object) -> Change:
    """A change of the pod's metadata."""
    return lambda api: api.lists["pods"][0]["metadata"].update(fields)


def node_is(tree: Tree) -> Change:
    """Another form of the node; its object, too."""

    def change(api: FakeApi) -> None:
        api.lists["nodes"][0] = api.objects["/api/v1/nodes/n1"] = tree

    return change


def cordoned(**meta: object) -> Tree:
    """The node, cordoned."""
    tree = node("n1", unschedulable=True)
    tree["metadata"].update(meta)
    return tree


NEVER = budget(desiredHealthy=2, disruptionsAllowed=0)
BROKEN = budget(expectedPods=2, currentHealthy=0, disruptionsAllowed=0)
LENIENT = budget(policy="AlwaysAllow", currentHealthy=0, disruptionsAllowed=0)
ROOM_TAKEN = budget(currentHealthy=1, disruptionsAllowed=0)
CRASHES = on_node("p1", reason="CrashLoopBackOff")
MOVED_AWAY = on_node("p2", "n2", reason="CrashLoopBackOff")


def _both_broken(api: FakeApi) -> None:
    api.lists["pods"] = [CRASHES, MOVED_AWAY]
    api.lists["poddisruptionbudgets"] = [BROKEN]


def _lenient(api: FakeApi) -> None:
    _both_broken(api)
    api.lists["poddisruptionbudgets"] = [LENIENT]


def _other_broken(api: FakeApi) -> None:
    api.lists["pods"][1] = MOVED_AWAY
    api.lists["poddisruptionbudgets"] = [ROOM_TAKEN]


def _other_starts(api: FakeApi) -> None:
    api.lists["pods"][1] = on_node("p2", "n2", reason="ContainerCreating")
    api.lists["poddisruptionbudgets"] = [ROOM_TAKEN]


def _broken_here_goes_first(api: FakeApi) -> None:
    api.lists["pods"].append(CRASHES)
    api.lists["pods"][0] = on_node("p0")
    api.lists["poddisruptionbudgets"] = [
        budget(expectedPods=3, currentHealthy=2, desiredHealthy=2, disruptionsAllowed=0)
    ]


def _ending_long(api: FakeApi) -> None:
    pod_meta(deletionTimestamp="2026-11-28T00:00:00Z")(api)


VALIDATOR = {"role": WorkloadRole.VALIDATOR}
OTHERS = {"others": ("kube-system",)}
DNS = on_node("dns", namespace="kube-system", owner=("ReplicaSet", "uid-of-dns"))
NO_PDB = denied("list poddisruptionbudgets of all namespaces")
CASES: list[tuple[str, Judge, str, Change, Mapping[str, Any], Outcome]] = [
    ("K10", node_guards.node_answers, NODE, nothing, {}, PASS),
    ("K10", node_guards.node_answers, NODE, node_is(node("n1", ready="False")), {}, PASS),
    ("K10", node_guards.node_answers, NODE, node_is(node("n1", ready="Unknown")), {}, BLOCK),
    ("K10", node_guards.node_answers, NODE, UNREAD, {}, UNKNOWN),
    ("K11", node_guards.nobody_owns_the_node, NODE, nothing, {}, PASS),
    (
        "K11",
        node_guards.nobody_owns_the_node,
        NODE,
        node_is(cordoned(ownerReferences=[{"kind": "NodeClaim", "name": "a"}])),
        {},
        BLOCK,
    ),
    ("K11", node_guards.nobody_owns_the_node, NODE, UNREAD, {}, UNKNOWN),
    ("K12", node_guards.nobody_has_cordoned, NODE, nothing, {}, PASS),
    ("K12", node_guards.nobody_has_cordoned, NODE, node_is(cordoned()), {}, BLOCK),
    ("K12", node_guards.nobody_has_cordoned, NODE, UNREAD, {}, UNKNOWN),
    ("K7", node_guards.cordon_is_previewed, NODE, nothing, {}, PASS),
    ("K7", node_guards.cordon_is_previewed, NODE, denied("patch nodes/n1"), {}, UNKNOWN),
    ("K19", node_guards.drain_rights, NODE, nothing, {}, PASS),
    ("K19", node_guards.drain_rights, NODE, denied("create pods"), {}, BLOCK),
    ("K19", node_guards.drain_rights, NODE, denied("get namespaces/kube-system"), {}, UNKNOWN),
    ("K13", pod_guards.no_deadlock, NODE, nothing, {}, PASS),
    ("K13", pod_guards.no_deadlock, NODE, budgets(), {}, PASS),
    ("K13", pod_guards.no_deadlock, NODE, budgets(NEVER), {}, BLOCK),
    ("K13", pod_guards.no_deadlock, NODE, budgets(budget(), budget("other")), {}, BLOCK),
    ("K13", pod_guards.no_deadlock, NODE, _both_broken, {}, BLOCK),
    ("K13", pod_guards.no_deadlock, NODE, _lenient, {}, PASS),
    ("K13", pod_guards.no_deadlock, NODE, _other_broken, {}, BLOCK),
    ("K13", pod_guards.no_deadlock, NODE, _other_starts, {}, PASS),
    ("K13", pod_guards.no_deadlock, NODE, _broken_here_goes_first, {}, PASS),
    ("K13", pod_guards.no_deadlock, NODE, budgets(budget(observedGeneration=0)), {}, UNKNOWN),
    ("K13", pod_guards.no_deadlock, NODE, budgets(budget(expectedPods=0)), {}, UNKNOWN),
    ("K13", pod_guards.no_deadlock, NODE, NO_PDB, {}, UNKNOWN),
    ("K13", pod_guards.pod_may_go, POD, nothing, {}, PASS),
    ("K13", pod_guards.pod_may_go, POD, budgets(NEVER), {}, BLOCK),
    ("K13", pod_guards.pod_may_go, POD, UNREAD, {}, UNKNOWN),
    ("K14", pod_guards.place_elsewhere, NODE, nothing, {}, PASS),
    ("K14", pod_guards.place_elsewhere, NODE, pod_spec(nodeSelector={"a": "b"}), {}, BLOCK),
    ("K14", pod_guards.place_elsewhere, NODE, UNREAD, {}, UNKNOWN),
    ("K15", pod_guards.made_again, NODE, nothing, {}, PASS),
    ("K15", pod_guards.made_again, NODE, first(on_node("b", owner=("", ""))), {}, BLOCK),
    ("K15", pod_guards.made_again, NODE, first(on_node("j", owner=("Job", "uid-j"))), {}, BLOCK),
    ("K15", pod_guards.made_again, NODE, UNREAD, {}, UNKNOWN),
    ("K16", pod_guards.nothing_left_behind, NODE, nothing, {}, PASS),
    (
        "K16",
        pod_guards.nothing_left_behind,
        NODE,
        pod_spec(volumes=[{"name": "db", "emptyDir": {}}]),
        {},
        BLOCK,
    ),
    ("K16", pod_guards.nothing_left_behind, NODE, UNREAD, {}, UNKNOWN),
    ("K17", pod_guards.no_key_moves, NODE, nothing, {}, PASS),
    ("K17", pod_guards.no_key_moves, NODE, nothing, VALIDATOR, BLOCK),
    ("K17", pod_guards.no_key_moves, NODE, first(DNS), {}, BLOCK),
    ("K17", pod_guards.no_key_moves, NODE, first(DNS), OTHERS, PASS),
    ("K17", pod_guards.no_key_moves, NODE, UNREAD, {}, UNKNOWN),
    ("K17", pod_guards.key_stays, POD, nothing, {}, PASS),
    ("K17", pod_guards.key_stays, POD, nothing, VALIDATOR, BLOCK),
    ("K17", pod_guards.key_stays, POD, UNREAD, {}, UNKNOWN),
    ("K18", pod_guards.no_lease, NODE, nothing, {}, PASS),
    ("K18", pod_guards.no_lease, NODE, pod_meta(labels={"akash.network": "true"}), {}, BLOCK),
    ("K18", pod_guards.no_lease, NODE, UNREAD, {}, UNKNOWN),
    ("K20", pod_guards.pods_end, NODE, nothing, {}, PASS),
    ("K20", pod_guards.pods_end, NODE, pod_spec(terminationGracePeriodSeconds=0), {}, BLOCK),
    ("K20", pod_guards.pods_end, NODE, pod_meta(finalizers=["a/b"]), {}, BLOCK),
    ("K20", pod_guards.pods_end, NODE, _ending_long, {}, BLOCK),
    ("K20", pod_guards.pods_end, NODE, pod_meta(deletionTimestamp="soon"), {}, UNKNOWN),
    ("K20", pod_guards.pods_end, NODE, UNREAD, {}, UNKNOWN),
    ("K8", pod_guards.floor_without_it, POD, nothing, {"floor": 1}, PASS),
    ("K8", pod_guards.floor_without_it, POD, nothing, {"floor": 2}, BLOCK),
    ("K8", pod_guards.floor_without_it, POD, _other_broken, {"floor": 1}, BLOCK),
    ("K8", pod_guards.floor_without_it, POD, _other_starts, {"floor": 1}, PASS),
    ("K8", pod_guards.floor_without_it, POD, first(CRASHES), {"floor": 2}, PASS),
    ("K8", pod_guards.floor_without_it, POD, UNREAD, {}, UNKNOWN),
    (
        "K22",
        node_guards.cordon_is_ours,
        NODE,
        node_is(cordoned(annotations={CORDONED: "a drain"}, managedFields=OURS)),
        {},
        PASS,
    ),
    ("K22", node_guards.cordon_is_ours, NODE, node_is(cordoned()), {}, BLOCK),
    ("K22", node_guards.cordon_is_ours, NODE, UNREAD, {}, UNKNOWN),
]


@pytest.mark.parametrize(("name", "guard", "target", "change", "told", "outcome"), CASES)
def test_a_guard(
    name: str,
    guard: Judge,
    target: str,
    change: Change,
    told: Mapping[str, Any],
    outcome: Outcome,
) -> None:
    """By its id, with what it got and what to do."""
    api = two_nodes()
    change(api)
    result = guard(situation_of(api, nodes=("n1",), **told), target)
    assert (result.id, result.outcome) == (name, outcome), result.got
    assert result.got
    assert result.next_step


def test_a_lost_node_is_refused_with_what_has_to_be_proven() -> None:
    """Which pods are ending on it, and that nothing is forced (K10)."""
    api = two_nodes()
    node_is(node("n1", ready="Unknown"))(api)
    pod_meta(deletionTimestamp="2026-11-28T00:00:00Z")(api)
    judged = node_guards.node_answers(situation_of(api, nodes=("n1",)), NODE)
    assert "p1" in judged.got
    assert "the machine is off" in judged.next_step
    assert "force" in judged.next_step


def test_a_deadlock_names_pod_and_budget() -> None:
    """And says not to delete the budget."""
    api = two_nodes()
    budgets(NEVER)(api)
    judged = pod_guards.no_deadlock(situation_of(api, nodes=("n1",)), NODE)
    said = "scoring/p1: disruption budget keep: it can never allow one: 2 of 2 must be healthy"
    assert judged.got == said
    assert "Do not delete it" in judged.next_step
