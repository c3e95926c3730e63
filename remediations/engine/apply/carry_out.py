"""Carries out one command: started at most once, followed to its end, settled if in doubt.

A launch whose connection was lost is repeated once the host says that nothing has started. However
many launches there are, the claim on the host lets one of them act, at most (`launcher.sh`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from remediations.engine.apply.driver import Driver, Sighting, StepId, StepState
from remediations.engine.plan.plan import Command
from remediations.engine.runs.records import CommandState
from remediations.errors import Locked, PartlyApplied, Refused
from remediations.reach.connection import HostUnreachable
from remediations.render.words import shortened

log = logging.getLogger(__name__)
FIRST_LOOK_S = 0.2
SLOWEST_LOOK_S = 2.0
GRACE_S = 60.0
"""Beyond the command's own limit, for a host that cannot be reached for a while."""
LAUNCHES = 3
RELAUNCH_S = 30.0
"""After the first launch; later, what was read again before the run would be too old."""
MESSAGE_CHARACTERS = 400
"""Of what is told of a command: journal, screen and report have it, the journal the output too."""
NOTE_CHARACTERS = 200
"""Of these for what went before."""


class Ending(NamedTuple):
    """How a command ended. `message` has at most `MESSAGE_CHARACTERS`."""

    state: CommandState
    message: str
    sighting: Sighting | None


async def carry_out(
    driver: Driver, step: StepId, command: Command, *, may_start: Callable[[], bool]
) -> Ending:
    """Launch `command` and follow it. Never guesses how it ended.

    `may_start` tells whether a launch may be repeated: not after a person's stop.
    """
    end = time.monotonic() + RELAUNCH_S
    note = ""
    for number in range(LAUNCHES):
        log.info("step %s: launch %d on %s", step, number + 1, command.host)
        try:
            await driver.launch(step, command)
        except Locked as claimed:
            if number == 0:
                # Somebody else's application of this plan: how it ends is not ours to take.
                return _ending(CommandState.UNKNOWN, f"{claimed.what}: {claimed.got}")
        except Refused as refusal:
            if number == 0:
                message = f"it never started: {refusal.what} ({refusal.got})"
                return _ending(CommandState.FAILED, message)
        except PartlyApplied as refusal:
            # A refusal does not prove that nothing started: systemd may answer too late.
            note += f"{refusal.what} ({refusal.got}); "
        except HostUnreachable as lost:
            note = f"the launch was not confirmed ({lost.got}); "
            if await _nothing_started(driver, step, command, end) and may_start():
                continue
        break
    return await follow(driver, step, command, note)


async def _nothing_started(driver: Driver, step: StepId, command: Command, end: float) -> bool:
    """Whether the host says so; it is asked until `end` (monotonic clock)."""
    while time.monotonic() < end:
        try:
            return (await driver.probe(step, command)).state is StepState.NOT_STARTED
        except HostUnreachable:
            await asyncio.sleep(FIRST_LOOK_S)
    return False


async def follow(driver: Driver, step: StepId, command: Command, note: str = "") -> Ending:
    """Look at the step until it is settled or its time is over, however often the host is lost."""
    end = time.monotonic() + command.timeout_s + GRACE_S
    pause = FIRST_LOOK_S
    while True:
        try:
            ending = await _look(driver, step, command, note)
        except HostUnreachable as lost:
            last = f"{lost.what}: {lost.got}"
        else:
            if ending is not None:
                return ending
            last = "it still runs"
        if time.monotonic() > end:
            log.info("step %s on %s: its time is over", step, command.host)
            return _ending(CommandState.UNKNOWN, f"no end was seen in time; {last}", note=note)
        await asyncio.sleep(pause)
        pause = min(SLOWEST_LOOK_S, pause * 1.5)


async def _look(driver: Driver, step: StepId, command: Command, note: str) -> Ending | None:
    """How it ended, None while it runs.

    Raises:
        HostUnreachable: nobody answered; nothing is lost by asking again.
    """
    sighting = await driver.probe(step, command)
    log.debug("step %s on %s is %s", step, command.host, sighting.state)
    if sighting.state not in (StepState.DONE, StepState.RUNNING):
        # Voiding makes "not started" final.
        sighting = await driver.void(step, command)
    if sighting.state is StepState.RUNNING:
        return None
    if sighting.state is StepState.DONE:
        return _done(sighting, note)
    if sighting.state is StepState.VOIDED:
        message = "it never started, and cannot any more"
        return _ending(CommandState.FAILED, message, sighting, note)
    # It began and left no result: its declared probe settles it, as the design says.
    if await driver.holds(command):
        message = "it left no result, but its effect is there"
        return _ending(CommandState.DONE, message, sighting, note)
    message = "it ended without a result and its effect is not there"
    return _ending(CommandState.FAILED, message, sighting, note)


def _done(sighting: Sighting, note: str) -> Ending:
    good = sighting.exit_status == 0
    said = (sighting.output if good else sighting.error_output).strip().splitlines()
    message = said[-1] if said else f"exit {sighting.exit_status}"
    return _ending(CommandState.DONE if good else CommandState.FAILED, message, sighting, note)


def _ending(
    state: CommandState, message: str, sighting: Sighting | None = None, note: str = ""
) -> Ending:
    """What went before, then how it ended; both may be in the words of a host."""
    before = shortened(note, NOTE_CHARACTERS)
    return Ending(state, before + shortened(message, MESSAGE_CHARACTERS - len(before)), sighting)
