"""The chain on which an incident is played: four validators, or a hundred with the same four."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import BlockMeta
from remediations.values.reading import Known
from tests.unit.field.hosts_program import SYSTEMD, Line
from tests.worlds import (
    BEGAN,
    GAP,
    change,
    crash_looping,
    healthy,
    known,
    sign_state,
    stopped,
    zombie,
)
from tests.worlds.base import unit_of

DAY = 86_400
HOUR = 3_600
TIP = 113
"""The height of a chain that stands."""
QUIET = ("INF commit synced commit=436F6D6D6974 module=server",)
"""The journal of a node that has nothing to say."""


@dataclass(frozen=True)
class Stage:
    """`powers` begins with those of val1 to val4: 40, 30, 20, 10 parts of a hundred, or nearly."""

    powers: tuple[int, ...]

    @property
    def well(self) -> CometReading:
        """The chain before anything happens."""
        return healthy(self.powers)

    @property
    def validators(self) -> tuple[str, ...]:
        """All hosts that vote."""
        return tuple(f"val{number}" for number in range(1, len(self.powers) + 1))

    @property
    def total(self) -> int:
        """The voting power."""
        return sum(self.powers)

    def without(self, *validators: str) -> int:
        """The power of all the others."""
        names = zip(self.validators, self.powers, strict=True)
        return sum(power for name, power in names if name not in validators)

    def halted_without_val1(self) -> CometReading:
        """40 of 100 stopped, and its sign state is right: start it, and blocks go on."""
        return sign_state(stopped(self.well, "val1"), "val1", TIP)

    def silent(self, host: str = "val4") -> CometReading:
        """Its process answers, its height stands, its journal is empty so far."""
        return said(zombie(self.well, host), {host: ()})


SMALL = Stage((40, 30, 20, 10))
LARGE = Stage((960, 720, 480, 240, *(1,) * 96))


def said(world: CometReading, lines: Mapping[str, Sequence[str]]) -> CometReading:
    """`world` with these journals, as if the host had been asked already."""
    for host in lines:
        world = change(world, host, lambda r: replace(r, journal=known(())))
    return world


def loop(
    stage: Stage, host: str, *lines: Line, status: int = 1
) -> tuple[CometReading, dict[str, tuple[Line, ...]]]:
    """systemd restarted `host` twelve times, to the same end; and what its journal says."""
    world = crash_looping(stage.well, host, exit_status=status, restarts=12)
    return world, {host: attempts(*lines, status=status)}


def attempts(*lines: Line, status: int = 1) -> tuple[Line, ...]:
    """What three attempts in a row say that end alike; the last one a few seconds ago. Of a line
    with an age of its own there is one."""
    rows: list[Line] = [line for line in lines if not isinstance(line, str)]
    for counter, ago in enumerate((35.0, 19.0, 3.0), 10):
        same = [line for line in lines if isinstance(line, str)]
        again = (
            f"{SYSTEMD}virtengine.service: Scheduled restart job, restart counter is at {counter}."
        )
        rows += [(ago, line) for line in (*same, *ended(status), again)]
    return tuple(rows)


def ended(status: int = 1) -> tuple[str, str]:
    """What systemd says of an exit."""
    name = {1: "FAILURE", 2: "INVALIDARGUMENT"}.get(status, "n/a")
    return (
        f"{SYSTEMD}virtengine.service: Main process exited, code=exited, status={status}/{name}",
        f"{SYSTEMD}virtengine.service: Failed with result 'exit-code'.",
    )


def standing(world: CometReading, host: str, since: timedelta) -> CometReading:
    """Both samples of `host` show one height, and a block that is so old."""

    def hold(reading: HostReading) -> HostReading:
        first = reading.samples[0]
        assert isinstance(first.status, Known)
        assert isinstance(first.app, Known)
        status, app = replace(first.status.value, block_time=BEGAN - since), first.app.value
        first = replace(first, status=known(status, first.at))
        at = first.at + GAP
        second = replace(first, at=at, status=known(status, at), app=known(app, at))
        return replace(reading, samples=(first, second))

    return change(world, host, hold)


def unit(
    world: CometReading,
    *hosts: str,
    up: timedelta | None = None,
    **fields: Any,  # noqa: ANN401 - Unit's own fields
) -> CometReading:
    """What systemd says of the units of `hosts`; `up` is how long they have been active."""
    if up is not None:
        fields["active_since"] = BEGAN - up
    for host in hosts:
        world = change(world, host, lambda r: replace(r, unit=unit_of(r, **fields)))
    return world


def clock(world: CometReading, milliseconds: int, *hosts: str) -> CometReading:
    """The clocks of `hosts` are ahead of ours by so much."""

    def turn(reading: HostReading) -> HostReading:
        assert isinstance(reading.session, Known)
        session = replace(reading.session.value, clock_offset_ms=milliseconds)
        return replace(reading, session=known(session))

    for host in hosts:
        world = change(world, host, turn)
    return world


def evidence_in(world: CometReading, height: int) -> CometReading:
    """The block at `height` carries evidence."""

    def mark(block: BlockMeta) -> BlockMeta:
        return replace(block, evidence=block.height == height)

    def carry(reading: HostReading) -> HostReading:
        blocks = reading.chain.blocks
        if not isinstance(blocks, Known):
            return reading
        marked = known(tuple(mark(block) for block in blocks.value))
        return replace(reading, chain=replace(reading.chain, blocks=marked))

    return replace(world, hosts=tuple(carry(reading) for reading in world.hosts))
