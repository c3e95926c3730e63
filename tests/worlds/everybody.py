"""Nobody runs: what is known lies in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import Genesis, GenesisOf, Validator
from tests.worlds.base import BEGAN, CHAIN_ID, HEIGHT, POWERS, address_of, answers, change, known
from tests.worlds.healthy import healthy
from tests.worlds.nodes import configured, crash_looping, stopped

DEADLOCK = "panic: Failed to start consensus state: found signature from the same key"


def everybody_down(
    powers: Sequence[int] = POWERS,
    *,
    full: int = 1,
    genesis: bool = True,
    height: int = HEIGHT + 1,
    standby: int = 1,
    hosts: int | None = None,
) -> CometReading:
    """All stopped at once; every validator signed `height` last, and all have one genesis file."""
    world = healthy(powers, full=full, standby=standby, hosts=hosts)
    world = stopped(world, *(r.host for r in world.hosts if answers(r)))
    for host in validators(world):
        world = signed(world, host, height)
    return with_genesis(world, powers) if genesis else world


def signed(
    world: CometReading,
    host: str,
    height: int,
    *,
    chain: str = CHAIN_ID,
    **fields: Any,  # noqa: ANN401
) -> CometReading:
    """`host` signed `height` last."""
    given = {"round": 0, "step": 3, "block": "", "signed_at": BEGAN, **fields}
    state = SignState(height=height, chain_id=chain, **given)
    return change(world, host, lambda r: replace(r, sign_state=known(state)))


def with_genesis(
    world: CometReading, powers: Sequence[int], *, only: Iterable[str] = ()
) -> CometReading:
    """All nodes that do not answer, or `only` these, have a genesis file with these powers."""
    members = tuple(
        Validator(address=address_of(number), power=power) for number, power in enumerate(powers, 1)
    )
    genesis = Genesis(sha256="ab" * 32, of=GenesisOf.GEN_TXS, validators=members)
    named = frozenset(only) or {r.host for r in world.hosts if r.role is not Role.BASTION}

    def show(reading: HostReading) -> HostReading:
        if reading.host not in named or answers(reading):
            return reading
        return replace(reading, genesis=known(genesis))

    return replace(world, hosts=tuple(map(show, world.hosts)))


def validators(world: CometReading) -> list[str]:
    """The hosts of validators."""
    return [reading.host for reading in world.hosts if reading.role is Role.VALIDATOR]


def deadlocked(world: CometReading, blocks: int = 10) -> CometReading:
    """The power came back, and every validator ends because of `double_sign_check_height`."""
    for host in validators(world):
        state, genesis = world.host(host).sign_state, world.host(host).genesis
        world = configured(world, host, double_sign_check_height=blocks)
        world = crash_looping(world, host, DEADLOCK)
        world = change(
            world,
            host,
            lambda r, s=state, g=genesis: replace(r, sign_state=s, genesis=g),  # type: ignore[misc]
        )
    return world
