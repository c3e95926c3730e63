"""Looks again and again until all is well, and shows each look (`diagnose --watch`).

The connections stay open between the looks. A look that fails is shown, and the next one is tried;
only what no later look can repair (ssh, a domain that nothing concerns) ends the watch at its first
look. Whatever ends it closes the connections, and with them all that was started on the hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from remediations.cli.conclusions import Diagnosis
from remediations.cli.observing import LookNow
from remediations.cli.output import CommandResult
from remediations.engine.find.conclude import Conclusion
from remediations.engine.observe.heard import HostsHeard
from remediations.engine.observe.observation import Observation
from remediations.errors import ExitCode, RemediationError, Unreadable


class WatchDisplay(Protocol):
    """Shows a watch. Its methods are called in the event loop, and raise only if the reader of the
    output is gone."""

    def shown(self) -> AbstractContextManager[None]:
        """Show the display while the block runs."""
        ...

    def looking(self, heard: HostsHeard) -> None:
        """A look begins; `heard` goes on telling who has answered."""
        ...

    def concluded(self, seen: Diagnosis) -> None:
        """A look has ended with these conclusions."""
        ...

    def failed(self, error: RemediationError) -> None:
        """A look has failed."""
        ...

    def pausing(self, seconds: int) -> None:
        """Seconds until the next look begins."""
        ...

    def tick(self) -> None:
        """Another second has passed."""
        ...

    def answer(self, seen: Diagnosis) -> CommandResult:
        """The result of the command, when all is well."""
        ...

    def last_words(self) -> str | None:
        """What is left on the screen if a person ends the watch; None for the usual error."""
        ...


def watch(
    looks: Callable[[], AbstractAsyncContextManager[LookNow]],
    heard: Callable[[], HostsHeard],
    conclude: Callable[[Observation], Sequence[Conclusion]],
    display: WatchDisplay,
    *,
    seconds: int,
) -> CommandResult:
    """Watch until all is well, with a pause of `seconds` after each look.

    Exit 0; or 130 if a person ended it and the display has something to leave.

    Raises:
        RemediationError: the first look failed, and no later one can be better.
        KeyboardInterrupt: a person ended it.
    """

    async def run() -> Diagnosis:
        async with looks() as look:
            ticking = asyncio.create_task(_tick(display))
            watching = asyncio.create_task(_until_well(look, heard, conclude, display, seconds))
            try:
                await asyncio.wait((ticking, watching), return_when=asyncio.FIRST_COMPLETED)
                if ticking.done():  # it never ends, unless it fails
                    ticking.result()
                return await watching
            finally:
                for task in (ticking, watching):
                    task.cancel()
                await asyncio.gather(ticking, watching, return_exceptions=True)

    try:
        with display.shown():
            seen = asyncio.run(run())
    except KeyboardInterrupt:
        left = display.last_words()
        if left is None:
            raise
        return CommandResult(exit_code=ExitCode.INTERRUPTED, document=None, text=left)
    return display.answer(seen)


async def _until_well(
    look: LookNow,
    heard: Callable[[], HostsHeard],
    conclude: Callable[[Observation], Sequence[Conclusion]],
    display: WatchDisplay,
    seconds: int,
) -> Diagnosis:
    first = True
    while True:
        hosts = heard()
        display.looking(hosts)
        try:
            observation = await look(hosts)
            seen = Diagnosis(found=conclude(observation), at=observation.ended)
        except RemediationError as error:
            if first and not isinstance(error, Unreadable):
                raise
            display.failed(error)
        else:
            display.concluded(seen)
            if seen.exit_code is ExitCode.OK:
                return seen
        first = False
        display.pausing(seconds)
        await asyncio.sleep(seconds)


async def _tick(display: WatchDisplay) -> None:
    while True:
        await asyncio.sleep(1)
        display.tick()
