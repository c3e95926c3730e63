"""Figure 10: a restart of a Deployment, beside kubectl. Needs the lab's cluster (root)."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from tests.bench.cost import NotDoneError
from tests.bench.figure import Figure, Line
from tests.lab.kube.cluster import Cluster
from tests.lab.kube.service import NAMESPACE, SCORER, OnCall, Service

GOAL = 1.2
LIMIT_S = 240
READY_AFTER_S = (0, 15)
"""Of a pod. The goal is of one that loads a model first: what ours does beside the rollout (start,
signatures, reading, fence, checks) takes seconds, and none of a pod that starts at once."""
PEER = "kubectl rollout restart, and status"
RESTART = ("rollout", "restart", f"deployment/{SCORER}", "-n", NAMESPACE)
STATUS = ("rollout", "status", f"deployment/{SCORER}", "-n", NAMESPACE, f"--timeout={LIMIT_S}s")


def measure(state: Path, rounds: int) -> Figure:
    """The figure, on a cluster of its own: two pods that hang are replaced, in turn by both."""
    cluster = Cluster.up(f"bench-{os.getpid()}")
    try:
        lines = [_line(cluster, state, rounds, seconds) for seconds in READY_AFTER_S]
    finally:
        cluster.down()
    return Figure(
        id="10",
        title="From apply to a complete rollout",
        rounds=rounds,
        lines=tuple(lines),
        notes=(
            "planned and signed beforehand; ours ends when its checks have passed, the peer when "
            "it says that the rollout is complete",
        ),
    )


def _line(cluster: Cluster, state: Path, rounds: int, ready_after_s: int) -> Line:
    ours: list[float] = []
    kubectl: list[float] = []
    for number in range(rounds):
        turns = [(_by_us, ours), (_by_kubectl, kubectl)]
        for measured, seen in turns if number % 2 else reversed(turns):
            seen.append(measured(_hanging(cluster, ready_after_s), state / "oncall"))
    return Line(
        what=f"two pods replaced, each ready after {ready_after_s} s",
        value=statistics.median(ours),
        unit="s",
        peer=PEER,
        peer_value=statistics.median(kubectl),
        goal=GOAL if ready_after_s else None,
    )


def _hanging(cluster: Cluster, ready_after_s: int) -> Service:
    """A new service whose pods run and are not ready."""
    service = Service(cluster)
    service.begin(ready_after_s)
    for pod in service.pods():
        cluster.kubectl("exec", pod, "-n", NAMESPACE, "--", "/app", "sick")
    cluster.wait("unready", lambda: service.available == 0)
    return service


def _by_us(service: Service, directory: Path) -> float:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    oncall = OnCall(service.cluster, directory)
    run = oncall.approved()
    began = time.monotonic()
    said = oncall.says("apply", run)
    took = time.monotonic() - began
    if said.code or not service.whole():
        raise NotDoneError(f"apply ended with {said.code}: {said.why}")
    return took


def _by_kubectl(service: Service, _: Path) -> float:
    cluster = service.cluster
    words = (str(cluster.bin / "kubectl"), "--kubeconfig", str(cluster.admin))
    began = time.monotonic()
    for command in (RESTART, STATUS):
        done = subprocess.run(
            cluster.inside(*words, *command), capture_output=True, text=True, timeout=LIMIT_S + 10
        )
        if done.returncode:
            raise NotDoneError(f"kubectl ended with {done.returncode}: {done.stderr}")
    took = time.monotonic() - began
    if not service.whole():
        raise NotDoneError("kubectl said that the rollout is complete, and it is not")
    return took
