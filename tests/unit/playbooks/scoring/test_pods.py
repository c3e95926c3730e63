"""Pods that score: what they are asked, what their answers amount to, whose power they have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from remediations.engine.find.finding import Health
from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.playbooks.scoring.conditions import PodAnswer
from remediations.playbooks.scoring.diagnose.conclude import conclude
from remediations.playbooks.scoring.diagnose.reference import Powers
from remediations.playbooks.scoring.finding import Basis, ScoringFinding
from remediations.playbooks.scoring.pods.scores import judge_workload_answers
from remediations.playbooks.scoring.present import present
from remediations.systems.kubernetes.api import ApiError, Request
from remediations.systems.kubernetes.system import KUBERNETES
from remediations.systems.scorer.reading import ScorersReading
from remediations.systems.scorer.system import SCORER
from remediations.systems.scoringpods.declared import declared_workloads
from remediations.systems.scoringpods.reading import PodsReading, WorkloadAnswers
from remediations.values.inventory import Inventory
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from tests.unit.kubernetes.fake_api import FakeApi
from tests.unit.observe.test_scoring_inventory import VECTORS
from tests.unit.playbooks.service.namespaces import serving
from tests.unit.playbooks.service.scored import GOLDEN, OTHER, RIGHT, asked, pods_say
from tests.worlds.scoring import declared, service

LATE = ApiError("deployments: silent", why=Why.TIME_LIMIT)
GONE = ApiError("create pods/proxy: 404, it does not exist", why=Why.ABSENT, status=404)
WORKLOAD = "{workload: scorer, port: 8501, path: /v1/p}"


def answers(says: dict[str, Any], asks: int = 2) -> WorkloadAnswers:
    """What a look reads of two pods; it is what can be written to a file and read back."""
    api = serving()
    api.pods_say = pods_say(says)
    reading = asked(api, asks)
    assert Part.of(reading).read(PodsReading) == reading
    (workload,) = reading.workloads
    return workload


@pytest.mark.parametrize(
    ("says", "answer", "cause"),
    [
        ({}, PodAnswer.ALIKE, "2 ready pods give the agreed answers to every vector"),
        ({"p1": OTHER}, PodAnswer.OTHERWISE, "1 of 2 ready pods: p1: another answer to high"),
        ({"p1": OTHER, "p2": LATE}, PodAnswer.OTHERWISE, "1 of 2 ready pods: p1"),
        ({"p2": LATE}, PodAnswer.SILENT, "p2: no answer within the time limit"),
        ({"p2": 503}, PodAnswer.SILENT, 'p2: HTTP 503: {"error": "broken"}'),
        ({"p2": GONE}, PodAnswer.SILENT, "p2: create pods/proxy: 404"),
        ({"p2": {**RIGHT, "0.75": "<html>"}}, PodAnswer.SILENT, "an answer that is not JSON"),
    ],
)
def test_the_worst_pod_is_what_is_said(says: dict[str, Any], answer: PodAnswer, cause: str) -> None:
    judged = judge_workload_answers(answers(says), GOLDEN)
    assert judged.answer is answer
    assert cause in judged.cause


def test_a_pod_that_is_silent_is_asked_once() -> None:
    """It costs one time limit, and no more."""
    pods = answers({"p1": LATE}).pods
    assert isinstance(pods, Known)
    asks = {one.name: one.asks for one in pods.value}
    assert isinstance(asks["p1"], Known)
    assert isinstance(asks["p2"], Known)
    assert [len(one.value) for one in (asks["p1"], asks["p2"])] == [1, 4]


def test_a_pod_that_answers_the_same_question_in_two_ways() -> None:
    """Whatever is agreed, this is none of it."""
    api = serving()
    api.lists["pods"] = api.lists["pods"][:1]
    numbers = iter(["[0.25]", "[0.75]", "[0.25]", "[0.76]"])
    api.pods_say = lambda _: (200, next(numbers).encode())
    judged = judge_workload_answers(answers_of(api), GOLDEN)
    assert judged.answer is PodAnswer.OTHERWISE
    assert "several answers to high" in judged.cause


def answers_of(api: FakeApi) -> WorkloadAnswers:
    (workload,) = asked(api).workloads
    return workload


def test_a_container_that_is_replaced_meanwhile_has_said_nothing() -> None:
    """Its first answers are another one's than its last."""
    api = serving()

    def say(request: Request) -> tuple[int, bytes]:
        api.lists["pods"][0]["status"]["containerStatuses"][0]["restartCount"] = 1
        return pods_say({})(request)

    api.pods_say = say
    judged = judge_workload_answers(answers_of(api), GOLDEN)
    assert judged.answer is PodAnswer.UNREAD
    assert "its container was replaced" in judged.cause


def test_without_the_right_nothing_is_known() -> None:
    api = serving()
    api.denied.add("create pods/proxy")
    judged = judge_workload_answers(answers_of(api), GOLDEN)
    assert judged.answer is PodAnswer.UNREAD
    assert "403" in judged.cause


def test_what_does_not_exist_or_has_no_ready_pod_is_unread() -> None:
    api = serving()
    api.lists["pods"] = []
    assert "no ready pod" in judge_workload_answers(answers_of(api), GOLDEN).cause
    api.objects.pop("/apis/apps/v1/namespaces/scoring/deployments/scorer")
    assert isinstance(answers_of(api).pods, Unknown)


def of_hosts(*hosts: str) -> ScorersReading:
    """Services of hosts that give the answers of the golden vectors."""
    return ScorersReading(
        scoring=declared(golden=GOLDEN), hosts=tuple(service(host) for host in hosts)
    )


def finding(says: dict[str, Any], power: int, total: int = 100) -> ScoringFinding:
    """Three services of hosts that agree with 60 of the power, and a workload with `power`."""
    reading = of_hosts("val1", "val2", "val3")
    powers = {"val1": 20, "val2": 20, "val3": 20, "val4": power}
    return conclude(
        reading, Powers(of=lambda host: powers[host], total=total), pods=(answers(says),)
    )


def test_the_power_of_a_validator_is_behind_the_answers_of_its_pods() -> None:
    """Without it 60 of 100 are no two thirds; with it they are."""
    found = finding({}, 20)
    assert (found.agreed_basis, str(found.verdict)) == (Basis.POWER, "scores-agree")
    assert found.answers[0].power == 80
    assert found.answers[0].hosts == ("val1", "val2", "val3", "val4")
    split = finding({"p1": OTHER}, 20)
    assert split.agreed_basis is Basis.NONE


def test_a_workload_that_answers_otherwise_is_named_with_its_pods() -> None:
    found = finding({"p1": OTHER, "p2": OTHER}, 10, 80)
    assert str(found.verdict) == "workload-odd"
    shown = present(found)
    assert shown.headline == "3 of 4 services agree"
    subject = next(one for one in shown.subjects if one.name == "deployment/scorer")
    assert (subject.condition, subject.weight) == ("pods-otherwise", 10)
    assert "p1" in subject.cause
    assert "p2" in subject.cause
    assert shown.next_step == "remediate plan high-error-rate"
    assert len(found.answers) == 2


def test_pods_alone_are_held_against_the_golden_vectors() -> None:
    """Without a host's service, and without powers."""
    reading = of_hosts()
    nobody = Powers(of=lambda _: 0, total=0)
    well = conclude(reading, nobody, pods=(answers({}),))
    assert present(well).health is Health.WELL
    odd = conclude(reading, nobody, pods=(answers({"p1": OTHER}),))
    assert (str(odd.verdict), odd.agreed_basis) == ("workload-odd", Basis.GOLDEN)
    silent = conclude(reading, nobody, pods=(replace(answers({}), pods=_nothing()),))
    assert str(silent.verdict) == "scores-unread"


def _nothing() -> Unknown:
    known = answers({}).pods
    return Unknown(why=Why.DENIED, reason="403", source="pods/proxy", at=known.at)


def load(
    root: Path, hosts: str, workloads: str = "scorer: {kind: Deployment, role: service}"
) -> Inventory:
    root.chmod(0o700)
    (root / "vectors.yaml").write_text(VECTORS)
    cluster = (
        f"kubernetes: {{namespace: scoring, workloads: {{{workloads}}}}}\n" if workloads else ""
    )
    (root / "inventory.yaml").write_text(
        f"version: 2\nscoring: {{vectors: vectors.yaml}}\n{cluster}hosts:\n{hosts}"
    )
    systems = InstalledSystems(systems=(SCORER, KUBERNETES), troubles=())
    return load_inventory(root / "inventory.yaml", systems)


def test_hosts_name_the_workloads_that_their_nodes_ask(tmp_path: Path) -> None:
    hosts = f"  val1: {{scoring: {WORKLOAD}}}\n  val2: {{scoring: {WORKLOAD}}}\n"
    (one,) = declared_workloads(load(tmp_path, hosts))
    assert (one.entry.target, one.hosts) == ("deployment/scorer", ("val1", "val2"))


@pytest.mark.parametrize(
    ("host", "workloads", "got", "expected"),
    [
        (WORKLOAD, "other: {kind: Deployment, role: service}", "workload: scorer", "other"),
        (WORKLOAD, "", "workload: scorer", "there are none"),
        (
            f"{WORKLOAD}}}\n  val2: {{scoring: {WORKLOAD.replace('8501', '8502')}",
            "scorer: {kind: Deployment, role: service}",
            "val1 asks scorer at 8501/v1/p, val2 at 8502/v1/p",
            "one port",
        ),
    ],
    ids=["unknown", "no-cluster", "two-ports"],
)
def test_workloads_that_cannot_be_asked(
    tmp_path: Path, host: str, workloads: str, got: str, expected: str
) -> None:
    inventory = load(tmp_path, f"  val1: {{scoring: {host}}}\n", workloads)
    with pytest.raises(UsageError) as refused:
        declared_workloads(inventory)
    assert got in str(refused.value.got)
    assert expected in str(refused.value.expected)
