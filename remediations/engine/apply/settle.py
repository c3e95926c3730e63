"""What became of steps whose end nobody saw, from the records of their targets.

Where the process that applied a plan died, its journal has steps that were announced and have no
end. Their targets know more: a claim, a result, or neither (`Driver`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from remediations.engine.apply.carry_out import (
    FIRST_LOOK_S,
    SLOWEST_LOOK_S,
    Ending,
    ending_of,
    follow_step,
)
from remediations.engine.apply.driver import (
    Driver,
    Fence,
    NoAnswer,
    ProbeResult,
    ProbeState,
    StepId,
    StoppableDriver,
)
from remediations.engine.plan.plan import Step

NEVER_STARTED = (ProbeState.NOT_STARTED, ProbeState.FENCED)
"""The states of a step that nobody has claimed."""
ASK_S = 30.0
"""Seconds in which a target must say what became of a step before that stays unknown."""


class StopOutcome(StrEnum):
    """What became of one step when its run was stopped (docs/run.md#stop)."""

    FINISHED = "finished"  # it ended well before
    FAILED = "failed"  # it ended, and did not do what it should
    STOPPED = "stopped"  # it ended early, since it was asked to; what it did is whole
    VOIDED = "voided"  # it never started, and its target refuses it from now on
    RUNNING = "could not be stopped"  # it runs, and ends by its own limit
    SILENT = "could not be asked"  # its target did not answer


class Stopped(NamedTuple):
    """A step, what became of it, and in what words."""

    step: Step
    outcome: StopOutcome
    message: str
    ending: Ending | None


async def settle(
    digest: str, steps: Iterable[Step], drivers: Mapping[str, Driver], fences: Sequence[Fence]
) -> Mapping[str, Ending | None]:
    """How each of these steps ended, by its id. None: its target says that it never started, so it
    may be launched. A step that still runs is followed to its end; one whose target does not answer
    is unknown."""
    those = tuple(steps)
    endings = await asyncio.gather(
        *(_settled(drivers[s.driver], StepId(plan=digest, step=s.id), s, fences) for s in those)
    )
    return {step.id: ending for step, ending in zip(those, endings, strict=True)}


async def recorded_steps(
    digest: str, steps: Iterable[Step], drivers: Mapping[str, Driver]
) -> tuple[Step, ...]:
    """Those of these steps of which their targets have a record, whoever started or voided them."""
    those = tuple(steps)
    answers = await asyncio.gather(
        *(_answered(drivers[s.driver], StepId(plan=digest, step=s.id), s) for s in those)
    )
    return tuple(
        step
        for step, answer in zip(those, answers, strict=True)
        if not isinstance(answer, NoAnswer) and answer.state not in NEVER_STARTED
    )


async def _settled(
    driver: Driver, step: StepId, work: Step, fences: Sequence[Fence]
) -> Ending | None:
    answer = await _answered(driver, step, work)
    if isinstance(answer, NoAnswer):
        return Ending("unknown", f"{answer.what}: {answer.got}", None)
    if answer.state in NEVER_STARTED:
        return None
    return await follow_step(driver, step, work, fences=fences)


async def _answered(driver: Driver, step: StepId, work: Step) -> ProbeResult | NoAnswer:
    """What the target says of the step, or the last error after it was asked for `ASK_S`."""
    end = time.monotonic() + ASK_S
    while True:
        try:
            return await driver.probe(step, work)
        except NoAnswer as silence:
            if time.monotonic() >= end:
                return silence
            await asyncio.sleep(FIRST_LOOK_S)


async def stop_steps(
    digest: str, steps: Iterable[Step], drivers: Mapping[str, Driver], patience_s: float
) -> tuple[Stopped, ...]:
    """Make sure that none of these steps starts any more, and say what became of each. One that
    runs already is asked to end early where its driver can do that (`StoppableDriver`), and is not
    interrupted otherwise: half a change can be worse than a whole one. It gets `patience_s` seconds
    to end."""
    work = (
        _stopped(drivers[step.driver], StepId(plan=digest, step=step.id), step, patience_s)
        for step in steps
    )
    return tuple(await asyncio.gather(*work))


async def ask_running(digest: str, steps: Iterable[Step], drivers: Mapping[str, Driver]) -> None:
    """Ask those of these steps that run to end early, where their drivers can do that. One that
    could not be asked is asked again by `stop_steps`."""
    for step in steps:
        driver = drivers[step.driver]
        if isinstance(driver, StoppableDriver):
            with suppress(NoAnswer):
                await driver.ask_to_stop(StepId(plan=digest, step=step.id), step)


async def _stopped(driver: Driver, step: StepId, work: Step, patience_s: float) -> Stopped:
    end = time.monotonic() + patience_s
    pause = FIRST_LOOK_S
    while True:
        try:
            seen = await driver.void(step, work, ())  # whoever holds the resource: nothing starts
            if seen.state is ProbeState.VOIDED:
                message = "it never started, and cannot any more"
                return Stopped(work, StopOutcome.VOIDED, message, None)
            ending = await ending_of(driver, work, seen)
            if ending is None and isinstance(driver, StoppableDriver):
                await driver.ask_to_stop(step, work)
        except NoAnswer as silence:
            last = Stopped(work, StopOutcome.SILENT, f"{silence.what}: {silence.got}", None)
        else:
            if ending is not None:
                return Stopped(work, _outcome_of(ending), ending.message, ending)
            asked = ", was asked to stop" if isinstance(driver, StoppableDriver) else ""
            message = f"it runs{asked}, and ends by itself after {work.timeout_s} s at the latest"
            last = Stopped(work, StopOutcome.RUNNING, message, None)
        if time.monotonic() >= end:
            return last
        await asyncio.sleep(pause)
        pause = min(SLOWEST_LOOK_S, pause * 1.5)


def _outcome_of(ending: Ending) -> StopOutcome:
    if ending.state == "done":
        return StopOutcome.FINISHED
    stopped = ending.sighting is not None and ending.sighting.stopped
    return StopOutcome.STOPPED if stopped else StopOutcome.FAILED
