"""What tells pods that answer otherwise from the others: read of them, and said in one sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import UNSET

from remediations.playbooks.scoring.pods.differs import what_differs
from remediations.systems.kubernetes.api import ApiError, Request
from remediations.systems.scorer.values import ModelLoaded, Setting
from remediations.systems.scoringpods.ask import Questions
from remediations.systems.scoringpods.computes import (
    container_of,
    model_of_log,
    plain_settings,
)
from remediations.systems.scoringpods.reading import Computes, PodsReading, ScoredPod
from remediations.values.lines import TextError
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from tests.unit.kubernetes.fake_api import FakeApi
from tests.unit.playbooks.service.namespaces import serving
from tests.unit.playbooks.service.scored import GOLDEN, asked, pods_say

AT = datetime(2026, 11, 30, tzinfo=UTC)
ONE_THREAD = Setting(name="OMP_NUM_THREADS", value="1")
MODEL, OTHER_MODEL = GOLDEN.model, "b" * 64
LINE = "INF Model loaded successfully version=v1.0.0 hash={}"


def pod(
    name: str,
    *,
    model: str = MODEL,
    threads: str = "",
    image: str = "good",
    template: str = "t1",
    node: str = "n1",
    read: bool = True,
) -> ScoredPod:
    """A pod of one container."""
    loaded = Known(value=ModelLoaded(version="v1", sha256=model), source="log", at=AT)
    unread = Unknown(why=Why.DENIED, reason="403", source="log", at=AT)
    settings = (Setting(name="OMP_NUM_THREADS", value=threads),) if threads else ()
    return ScoredPod(
        name=name,
        uid=name,
        template_hash=template,
        image_ids=(f"registry/it@sha256:{image}",),
        node=node,
        asks=unread,
        computes=Computes(model=loaded if model else unread, settings=settings) if read else UNSET,
    )


@pytest.mark.parametrize(
    ("odd", "alike", "said"),
    [
        (
            [pod("a", model=OTHER_MODEL, image="x")],
            [pod("b")],
            "loaded another model (bbbbbbbbbbbb)",
        ),
        ([pod("a", model=OTHER_MODEL)], [], "loaded another model"),
        ([pod("a")], [], ""),
        ([pod("a", threads="2")], [pod("b")], "OMP_NUM_THREADS=2 (declared: 1)"),
        ([pod("a", threads="2")], [pod("b", threads="2")], ""),
        ([pod("a", image="x")], [pod("b")], "run another image (sha256:x)"),
        ([pod("a", model="", image="x")], [pod("b")], "run another image (sha256:x)"),
        ([pod("a", read=False, image="x")], [pod("b", read=False)], "run another image"),
        ([pod("a", image="x"), pod("c", image="good")], [pod("b")], ""),
        ([pod("a", template="t2")], [pod("b")], "of another template (t2)"),
        ([pod("a", node="n2")], [pod("b")], "they alone are on n2: other processors, or what"),
        ([pod("a", node="n2")], [pod("b"), pod("c", node="n2")], ""),
        ([pod("a", node="")], [pod("b")], ""),
        ([], [pod("b")], ""),
    ],
)
def test_what_all_odd_pods_have_and_no_other(
    odd: list[ScoredPod], alike: list[ScoredPod], said: str
) -> None:
    """The model before the settings, these before image, template and node."""
    told = what_differs(odd, alike, GOLDEN, (ONE_THREAD,))
    assert said in told if said else told == ""


def test_which_model_a_log_names() -> None:
    """The last line of this container decides; a hash elsewhere is none."""
    log = "\n".join((LINE.format(OTHER_MODEL), LINE.format(MODEL), f"hash={OTHER_MODEL}"))
    assert model_of_log(log) == ModelLoaded(version="v1.0.0", sha256=MODEL)
    with pytest.raises(TextError, match="does not say which model"):
        model_of_log(f"starting hash={MODEL}")


def test_only_declared_settings_leave_the_pod() -> None:
    """Set by their values: what a Secret or a ConfigMap gives is not in the pod."""
    container = {
        "name": "scorer",
        "env": [
            {"name": "OMP_NUM_THREADS", "value": "2"},
            {"name": "TOKEN", "value": "hidden"},
            {"name": "KERNEL", "valueFrom": {"configMapKeyRef": {"name": "x"}}},
        ],
        "command": ["/scorer", "--random-seed", "42"],
        "args": ["--force-cpu=true", "--quiet"],
    }
    names = ("OMP_NUM_THREADS", "KERNEL", "--random-seed", "--force-cpu", "--absent")
    assert {one.name: one.value for one in plain_settings(container, names)} == {
        "OMP_NUM_THREADS": "2",
        "--random-seed": "42",
        "--force-cpu": "true",
    }


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [(["a"], None, "a"), (["a", "b"], None, None), (["a", "b"], "b", "b"), (["a"], "b", None)],
)
def test_which_container_scores(names: list[str], wanted: str | None, found: str | None) -> None:
    """The declared one, or the only one."""
    tree = {"spec": {"containers": [{"name": name} for name in names]}}
    spec = container_of(tree, wanted)
    assert (spec and spec["name"]) == found


def _read(log: Any) -> tuple[PodsReading, FakeApi]:  # noqa: ANN401 - an answer, or a failure
    api = serving()
    for tree in api.lists["pods"]:
        env = [{"name": "OMP_NUM_THREADS", "value": "1"}]
        tree["spec"]["containers"] = [{"name": "scorer", "env": env}]
    say = pods_say({})

    def answer(request: Request) -> tuple[int, bytes]:
        if not request.path.endswith("/log"):
            return say(request)
        assert request.query == {"container": "scorer", "limitBytes": "262144"}
        if isinstance(log, Exception):
            raise log
        return 200, str(log).encode()

    api.pods_say = answer
    return asked(api, settings=(ONE_THREAD,)), api


@pytest.mark.parametrize(
    ("log", "model", "why"),
    [
        (LINE.format(MODEL), MODEL, None),
        ("nothing", None, Why.ABSENT),
        (ApiError("get pods/log: 403", why=Why.DENIED, status=403), None, Why.DENIED),
    ],
)
def test_a_look_reads_what_each_pod_computes_with(
    log: object, model: str | None, why: Why | None
) -> None:
    """A log that may not be read is an unknown model, and hinders nothing."""
    reading, _ = _read(log)
    assert Part.of(reading).read(PodsReading) == reading
    pods = reading.workloads[0].pods
    assert isinstance(pods, Known)
    for one in pods.value:
        assert isinstance(one.computes, Computes)
        assert one.computes.settings == (ONE_THREAD,)
        loaded = one.computes.model
        told = loaded.value.sha256 if isinstance(loaded, Known) else None
        assert (told, getattr(loaded, "why", None)) == (model, why)
        assert isinstance(one.asks, Known)


def test_a_gate_does_not_read_logs() -> None:
    """There are many looks; what a pod computes with does not change."""
    assert Questions(GOLDEN, 1, 2000).settings is None
    pods = asked(serving()).workloads[0].pods
    assert isinstance(pods, Known)
    assert all(one.computes is UNSET for one in pods.value)
