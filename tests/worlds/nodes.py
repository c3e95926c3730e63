"""Faults of one node."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    AppInfo,
)
from remediations.systems.hosts.values import (
    ConsensusKey,
    JournalLine,
    Process,
)
from remediations.values.reading import Known, Why
from tests.worlds.base import (
    BEGAN,
    HEIGHT,
    STATE_FILE,
    app_hash_at,
    block_hash_at,
    change,
    key_of,
    known,
    moves,
    node_id_of,
    silenced,
    unit_of,
    unknown,
    unreachable_reading,
)
from tests.worlds.healthy import healthy_twin
from tests.worlds.settling import settle


def forgotten(observation: CometReading, *hosts: str) -> CometReading:
    """No other node lists these hosts as peers any more."""
    gone = {node_id_of(host) for host in hosts}

    def forget(reading: HostReading) -> HostReading:
        peers, rounds = reading.chain.peers, reading.chain.peer_rounds
        chain = replace(
            reading.chain,
            peers=known(tuple(p for p in peers.value if p.node_id not in gone))
            if isinstance(peers, Known)
            else peers,
            peer_rounds=known(tuple(p for p in rounds.value if p.node_id not in gone))
            if isinstance(rounds, Known)
            else rounds,
        )
        return replace(reading, chain=chain)

    return replace(observation, hosts=tuple(forget(r) for r in observation.hosts))


def _downed(observation: CometReading, *hosts: str, **fields: Any) -> CometReading:  # noqa: ANN401
    unit = {"active_state": "inactive", "sub_state": "dead", "main_pid": 0} | fields

    def down(reading: HostReading) -> HostReading:
        quiet = silenced(reading)
        return replace(quiet, unit=unit_of(reading, **unit), processes=known(()))

    for host in hosts:
        observation = change(observation, host, down)
    return forgotten(observation, *hosts)


def stopped(observation: CometReading, *hosts: str) -> CometReading:
    """`systemctl stop`: the units are inactive, nothing runs."""
    return settle(_downed(observation, *hosts))


def disabled(observation: CometReading, host: str, *, enabled: str = "disabled") -> CometReading:
    """Stopped, and not started at boot either (or `enabled="masked"`)."""
    return settle(_downed(observation, host, enabled=enabled))


def failed(
    observation: CometReading, host: str, *, exit_status: int = 1, result: str = "exit-code"
) -> CometReading:
    """systemd gave up, or never restarted it."""
    return settle(
        _downed(
            observation,
            host,
            active_state="failed",
            sub_state="failed",
            result=result,
            exit_status=exit_status,
        )
    )


def crash_looping(
    observation: CometReading, host: str, *lines: str, exit_status: int = 2, restarts: int = 9
) -> CometReading:
    """systemd restarts it again and again; the journal says `lines`."""
    observation = _downed(
        observation,
        host,
        active_state="activating",
        sub_state="auto-restart",
        result="exit-code",
        exit_status=exit_status,
        restarts=restarts,
        active_since=BEGAN - timedelta(seconds=3),
    )
    return settle(logged(observation, host, *lines))


def frozen(observation: CometReading, host: str, *, state: str = "T") -> CometReading:
    """SIGSTOP (or `state="S"`, a hung RPC): the unit is active, nothing answers."""

    def freeze(reading: HostReading) -> HostReading:
        process = Process(pid=400, state=state, started=9000, command="virtengined start")
        return replace(silenced(reading, "timed out"), processes=known((process,)))

    return settle(change(observation, host, freeze))


def wrapper_alone(observation: CometReading, host: str) -> CometReading:
    """A wrapper started the daemon, which has ended: the unit is active, and nobody listens."""

    def end(reading: HostReading) -> HostReading:
        assert isinstance(reading.unit, Known)
        assert isinstance(reading.binary, Known)
        program = replace(reading.binary.value, path="/opt/ve/virtengined", running_sha256="")
        process = Process(
            pid=reading.unit.value.main_pid, state="S", started=9000, command="/bin/sh start"
        )
        return replace(
            silenced(reading, "connection refused"),
            processes=known((process,)),
            binary=known(program),
        )

    return settle(forgotten(change(observation, host, end), host))


def unreachable(observation: CometReading, host: str, *, alive: bool = False) -> CometReading:
    """SSH fails. `alive`: the daemon goes on and the others still see its votes."""
    observation = change(
        observation, host, lambda r: unreachable_reading(r, "connection timed out")
    )
    if alive:
        return observation
    lost = key_of(healthy_twin(observation).host(host))
    return settle(forgotten(observation, host), dead=(lost,))


def logged(observation: CometReading, host: str, *lines: str) -> CometReading:
    """The journal of `host` carries `lines`, the last one a second ago."""
    entries = tuple(
        JournalLine(at=BEGAN - timedelta(seconds=len(lines) - i), message=line)
        for i, line in enumerate(lines)
    )
    return change(observation, host, lambda r: replace(r, journal=known(entries)))


def zombie(observation: CometReading, *hosts: str, lines: Sequence[str] = ()) -> CometReading:
    """CONSENSUS FAILURE: the process answers, its height stands still.

    While the others go on it is ten blocks below; if its power stopped the chain, at the tip.
    """
    said = tuple(lines) or ('CONSENSUS FAILURE!!! err="boom" module=consensus',)
    for host in hosts:
        observation = logged(observation, host, *said)
    observation = settle(observation, mute=hosts)
    if not moves(observation):
        return observation
    for host in hosts:
        observation = change(observation, host, lambda r: held_back(r, 10))
        observation = seen_at(observation, host, HEIGHT - 10 + 1)
    return observation


def seen_at(observation: CometReading, host: str, height: int) -> CometReading:
    """The peers of `host` believe it to work on `height`."""
    node_id = node_id_of(host)

    def see(reading: HostReading) -> HostReading:
        rounds = reading.chain.peer_rounds
        if not isinstance(rounds, Known):
            return reading
        seen = tuple(replace(p, height=height) if p.node_id == node_id else p for p in rounds.value)
        return replace(reading, chain=replace(reading.chain, peer_rounds=known(seen)))

    return replace(observation, hosts=tuple(see(r) for r in observation.hosts))


def held_back(reading: HostReading, blocks: int) -> HostReading:
    """The node stands `blocks` below where it would, in both samples."""
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        assert isinstance(sample.round, Known)
        height = HEIGHT - blocks
        when = BEGAN - timedelta(seconds=blocks)
        status = replace(
            sample.status.value,
            height=height,
            block_time=when,
            block_hash=block_hash_at(height),
            app_hash=app_hash_at(height - 1),
        )
        samples.append(
            replace(
                sample,
                status=known(status, sample.at),
                app=known(AppInfo(height=height, app_hash=app_hash_at(height)), sample.at),
                round=known(
                    replace(sample.round.value, height=height + 1, round=1, step=6), sample.at
                ),
            )
        )
    return replace(reading, samples=tuple(samples))


def behind(observation: CometReading, host: str, blocks: int = 50) -> CometReading:
    """Catching up: `blocks` below, rising, `catching_up` true, and not signing."""
    observation = settle(observation, mute=(host,))

    def lag(reading: HostReading) -> HostReading:
        held = held_back(reading, blocks)
        samples = []
        for i, sample in enumerate(held.samples):
            assert isinstance(sample.status, Known)
            status = replace(
                sample.status.value, height=sample.status.value.height + 10 * i, catching_up=True
            )
            app = AppInfo(height=status.height, app_hash=app_hash_at(status.height))
            samples.append(
                replace(sample, status=known(status, sample.at), app=known(app, sample.at))
            )
        return replace(held, samples=tuple(samples))

    return seen_at(change(observation, host, lag), host, HEIGHT - blocks + 1)


def disk_full(observation: CometReading, host: str) -> CometReading:
    """The data file system is full; the node died of it in CONSENSUS FAILURE."""

    def fill(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        return replace(reading, disk=known(replace(reading.disk.value, available=0)))

    return change(zombie(observation, host), host, fill)


def key_missing(observation: CometReading, host: str) -> CometReading:
    """Stopped, and config/priv_validator_key.json is gone."""
    return change(
        stopped(observation, host),
        host,
        lambda r: replace(r, key=known(ConsensusKey(address="", node_key=True))),
    )


def sign_state(
    observation: CometReading, host: str, height: int, *, signed: bool = False
) -> CometReading:
    """The sign state of `host` names `height` (0: zeroed); with `signed` it has signed bytes."""
    step = 3 if height else 0
    at = BEGAN if signed else None
    state = SignState(height=height, round=0, step=step, block="", signed_at=at)
    return change(observation, host, lambda r: replace(r, sign_state=known(state)))


def sign_state_missing(observation: CometReading, host: str) -> CometReading:
    """`priv_validator_state.json` is not there."""
    return change(
        observation,
        host,
        lambda r: replace(
            r, sign_state=unknown(f"there is no sign state file: {STATE_FILE}", Why.ABSENT)
        ),
    )


def duplicated(observation: CometReading, owner: str, copy: str) -> CometReading:
    """The key of `owner` lies on `copy`, too."""
    address = key_of(observation.host(owner))
    return change(
        observation,
        copy,
        lambda r: replace(r, key=known(ConsensusKey(address=address, node_key=True))),
    )


def configured(observation: CometReading, host: str, **fields: Any) -> CometReading:  # noqa: ANN401
    """Settings of `host`, e.g. `halt_height=100`."""

    def set_(reading: HostReading) -> HostReading:
        assert isinstance(reading.config, Known)
        return replace(reading, config=known(replace(reading.config.value, **fields)))

    return change(observation, host, set_)
