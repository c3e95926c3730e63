"""Holders of one key: held copies, sign states of their own, and what a hold says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.second_signer import NOTE
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Known
from tests.worlds.base import BEGAN, CHAIN_ID, change, key_of, known
from tests.worlds.nodes import stopped


def held_second(
    observation: CometReading, host: str, *, since: datetime = BEGAN - timedelta(minutes=2)
) -> CometReading:
    """It was stopped and held because its key must not sign there."""
    note = f"{NOTE}:{key_of(observation.host(host))}:{int(since.timestamp())}"

    def hold(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=known(replace(reading.unit.value, held=True, hold_note=note)))

    return change(stopped(observation, host), host, hold)


def signed(
    observation: CometReading,
    host: str,
    height: int,
    *,
    step: int = 3,
    chain_id: str = CHAIN_ID,
    **fields: Any,  # noqa: ANN401 - SignState's own
) -> CometReading:
    """The key signed this last, by the sign state of `host`."""
    state = SignState(
        height=height,
        round=0,
        step=step,
        block="",
        chain_id=chain_id,
        **{"signed_at": BEGAN, **fields},
    )
    return change(observation, host, lambda r: replace(r, sign_state=known(state)))


def started(observation: CometReading, host: str, *, ago: timedelta) -> CometReading:
    """Its unit was started so long ago."""

    def begin(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        return replace(reading, unit=known(replace(reading.unit.value, active_since=BEGAN - ago)))

    return change(observation, host, begin)
