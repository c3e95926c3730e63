"""Whether a drained node is empty, and what was on it serves elsewhere; and whether a pod that was
stuck has come back."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from remediations.engine.apply.look import GateVerdict
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.playbooks.service.checks.titles import DRAIN_CHECKS, STUCK_CHECKS
from remediations.playbooks.service.gates import ServiceBefore
from remediations.playbooks.service.node_gates import (
    Cordoned,
    Moved,
    Replaced,
    judge_cordoned,
    judge_moved,
    judge_replaced,
    left_on,
)
from remediations.systems.kubernetes.values import KubernetesReading
from remediations.values.part import Kinded
from remediations.values.reading import Unknown, value_or_none

Saw = Callable[[str], None]
Read = Callable[[], KubernetesReading]
SETTLE_S, PAUSE_S = 30.0, 1.0


def _asked(given: Given, kind: type[Kinded]) -> list[Kinded]:
    gates = (stage.gate.asks for stage in given.plan.stages)
    return [asks.read(kind) for asks in gates if asks.kind == kind.KIND]


def _same_cluster(reading: KubernetesReading, before: ServiceBefore) -> KubernetesReading:
    """The reading.

    Raises:
        NotVerified: it is of another cluster, or of none.
    """
    if isinstance(reading.cluster, Unknown):
        raise NotVerified(reading.cluster.reason)
    if reading.cluster.value != before.cluster:
        raise NotVerified("this is not the cluster of the plan")
    return reading


def _until(judge: Callable[[], dict[str, GateVerdict]], saw: Saw) -> None:
    """Judge until all is open, for half a minute at most."""
    end = time.monotonic() + SETTLE_S
    while True:
        told = judge()
        if all(verdict.open for verdict in told.values()) or time.monotonic() > end:
            break
        time.sleep(PAUSE_S)
    saw("; ".join(f"{name}: {verdict.seen}" for name, verdict in told.items()))
    shut = {name: verdict.seen for name, verdict in told.items() if not verdict.open}
    assert told, "the plan asks for nothing"
    assert not shut, f"not so: {shut}"


@pytest.mark.check("KP5", DRAIN_CHECKS["KP5"])
def test_empty(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """No pod that a drain moves is on the node, and no new one is placed there."""

    def judge() -> dict[str, GateVerdict]:
        reading = _same_cluster(read(), before)
        told = {}
        for asked in _asked(given, Cordoned):
            assert isinstance(asked, Cordoned)
            left = left_on(reading, asked.node)
            if isinstance(left, str):
                raise NotVerified(left)
            cordoned = judge_cordoned(asked, reading)
            seen = f"left: {', '.join(left)}" if left else cordoned.seen
            told[asked.node] = GateVerdict(open=not left and cordoned.open, seen=seen)
        return told

    _until(judge, saw)


@pytest.mark.check("KP6", DRAIN_CHECKS["KP6"])
def test_moved(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """Each controller has as many ready pods on other nodes as it had pods."""
    asked = [one for one in _asked(given, Moved) if isinstance(one, Moved)]
    if not asked:
        saw("nothing was there to move")
        return

    def judge() -> dict[str, GateVerdict]:
        reading = _same_cluster(read(), before)
        return {one.pod: judge_moved(one, reading) for one in asked}

    _until(judge, saw)


@pytest.mark.check("KP7", STUCK_CHECKS["KP7"])
def test_replaced(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """Another pod of its name is ready, of the newest template."""
    asked = [one for one in _asked(given, Replaced) if isinstance(one, Replaced)]

    def judge() -> dict[str, GateVerdict]:
        reading = _same_cluster(read(), before)
        return {
            one.pod: judge_replaced(one, value_or_none(reading.workload(one.workload).state))
            for one in asked
        }

    _until(judge, saw)
