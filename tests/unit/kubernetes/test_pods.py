"""Why a pod is not ready: its init containers' own words, and the probe that ends a container."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import UNSET

from remediations.systems.kubernetes.parse_pods import pod_of, troubles_of
from tests.unit.kubernetes.fake_api import BAD, Tree, pod

BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
LOOPS: Tree = {
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 3}},
}
DONE: Tree = {"state": {"terminated": {"reason": "Completed", "exitCode": 0}}}
TO_COME: Tree = {"state": {"waiting": {"reason": "PodInitializing"}}}
SIDECAR: Tree = {"state": {"running": {}}, "ready": True}


def waiting(*inits: Tree) -> Tree:
    """A pod of which nothing but its init containers was started."""
    found = pod("p1", "new", BAD, reason="PodInitializing")
    named = [{"name": f"init{n}", "restartCount": 2, **one} for n, one in enumerate(inits)]
    found["status"]["initContainerStatuses"] = named
    return found


def test_an_init_container_that_loops_is_named() -> None:
    found = pod_of(waiting(DONE, LOOPS), in_order=False)
    assert found.failing_init == "init1"
    assert found.troubles == ("CrashLoopBackOff", "Error")
    assert found.says == (
        "init container init1: CrashLoopBackOff, init container init1: before: Error exit 3"
    )
    assert found.restarts == 4
    assert troubles_of(waiting(DONE, LOOPS)) == found.troubles  # a drain looks at the same


def test_one_whose_image_is_not_pulled_is_named_too() -> None:
    no_image: Tree = {"state": {"waiting": {"reason": "ImagePullBackOff"}}}
    assert pod_of(waiting(no_image), in_order=False).failing_init == "init0"


@pytest.mark.parametrize(
    "inits",
    [
        (DONE, SIDECAR),
        ({"state": {"running": {}}},),
        ({"state": {"waiting": {"reason": "PodInitializing"}}},),
    ],
    ids=["done", "runs", "waits for its turn"],
)
def test_one_that_has_not_failed_is_no_reason(inits: tuple[Tree, ...]) -> None:
    found = pod_of(waiting(*inits), in_order=False)
    assert found.failing_init is UNSET
    assert found.troubles == ("PodInitializing",)


def killed(ran_s: int = 31, container: dict[str, Any] | None = None, **ended: Any) -> Tree:  # noqa: ANN401
    """A pod whose container was ended after so many seconds, and waits for its next start."""
    found = pod("p1", "new", BAD, reason="CrashLoopBackOff")
    probe = {"initialDelaySeconds": 10, "periodSeconds": 5, "failureThreshold": 4}
    found["spec"]["containers"] = [{"name": "scorer", "livenessProbe": probe, **(container or {})}]
    terminated = {
        "reason": "Error",
        "exitCode": 137,
        "startedAt": BEGAN.isoformat(),
        "finishedAt": (BEGAN + timedelta(seconds=ran_s)).isoformat(),
        **ended,
    }
    status = found["status"]["containerStatuses"][0]
    found["status"]["containerStatuses"] = [
        {**status, "name": "scorer", "lastState": {"terminated": terminated}}
    ]
    return found


STARTUP = {"startupProbe": {"periodSeconds": 10, "failureThreshold": 4}}


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (killed(), "the livenessProbe of scorer ends it 25 s after its start"),
        (killed(exitCode=143), "the livenessProbe of scorer ends it 25 s after its start"),
        (killed(exitCode=0), "the livenessProbe of scorer ends it 25 s after its start"),
        (killed(container=STARTUP), "the startupProbe of scorer ends it 30 s after its start"),
    ],
    ids=["killed", "asked to end", "ended well", "startup"],
)
def test_a_probe_that_ends_it_is_told(tree: Tree, told: str) -> None:
    assert pod_of(tree, in_order=False).ending_probe == told


@pytest.mark.parametrize(
    "tree",
    [
        killed(exitCode=1),
        killed(reason="OOMKilled"),
        killed(ran_s=3),
        killed(ran_s=400),
        killed(ran_s=1, exitCode=0, container={"livenessProbe": {"failureThreshold": 1}}),
        killed(container={"livenessProbe": None}),
        killed(finishedAt=None),
    ],
    ids=[
        "by itself",
        "for memory",
        "too soon",
        "served for long",
        "at once",
        "no probe",
        "unknown",
    ],
)
def test_what_ends_otherwise_is_not(tree: Tree) -> None:
    assert pod_of(tree, in_order=False).ending_probe is UNSET
