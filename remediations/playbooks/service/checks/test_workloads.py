"""Whether the workloads of the plan serve with what was set, and the others as before."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from remediations.engine.verify.given import Given
from remediations.engine.verify.result import NotVerified
from remediations.playbooks.service.checks.titles import CHECKS
from remediations.playbooks.service.conditions import running_digests, skewed
from remediations.playbooks.service.gates import RolledOut, ServiceBefore, judge_rollout
from remediations.systems.kubernetes.values import KubernetesReading, WorkloadState
from remediations.values.reading import Unknown

Saw = Callable[[str], None]
Read = Callable[[], KubernetesReading]
SETTLE_S, PAUSE_S = 30.0, 1.0
"""A pod of the former template may still be ending when the gate opens."""


def _asked(given: Given) -> tuple[RolledOut, ...]:
    gates = (stage.gate.asks for stage in given.plan.stages)
    return tuple(asks.read(RolledOut) for asks in gates if asks.kind == RolledOut.KIND)


def _state(reading: KubernetesReading, before: ServiceBefore, target: str) -> WorkloadState:
    """A workload now.

    Raises:
        NotVerified: it was not read, or this is another cluster.
    """
    found = reading.workload(target).state
    if isinstance(found, Unknown):
        raise NotVerified(found.reason)
    if isinstance(reading.cluster, Unknown) or reading.cluster.value != before.cluster:
        raise NotVerified("this is not the cluster of the plan")
    return found.value


@pytest.mark.check("KP1", CHECKS["KP1"])
def test_rolled_out(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """Each gate of the plan is open."""
    end = time.monotonic() + SETTLE_S
    while True:
        reading = read()
        told = {
            one.target: judge_rollout(one, _state(reading, before, one.target))
            for one in _asked(given)
        }
        if all(verdict.open for verdict in told.values()) or time.monotonic() > end:
            break
        time.sleep(PAUSE_S)
    saw("; ".join(f"{target}: {verdict.seen}" for target, verdict in told.items()))
    shut = {target: verdict.seen for target, verdict in told.items() if not verdict.open}
    assert not shut, f"not rolled out: {shut}"


@pytest.mark.check("KP2", CHECKS["KP2"])
def test_bytes(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """The digest that the template names is what each pod runs: a tag may be two things."""
    end = time.monotonic() + SETTLE_S
    while True:
        wrong = _wrong_bytes(given, before, read(), saw)
        if not wrong or time.monotonic() > end:
            break
        time.sleep(PAUSE_S)
    assert not wrong, "; ".join(wrong)


def _wrong_bytes(
    given: Given, before: ServiceBefore, reading: KubernetesReading, saw: Saw
) -> list[str]:
    wrong = []
    for one in _asked(given):
        state = _state(reading, before, one.target)
        runs = running_digests(state)
        wanted = {image.digest for image in state.images if image.digest}
        if skewed(state) or not wanted <= set(runs) or (wanted and len(runs) > len(state.images)):
            wrong.append(f"{one.target} runs {', '.join(runs)}, its template names {wanted}")
        else:
            saw(f"{one.target} runs {', '.join(runs)}")
    return wrong


@pytest.mark.check("KP3", CHECKS["KP3"])
def test_stands(given: Given, before: ServiceBefore, read: Read, saw: Saw) -> None:
    """A controller that nobody knew of takes changes back with its next turn."""
    first = {one.target: _state(read(), before, one.target) for one in _asked(given)}
    time.sleep(2 * before.owner_period_s)
    now = read()
    for target, was in first.items():
        state = _state(now, before, target)
        stands = (state.uid, state.template, state.desired)
        assert stands == (was.uid, was.template, was.desired), f"{target} was changed back"
    saw(f"unchanged for {2 * before.owner_period_s} s: {', '.join(first)}")


@pytest.mark.check("KP4", CHECKS["KP4"])
def test_others(before: ServiceBefore, read: Read, given: Given, saw: Saw) -> None:
    """What was not touched is as available as before."""
    reading, touched = read(), {one.target for one in _asked(given)}
    others = [one for one in before.workloads if one.target not in touched]
    lost = [
        one.target
        for one in others
        if _state(reading, before, one.target).available < min(one.available, one.desired)
    ]
    saw(f"{len(others)} others as before")
    assert not lost, f"fewer available than before: {', '.join(lost)}"
