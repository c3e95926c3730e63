"""Carries out one step: starts it at most once, follows it to its end, and resolves doubt.

A launch that was not confirmed is repeated after the target has said that nothing started. However
many launches there are, the claim at the target lets at most one of them act (`Driver`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from remediations.engine.apply.driver import (
    AlreadyClaimed,
    Driver,
    Fence,
    FencedOut,
    LaunchFailed,
    NoAnswer,
    NotLaunched,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.plan.plan import Step
from remediations.engine.runs.records import StepEnd
from remediations.render.formats import shorten

log = logging.getLogger(__name__)
FIRST_LOOK_S = 0.2
SLOWEST_LOOK_S = 2.0
LATE_BY = 0.2
"""The end of a step is seen late by at most this share of what it took, and a look."""
GRACE_S = 60.0
"""Seconds beyond the command's own limit, for a host that cannot be reached for a while."""
LAUNCHES = 3
RELAUNCH_S = 30.0
"""Seconds after the first launch; later, what was read before the run would be too old."""
MESSAGE_CHARACTERS = 400
"""Limit of the message of a step on screen, in journal and report; the journal has the output."""
NOTE_CHARACTERS = 200
"""The part of it for what happened before."""


class Ending(NamedTuple):
    """How a step ended. `message` has at most `MESSAGE_CHARACTERS` characters."""

    state: StepEnd
    message: str
    sighting: ProbeResult | None


async def carry_out(
    driver: Driver,
    step: StepId,
    work: Step,
    *,
    fences: Sequence[Fence],
    may_start: Callable[[], bool],
) -> Ending:
    """Launch `work`, under the fences of its run, and follow it. Never guesses how it ended.

    `may_start` says whether a launch may be repeated, which is not the case after a person's stop.
    """
    end = time.monotonic() + RELAUNCH_S
    note, seen = "", None
    for number in range(LAUNCHES):
        log.info("step %s: launch %d on %s", step, number + 1, work.target)
        try:
            seen = await driver.launch(step, work, fences)
        except AlreadyClaimed as claimed:
            if number == 0:
                return await _claimed_by_another(driver, step, work, claimed)
        except FencedOut as refusal:
            if number == 0:
                return _fenced_out(refusal)
        except NotLaunched as refusal:
            if number == 0:
                message = f"it never started: {refusal.what} ({refusal.got})"
                return _ending("failed", message)
        except LaunchFailed as refusal:
            # This does not prove that nothing started: systemd may have answered too late.
            note += f"{refusal.what} ({refusal.got}); "
        except NoAnswer as lost:
            note = f"the launch was not confirmed ({lost.got}); "
            if await _nothing_started(driver, step, work, end) and may_start():
                continue
        break
    return await follow_step(driver, step, work, note, fences=fences, seen=seen)


async def _claimed_by_another(
    driver: Driver, step: StepId, work: Step, claimed: AlreadyClaimed
) -> Ending:
    """Somebody voided it: then that is how it ended. Otherwise another application of this plan
    launched it, whose ending is not ours to report."""
    with contextlib.suppress(NoAnswer):
        if (await driver.probe(step, work)).state is ProbeState.VOIDED:
            return _ending("failed", "it never started: its target was told to start it no more")
    return _ending("unknown", f"{claimed.what}: {claimed.got}")


async def _nothing_started(driver: Driver, step: StepId, work: Step, end: float) -> bool:
    """Whether the target says so. It is asked until `end` (monotonic clock)."""
    while time.monotonic() < end:
        try:
            return (await driver.probe(step, work)).state is ProbeState.NOT_STARTED
        except NoAnswer:
            await asyncio.sleep(FIRST_LOOK_S)
    return False


async def follow_step(
    driver: Driver,
    step: StepId,
    work: Step,
    note: str = "",
    *,
    fences: Sequence[Fence],
    seen: ProbeResult | None = None,
) -> Ending:
    """Probe the step until it has ended or its time is over, even if some probes get no answer.
    `seen` is what its launch saw of it, in place of the first probe."""
    began = time.monotonic()
    end = began + work.timeout_s + GRACE_S
    while True:
        try:
            seen, sighting = None, seen or await driver.probe(step, work)
            ending = await _judged(driver, step, work, sighting, note, fences)
        except FencedOut as refusal:
            return _fenced_out(refusal, note)
        except NoAnswer as lost:
            last = f"{lost.what}: {lost.got}"
        else:
            if ending is not None:
                return ending
            last = "it still runs"
        if time.monotonic() > end:
            log.info("step %s on %s: its time is over", step, work.target)
            return _ending("unknown", f"no end was seen in time; {last}", note=note)
        took = time.monotonic() - began
        await asyncio.sleep(min(SLOWEST_LOOK_S, max(FIRST_LOOK_S, LATE_BY * took)))


async def _judged(
    driver: Driver,
    step: StepId,
    work: Step,
    sighting: ProbeResult,
    note: str,
    fences: Sequence[Fence],
) -> Ending | None:
    """How it ended, by what was seen; None while it runs.

    Raises:
        FencedOut: it never started, and may not any more.
        NoAnswer: the target did not answer. It can be asked again.
    """
    log.debug("step %s on %s is %s", step, work.target, sighting.state)
    if sighting.state is ProbeState.FENCED:
        # Not voided: the next holder of the same plan may start it.
        raise FencedOut(f"{work.target} refused to start the step", got=sighting.error_output)
    if sighting.state not in (ProbeState.DONE, ProbeState.RUNNING):
        # Voiding makes "not started" final.
        sighting = await driver.void(step, work, fences)
    return await ending_of(driver, work, sighting, note)


async def ending_of(
    driver: Driver, work: Step, sighting: ProbeResult, note: str = ""
) -> Ending | None:
    """How the step ended, according to its target; None while it runs. A step that has not started
    must have been voided before.

    Raises:
        NoAnswer: its effect had to be looked for, and the target did not answer.
    """
    if sighting.state is ProbeState.RUNNING:
        return None
    if sighting.state is ProbeState.DONE:
        return _done(sighting, note)
    if sighting.state is ProbeState.VOIDED:
        message = "it never started, and cannot any more"
        return _ending("failed", message, sighting, note)
    # It began and left no result, so the probe that the plan declares decides.
    if await driver.holds(work):
        message = "it left no result, but its effect is there"
        return _ending("done", message, sighting, note)
    message = "it ended without a result and its effect is not there"
    return _ending("failed", message, sighting, note)


def _done(sighting: ProbeResult, note: str) -> Ending:
    good = sighting.exit_status == 0
    said = (sighting.output if good else sighting.error_output).strip().splitlines()
    message = said[-1] if said else f"exit {sighting.exit_status}"
    if not good and sighting.words and sighting.words not in message:
        message = f"{shorten(message.strip(), NOTE_CHARACTERS)}; its last words: {sighting.words}"
    return _ending("done" if good else "failed", message, sighting, note)


def _fenced_out(refusal: FencedOut, note: str = "") -> Ending:
    message = f"fenced out, it never started: {refusal.what} ({refusal.got.strip()})"
    return _ending("failed", message, note=note)


def _ending(
    state: StepEnd, message: str, sighting: ProbeResult | None = None, note: str = ""
) -> Ending:
    """The ending, whose message is what happened before and then how it ended."""
    before = shorten(note, NOTE_CHARACTERS)
    return Ending(state, before + shorten(message, MESSAGE_CHARACTERS - len(before)), sighting)
