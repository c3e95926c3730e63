"""Whose clock is wrong: that of single hosts, or that of this machine.

Hosts are measured against this machine's clock. Where nearly all of them agree with each other and
not with it, it is this machine's clock that is wrong, and their time is used for all ages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median_low

from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import CometReading
from remediations.systems.hosts.values import Session
from remediations.values.reading import Known

CLOCK_BLOCK_MS = 10_000
"""From this offset on a validator's votes carry impossible times (G37)."""


@dataclass(frozen=True)
class Clocks:
    """`ours` is how far the hosts are ahead of this machine, zero unless its clock is the wrong
    one; `agreeing` hosts say so. `off` maps a host whose clock is wrong to the milliseconds by
    which it is ahead (below 0: behind)."""

    ours: timedelta
    agreeing: int
    off: Mapping[str, int]

    def says(self, host: str) -> str:
        """What is wrong with the clock of `host`, "" if nothing is."""
        ms = self.off.get(host, 0)
        return f"its clock is {seconds_off(ms)}" if ms else ""

    @property
    def our_fault(self) -> str:
        """What is wrong with the clock of this machine, "" if nothing is."""
        if not self.ours:
            return ""
        ms = -round(self.ours / timedelta(milliseconds=1))
        return (
            f"the clock of this machine is {seconds_off(ms)}, as {self.agreeing} hosts agree; "
            "ages are told by theirs"
        )


def seconds_off(ms: int) -> str:
    """An offset in words."""
    return f"{abs(ms) / 1000:.0f} s {'ahead' if ms > 0 else 'behind'}"


def read_clocks(observation: CometReading) -> Clocks:
    """Whose clock is wrong. A machine that is listed under two names counts once."""
    offsets = dict(_offsets(observation))
    machines = {session.machine_id: session.clock_offset_ms for session in offsets.values()}
    common = median_low(machines.values()) if machines else 0
    agreeing = sum(abs(ms - common) < CLOCK_BLOCK_MS for ms in machines.values())
    wrong = abs(common) >= CLOCK_BLOCK_MS and agreeing > 1 and has_quorum(agreeing, len(machines))
    base = common if wrong else 0
    return Clocks(
        ours=timedelta(milliseconds=base),
        agreeing=agreeing if wrong else 0,
        off={
            host: session.clock_offset_ms - base
            for host, session in offsets.items()
            if abs(session.clock_offset_ms - base) >= CLOCK_BLOCK_MS
        },
    )


def _offsets(observation: CometReading) -> Iterable[tuple[str, Session]]:
    sessions = [
        *((node.host, node.session) for node in observation.hosts),
        *((login.host, login.session) for login in observation.elsewhere),
    ]
    known = [(host, session.value) for host, session in sessions if isinstance(session, Known)]
    return sorted(known, key=lambda one: one[0])
