"""What all worlds share: names, times, and small questions to a reading."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from remediations.systems.comet.reading import ChainSample, ChainView, CometReading, HostReading
from remediations.systems.comet.values import (
    ValidatorSet,
)
from remediations.systems.hosts.values import (
    Unit,
)
from remediations.values.login import Hop, Login
from remediations.values.reading import Known, Unknown, Why

T = TypeVar("T")

BEGAN = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
POWERS = (40, 30, 20, 10)
CHAIN_ID = "worlds-1"
HEIGHT = 113
HOME = "/var/lib/virtengine"
STATE_FILE = f"{HOME}/data/priv_validator_state.json"
GAP = timedelta(seconds=3)
"""Between the two samples; a healthy world makes one block a second."""
MANY = 50
"""From this many hosts on, a node has `NEIGHBOURS` peers instead of everybody."""
NEIGHBOURS = 8

_SOURCE = "worlds"


def known(value: T, at: datetime = BEGAN) -> Known[T]:
    """`value` as a reading that succeeded."""
    return Known(value=value, source=_SOURCE, at=at)


def unknown(
    reason: str = "no answer", why: Why = Why.TIME_LIMIT, *, at: datetime = BEGAN
) -> Unknown:
    """A reading that failed."""
    return Unknown(why=why, reason=reason, source=_SOURCE, at=at)


def hex_of(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits].upper()


def address_of(index: int) -> str:
    """The consensus address of validator number `index` (from 1)."""
    return hex_of(f"validator-{index}", 40)


def node_id_of(host: str) -> str:
    """The node id of `host`."""
    return hex_of(f"node-{host}", 40).lower()


def app_hash_at(height: int, branch: str = "") -> str:
    """The application's hash after `height`; another `branch` has another hash."""
    return hex_of(f"app-{height}-{branch}", 64)


def block_hash_at(height: int, branch: str = "") -> str:
    """The hash of the block at `height`; another `branch` is another chain."""
    return hex_of(f"block-{height}{branch}", 64)


def login_of(host: str, hostname: str = "", jump: str = "") -> Login:
    """Where the name of `host` leads: to `hostname`, past a jump host if one is named."""

    def hop(name: str) -> Hop:
        key = f"ssh-ed25519 SHA256:{hex_of(f'host-key-{name}', 43)}"
        return Hop(hostname=name, port=22, user="ops", proxy_command="", host_keys=(key,))

    hops = (*([hop(jump)] if jump else []), hop(hostname or f"{host}.example"))
    return Login(host=host, hops=hops)


def answers(reading: HostReading) -> bool:
    """Whether this node's RPC answers in this observation."""
    return isinstance(reading.samples[-1].status, Known) if reading.samples else False


def members_of(observation: CometReading) -> ValidatorSet | None:
    """The validator set, from the first node that knows it."""
    for reading in observation.hosts:
        if isinstance(reading.chain.validators, Known):
            return reading.chain.validators.value
    return None


def key_of(reading: HostReading) -> str:
    """The address of the key on this host, or ""."""
    return reading.key.value.address if isinstance(reading.key, Known) else ""


def moves(observation: CometReading) -> bool:
    """Whether some node shows a block between the two samples."""
    for reading in observation.hosts:
        heights = [s.status.value.height for s in reading.samples if isinstance(s.status, Known)]
        if len(heights) > 1 and heights[-1] > heights[0]:
            return True
    return False


def change(
    observation: CometReading, host: str, how: Callable[[HostReading], HostReading]
) -> CometReading:
    """`observation` with `how` applied to one host."""
    observation.host(host)
    return replace(
        observation, hosts=tuple(how(r) if r.host == host else r for r in observation.hosts)
    )


def unit_of(reading: HostReading, **fields: Any) -> Known[Unit]:  # noqa: ANN401 - Unit's own fields
    assert isinstance(reading.unit, Known)
    return known(replace(reading.unit.value, **fields))


def silenced(
    reading: HostReading, reason: str = "connection refused", why: Why = Why.NOT_LISTENING
) -> HostReading:
    """The same host with an RPC that does not answer."""
    nothing = unknown(reason, why)
    return replace(
        reading,
        samples=tuple(
            ChainSample(at=sample.at, status=nothing, app=nothing, round=nothing)
            for sample in reading.samples
        ),
        chain=ChainView(
            validators=nothing,
            peers=nothing,
            peer_rounds=nothing,
            blocks=nothing,
            commit=nothing,
            result=nothing,
        ),
    )


def unreachable_reading(
    reading: HostReading, reason: str, why: Why = Why.UNREACHABLE
) -> HostReading:
    """The same host when SSH failed: all is unknown."""
    nothing = unknown(reason, why)
    return replace(
        silenced(reading, reason, why),
        session=nothing,
        unit=nothing,
        processes=nothing,
        config=nothing,
        key=nothing,
        sign_state=nothing,
        wal=nothing,
        disk=nothing,
        ownership=nothing,
        records=nothing,
        binary=nothing,
        journal=nothing,
        samples=(),
    )
