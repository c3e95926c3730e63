"""When a drain fits, what it proposes, and when its gates open."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.apply.look import GateVerdict
from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Gate
from remediations.playbooks.service.actions import service_facts
from remediations.playbooks.service.drain_node import DRAIN_NODE
from remediations.playbooks.service.finding import conclude
from remediations.playbooks.service.gates import ServiceBefore, baseline, look_at
from remediations.playbooks.service.high_error_rate import PLAYBOOK
from remediations.playbooks.service.node_actions import CORDON_NODE, EVICT_POD
from remediations.playbooks.service.nodes import NodeVerdict
from remediations.playbooks.service.situation import ServiceSituation
from remediations.systems.kubernetes.removal_steps import Removal
from remediations.systems.kubernetes.steps import Write, compile_writes
from tests.unit.kubernetes.fake_api import FakeApi, Tree
from tests.unit.kubernetes.fake_nodes import node, on_node, two_nodes
from tests.unit.playbooks.service.namespaces import Change, denied, nothing, situation_of
from tests.unit.playbooks.service.test_node_guards import cordoned, node_is

SHORT = node("n1")
SHORT["status"]["conditions"][0].update(status="True", reason="KubeletHasInsufficientMemory")
CRASHES = on_node("p1", reason="CrashLoopBackOff")


def _fails_here(api: FakeApi) -> None:
    api.lists["pods"][0] = CRASHES


def _fails_everywhere(api: FakeApi) -> None:
    api.lists["pods"] = [CRASHES, on_node("p2", "n2", reason="CrashLoopBackOff")]


def _one_works_here(api: FakeApi) -> None:
    api.lists["pods"] = [CRASHES, on_node("p0"), on_node("p2", "n2")]


def _drained(api: FakeApi) -> None:
    node_is(cordoned())(api)
    api.lists["pods"] = api.lists["pods"][1:]


@pytest.mark.parametrize(
    ("change", "verdict", "health", "fits"),
    [
        (nothing, NodeVerdict.WELL, Health.WELL, False),
        (node_is(node("n1", ready="False")), NodeVerdict.NOT_READY, Health.DEGRADED, True),
        (node_is(node("n1", ready="Unknown")), NodeVerdict.LOST, Health.DEGRADED, False),
        (node_is(SHORT), NodeVerdict.SHORT, Health.DEGRADED, True),
        (_fails_here, NodeVerdict.PODS_FAIL, Health.DEGRADED, True),
        (_fails_everywhere, NodeVerdict.WELL, Health.WELL, False),
        (_one_works_here, NodeVerdict.WELL, Health.WELL, False),
        (node_is(cordoned()), NodeVerdict.CORDONED, Health.WELL, False),
        (_drained, NodeVerdict.CORDONED, Health.WELL, False),
        (denied("list nodes"), NodeVerdict.UNREAD, Health.UNKNOWN, False),
    ],
)
def test_which_node_is_sick(
    change: Change, verdict: NodeVerdict, health: Health, fits: bool
) -> None:
    """By its own conditions, or because a template fails on it alone; diagnosed and shown."""
    api = two_nodes()
    change(api)
    service = situation_of(api, nodes=("n1",))
    subject = conclude(service).subjects[-1]
    assert (subject.name, subject.condition, subject.health) == ("node/n1", verdict, health)
    reason = DRAIN_NODE.fits(service)
    assert (reason is None) is fits, reason


@pytest.mark.parametrize(
    ("change", "told", "said"),
    [
        (nothing, {"nodes": ()}, "declares no node"),
        (nothing, {"nodes": ("n1",), "node": "n2"}, "does not declare the node n2"),
        (nothing, {"nodes": ("n1",)}, "n1 is node-well"),
        (_drained, {"nodes": ("n1",), "node": "n1"}, "nothing is on it"),
        (nothing, {"nodes": ("n1",), "node": "n1"}, None),
        (denied("list nodes"), {"nodes": ("n1",), "node": "n1"}, None),
    ],
)
def test_a_node_that_people_choose(change: Change, told: dict[str, Any], said: str | None) -> None:
    """Has to be declared; whether it may be drained, the guards say."""
    api = two_nodes()
    change(api)
    reason = DRAIN_NODE.fits(situation_of(api, **told))
    assert (reason is None) if said is None else (reason is not None and said in reason)


def test_of_several_sick_nodes_people_choose_one() -> None:
    """Two drained at once would take the pods from each other."""
    api = two_nodes()
    api.lists["nodes"] = [node("n1", ready="False"), node("n2", ready="False")]
    reason = DRAIN_NODE.fits(situation_of(api, nodes=("n1", "n2")))
    assert reason is not None
    assert "--node" in reason
    assert DRAIN_NODE.fits(situation_of(api, nodes=("n1", "n2"), node="n2")) is None


def test_a_node_with_too_many_pods_is_left_to_people() -> None:
    """A plan of hundreds of stages is reviewed by nobody."""
    api = two_nodes()
    api.lists["pods"] = [on_node(f"p{n}") for n in range(101)]
    reason = DRAIN_NODE.fits(situation_of(api, nodes=("n1",), node="n1"))
    assert reason is not None
    assert "101 pods" in reason


def test_cordoned_first_then_pod_by_pod_the_broken_ones_first() -> None:
    """Each pod is a stage with a gate of its own; the bytes name uid and node."""
    api = two_nodes()
    api.lists["pods"] = [on_node("a"), CRASHES, on_node("p2", "n2"), on_node("p3", "n2")]
    service = situation_of(api, nodes=("n1",), node="n1")
    proposal = DRAIN_NODE.propose(service)
    assert [move.target for move in proposal.moves] == [
        "node/n1",
        "pod/scoring/p1",
        "pod/scoring/a",
    ]
    facts = {fact.name: fact.value for fact in service_facts(service)}
    facts |= {fact.name: fact.value for fact in CORDON_NODE.facts(service, "node/n1")}
    (step,) = compile_writes("cordon", {"node/n1": CORDON_NODE.data(facts, "node/n1")})["node/n1"]
    write = Write.parse(step.payload)
    assert (write.path, write.uid) == ("/api/v1/nodes/n1", "uid-of-n1")
    assert "spec.unschedulable: nothing → True" in step.shown
    target = "pod/scoring/a"
    facts |= {fact.name: fact.value for fact in EVICT_POD.facts(service, target)}
    (step,) = compile_writes("evict", {target: EVICT_POD.data(facts, target)})[target]
    removal = Removal.parse(step.payload)
    assert (removal.uid, removal.node, removal.how) == ("uid-of-a", "n1", "evict")
    assert any("stays cordoned" in one for one in proposal.warnings)


def test_an_image_that_no_other_node_has_is_warned_of() -> None:
    """Where the registry has it no more, only pods that move fail."""
    api = two_nodes()
    image = f"registry.example/app@sha256:{'a' * 64}"
    moved = on_node("p1")
    moved["status"]["containerStatuses"] = [{"imageID": image}]
    api.lists["pods"] = [moved, on_node("p2", "n2")]
    told = DRAIN_NODE.propose(situation_of(api, nodes=("n1",), node="n1")).warnings
    assert any(f"scoring/p1 ({image})" in one and "skopeo" in one for one in told)
    api.lists["nodes"][1]["status"]["images"] = [{"names": [image]}]
    told = DRAIN_NODE.propose(situation_of(api, nodes=("n1",), node="n1")).warnings
    assert not any(image in one for one in told)


def test_what_a_drain_takes_away_meanwhile() -> None:
    """One replica where the pod is ready, none where it is not."""
    api = two_nodes()
    ready = EVICT_POD.effects(situation_of(api, nodes=("n1",)), "pod/scoring/p1")
    assert [(one.now, one.during, one.after) for one in ready] == [(1, 0, 1)]
    api.lists["pods"][0] = CRASHES
    broken = EVICT_POD.effects(situation_of(api, nodes=("n1",)), "pod/scoring/p1")
    assert [(one.now, one.during, one.after) for one in broken] == [(0, 0, 1)]


def _judged(api: FakeApi, gate: Gate, before: ServiceSituation) -> GateVerdict:
    (part,) = baseline(before, DRAIN_NODE.propose(before))
    now = situation_of(api, nodes=("n1",), owners=frozenset({"uid-of-old"}))
    return look_at(part.read(ServiceBefore), now.reading).judge(gate)


def _gates() -> tuple[ServiceSituation, Gate, Gate]:
    before = situation_of(two_nodes(), nodes=("n1",), node="n1")
    cordon, evict = DRAIN_NODE.propose(before).stages
    return before, cordon.gate, evict.gate


@pytest.mark.parametrize(
    ("tree", "pods", "opens", "said"),
    [
        (cordoned(), None, True, "is cordoned"),
        (node("n1"), None, False, "is schedulable"),
        (cordoned(), [on_node("p1")], False, "0 of 1 ready on other nodes"),
    ],
)
def test_the_gate_before_the_first_eviction(
    tree: Tree, pods: list[Tree] | None, opens: bool, said: str
) -> None:
    """Cordoned, and what runs elsewhere is ready."""
    before, gate, _ = _gates()
    api = two_nodes()
    node_is(tree)(api)
    api.lists["pods"] = pods or api.lists["pods"]
    verdict = _judged(api, gate, before)
    assert verdict.open is opens
    assert said in verdict.seen


ENDING = on_node("p1")
ENDING["metadata"].update(deletionTimestamp="2026-11-29T00:00:30Z", finalizers=["a/b"])
NEW, STARTS = on_node("p9", "n2"), on_node("p9", "n2", reason="ContainerCreating")


@pytest.mark.parametrize(
    ("pods", "opens", "said"),
    [
        ([NEW, on_node("p2", "n2")], True, "has moved"),
        ([on_node("p1"), on_node("p2", "n2")], False, "not ending"),
        ([ENDING, NEW, on_node("p2", "n2")], False, "kept by a/b"),
        ([STARTS, on_node("p2", "n2")], False, "1 of 2 ready on other nodes"),
        ([on_node("p2", "n2")], False, "1 of 2 ready on other nodes"),
        ([], False, "0 of 2 ready on other nodes"),
    ],
)
def test_the_gate_after_an_eviction(pods: list[Tree], opens: bool, said: str) -> None:
    """The pod is gone, and its controller has its number of ready pods elsewhere."""
    before, _, gate = _gates()
    api = two_nodes()
    api.lists["pods"] = pods
    verdict = _judged(api, gate, before)
    assert verdict.open is opens, verdict.seen
    assert said in verdict.seen


def test_a_gate_does_not_open_on_what_was_not_read() -> None:
    """Unknown is shut."""
    before, cordon, evict = _gates()
    api = two_nodes()
    denied("list pods of all namespaces")(api)
    for gate in (cordon, evict):
        assert not _judged(api, gate, before).open


def test_the_drain_is_tried_first() -> None:
    """A sick node makes releases look broken."""
    assert [one.name for one in PLAYBOOK.branches][:2] == ["drain-node", "delete-stuck-pod"]
