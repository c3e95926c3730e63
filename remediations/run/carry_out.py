"""Carries out one command: launched at most once, followed to its end, settled if in doubt."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from remediations.errors import Locked, PartlyApplied
from remediations.plan.plan import Command
from remediations.reach.connection import HostUnreachable
from remediations.run.driver import Driver, Sighting, StepId, StepState
from remediations.run.records import CommandState

FIRST_LOOK_S = 0.2
SLOWEST_LOOK_S = 2.0
GRACE_S = 60.0
"""Beyond the command's own limit, for a host that cannot be reached for a while."""


class Ending(NamedTuple):
    """How a command ended."""

    state: CommandState
    message: str
    sighting: Sighting | None


async def carry_out(driver: Driver, step: StepId, command: Command) -> Ending:
    """Launch `command` and follow it. Never launches twice, never guesses how it ended."""
    try:
        await driver.launch(step, command)
    except Locked as claimed:
        # Somebody else's application of this plan: how it ends is not ours to take.
        return Ending(CommandState.UNKNOWN, f"{claimed.what}: {claimed.got}", None)
    except PartlyApplied as refusal:
        # A refusal is no proof that nothing started (systemd may answer too late): void, then ask.
        return await _settle(driver, step, command, f"{refusal.what} ({refusal.got}); ")
    except HostUnreachable as lost:
        # It may have started: only the host knows.
        note = f"the launch was not confirmed ({lost.got}); "
        return await follow(driver, step, command, note)
    return await follow(driver, step, command)


async def follow(driver: Driver, step: StepId, command: Command, note: str = "") -> Ending:
    """Look at the step until it is settled or its time is over."""
    end = time.monotonic() + command.timeout_s + GRACE_S
    pause = FIRST_LOOK_S
    while True:
        try:
            sighting = await driver.probe(step, command)
        except HostUnreachable as lost:
            last = f"{lost.what}: {lost.got}"
        else:
            if sighting.state is StepState.DONE:
                return _done(sighting, note)
            if sighting.state is not StepState.RUNNING:
                return await _settle(driver, step, command, note)
            last = "it still runs"
        if time.monotonic() > end:
            return Ending(CommandState.UNKNOWN, f"{note}no end was seen in time; {last}", None)
        await asyncio.sleep(pause)
        pause = min(SLOWEST_LOOK_S, pause * 1.5)


def _done(sighting: Sighting, note: str) -> Ending:
    good = sighting.exit_status == 0
    said = (sighting.output if good else sighting.error_output).strip().splitlines()
    message = said[-1] if said else f"exit {sighting.exit_status}"
    return Ending(CommandState.DONE if good else CommandState.FAILED, note + message, sighting)


async def _settle(driver: Driver, step: StepId, command: Command, note: str) -> Ending:
    """Neither done nor running. Voiding makes "not started" final; then the effect itself is asked.

    A step that began and left no result is settled by its declared probe, as the design says.
    """
    try:
        final = await driver.void(step, command)
        if final.state is StepState.DONE:
            return _done(final, note)
        if final.state is StepState.RUNNING:
            return await follow(driver, step, command, note)
        if final.state is StepState.VOIDED:
            return Ending(
                CommandState.FAILED, f"{note}it never started, and cannot any more", final
            )
        if await driver.holds(command):
            return Ending(
                CommandState.DONE, f"{note}it left no result, but its effect is there", final
            )
    except HostUnreachable as lost:
        return Ending(CommandState.UNKNOWN, f"{note}{lost.what}: {lost.got}", None)
    return Ending(
        CommandState.FAILED, f"{note}it ended without a result and its effect is not there", final
    )
