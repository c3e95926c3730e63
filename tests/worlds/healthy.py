"""A healthy chain of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from msgspec.structs import replace

from remediations.engine.observe.observation import OBSERVATION_FORMAT, Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import ChainSample, ChainView, CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    AppInfo,
    NodeStatus,
    Peer,
    PeerRound,
    Validator,
    ValidatorSet,
)
from remediations.systems.hosts.values import (
    Binary,
    ConsensusKey,
    Disk,
    NodeConfig,
    Ownership,
    Process,
    RecordRoom,
    Session,
    Unit,
    WriteAheadLog,
)
from remediations.values.reading import Why
from tests.worlds.base import (
    BEGAN,
    CHAIN_ID,
    GAP,
    HEIGHT,
    HOME,
    MANY,
    NEIGHBOURS,
    POWERS,
    STATE_FILE,
    address_of,
    answers,
    app_hash_at,
    block_hash_at,
    hex_of,
    known,
    login_of,
    members_of,
    node_id_of,
    silenced,
    unit_of,
    unknown,
    unreachable_reading,
)
from tests.worlds.settling import settle

CONFIG = NodeConfig(
    rpc_url="http://127.0.0.1:26657",
    remote_signer="",
    double_sign_check_height=0,
    halt_height=0,
    halt_time=0,
    persistent_peers=(),
    db_backend="goleveldb",
)
DISK = Disk(
    available=50 << 30,
    total=100 << 30,
    inodes_available=1_000_000,
    writable=True,
    path=f"{HOME}/data",
)
RECORDS = RecordRoom(
    path="/var/lib",
    available=50 << 30,
    inodes_available=1_000_000,
    writable=True,
    exposed="",
)


def healthy(
    powers: Sequence[int] = POWERS,
    *,
    full: int = 1,
    standby: int = 1,
    bastion: int = 0,
    hosts: int | None = None,
    halted_after_s: int = 60,
    scope: Scope = Scope.FULL,
) -> CometReading:
    """Blocks go on, everybody signs. Only the first `hosts` validators are in the inventory."""
    validators = tuple(
        Validator(address=address_of(i), power=power) for i, power in enumerate(powers, 1)
    )
    members = ValidatorSet(height=HEIGHT + 1, validators=validators)
    count = len(powers) if hosts is None else hosts
    readings = [_host(f"val{i}", Role.VALIDATOR, address_of(i)) for i in range(1, count + 1)]
    readings += [_host(f"full{i}", Role.FULL, hex_of(f"full-{i}", 40)) for i in range(1, full + 1)]
    readings += [_standby(f"standby{i}") for i in range(1, standby + 1)]
    readings += [_bastion(f"bastion{i}") for i in range(1, bastion + 1)]
    observation = CometReading(
        format=OBSERVATION_FORMAT,
        tool="0",
        scope=scope,
        began=BEGAN,
        ended=BEGAN + timedelta(seconds=5),
        inventory_digest="0" * 64,
        chain_id=CHAIN_ID,
        halted_after_s=halted_after_s,
        logins=tuple(login_of(reading.host) for reading in readings),
        hosts=tuple(readings),
    )
    return settle(_connected(observation), members=members)


def _host(name: str, role: Role, address: str) -> HostReading:
    """A running node; its chain readings are filled in by `settle`."""
    sample = _sample(name, address)
    return HostReading(
        host=name,
        role=role,
        session=known(
            Session(
                user="operator",
                sudo=True,
                boot_id=f"boot-{name}",
                machine_id=f"machine-{name}",
                round_trip_ms=2,
                clock_offset_ms=1,
            )
        ),
        candidates=(),
        unit=known(_unit(name)),
        processes=known((Process(pid=400, state="S", started=9000, command="virtengined start"),)),
        config=known(CONFIG),
        key=known(ConsensusKey(address=address, node_key=True)),
        sign_state=known(SignState(height=0, round=0, step=0, block="")),
        wal=known(WriteAheadLog(size=100_000)),
        disk=known(DISK),
        ownership=known(Ownership(foreign=0, example="")),
        records=known(RECORDS),
        samples=(sample, replace(sample, at=BEGAN + GAP)),
        chain=ChainView(
            validators=unknown("not settled"),
            peers=known(()),
            peer_rounds=known(()),
            blocks=unknown("not settled"),
            commit=unknown("not settled"),
            result=unknown("not settled"),
        ),
        binary=known(
            Binary(
                path="/usr/local/bin/virtengined",
                sha256="a" * 64,
                running_sha256="a" * 64,
                version="",
            )
        ),
        journal=known(()),
        jobs=known(()),
    )


def _sample(name: str, address: str) -> ChainSample:
    """What the node answers at first, before it is settled who votes."""
    status = NodeStatus(
        node_id=node_id_of(name),
        network=CHAIN_ID,
        moniker=name,
        height=HEIGHT,
        block_hash=block_hash_at(HEIGHT),
        app_hash=app_hash_at(HEIGHT - 1),
        block_time=BEGAN,
        earliest_height=1,
        catching_up=False,
        address=address,
        power=0,
    )
    return ChainSample(
        at=BEGAN,
        status=known(status),
        app=known(AppInfo(height=HEIGHT, app_hash=app_hash_at(HEIGHT))),
        round=unknown("not settled"),
    )


def _unit(name: str) -> Unit:
    """The daemon's unit, active for three hours."""
    return Unit(
        name="virtengine.service",
        load_state="loaded",
        active_state="active",
        sub_state="running",
        enabled="enabled",
        result="success",
        restarts=0,
        main_pid=400,
        exit_status=0,
        user="virtengine",
        binary="/usr/local/bin/virtengined",
        arguments=("start", "--home", HOME),
        home=HOME,
        restart_policy="on-failure",
        stop_timeout_s=20,
        open_files=65535,
        active_since=BEGAN - timedelta(hours=3),
        invocation=hex_of(f"invocation-{name}", 32).lower(),
    )


def _standby(name: str) -> HostReading:
    reading = silenced(_host(name, Role.STANDBY, ""))
    return replace(
        reading,
        unit=unit_of(reading, active_state="inactive", sub_state="dead", main_pid=0),
        processes=known(()),
        wal=known(WriteAheadLog(size=0)),
        sign_state=unknown(f"there is no sign state file: {STATE_FILE}", Why.ABSENT),
    )


def _bastion(name: str) -> HostReading:
    bastion = _host(name, Role.BASTION, "")
    blank = unreachable_reading(bastion, "no unit of the daemon here", Why.NO_UNIT)
    return replace(blank, session=bastion.session)


def _connected(observation: CometReading) -> CometReading:
    """Everybody who answers is a peer of everybody, or of the next few in a ring."""
    names = [reading.host for reading in observation.hosts if answers(reading)]
    ring = names if len(names) < MANY else None
    fresh = []
    position = {name: i for i, name in enumerate(names)}
    for reading in observation.hosts:
        if reading.host not in position:
            fresh.append(reading)
            continue
        at = position[reading.host]
        near = ring or [
            names[(at + step) % len(names)] for step in range(-NEIGHBOURS // 2, NEIGHBOURS // 2 + 1)
        ]
        fresh.append(_with_peers(reading, [name for name in near if name != reading.host]))
    return replace(observation, hosts=tuple(fresh))


def _with_peers(reading: HostReading, names: Iterable[str]) -> HostReading:
    peers = tuple(
        Peer(
            node_id=node_id_of(name),
            moniker=name,
            network=CHAIN_ID,
            remote_ip="10.0.0.1",
            outbound=True,
        )
        for name in names
    )
    rounds = tuple(
        PeerRound(node_id=peer.node_id, height=HEIGHT + 1, round=0, step=3) for peer in peers
    )
    chain = replace(reading.chain, peers=known(peers), peer_rounds=known(rounds))
    return replace(reading, chain=chain)


def healthy_twin(observation: CometReading) -> CometReading:
    """A healthy world with the same hosts: for what a broken one no longer says."""
    members = members_of(observation)
    powers = tuple(v.power for v in members.validators) if members else POWERS
    count = {role: sum(r.role is role for r in observation.hosts) for role in Role}
    return healthy(
        powers,
        full=count[Role.FULL],
        standby=count[Role.STANDBY],
        bastion=count[Role.BASTION],
        hosts=count[Role.VALIDATOR],
    )
