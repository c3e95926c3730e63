"""Observations made by hand: a healthy chain, and one-line ways to break it.

Every function takes an Observation and returns another one; chain readings of the nodes that still
answer are made to fit (`settle`): with more than two thirds of the power voting, blocks go on; with
less, height and round stand still and the votes of those that are gone are missing.

    world = stopped(healthy(), "val1")          # 40 of 100 gone: halted
    world = partitioned(healthy(), ("val1", "val4"))

Hosts are `val1`… (powers 40/30/20/10 unless told), `full1`, `standby1`, `bastion1`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from remediations.model.chain import (
    AppInfo,
    BlockMeta,
    BlockResult,
    Commit,
    CommitSignature,
    NodeStatus,
    Peer,
    PeerRound,
    RoundState,
    Validator,
    ValidatorSet,
)
from remediations.model.host import (
    Binary,
    ConsensusKey,
    Disk,
    JournalLine,
    NodeConfig,
    Ownership,
    Process,
    Session,
    Unit,
    WriteAheadLog,
)
from remediations.model.inventory import Role
from remediations.model.quorum import has_quorum
from remediations.model.reading import Known, Unknown
from remediations.model.sign_state import SignState
from remediations.observe.observation import (
    OBSERVATION_FORMAT,
    ChainSample,
    ChainView,
    HostReading,
    Observation,
    Scope,
)

T = TypeVar("T")

BEGAN = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)
POWERS = (40, 30, 20, 10)
CHAIN_ID = "worlds-1"
HEIGHT = 113
GAP = timedelta(seconds=3)
"""Between the two samples; a healthy world makes one block a second."""
MANY = 50
"""From this many hosts on, a node has `NEIGHBOURS` peers instead of everybody."""
NEIGHBOURS = 8

_SOURCE = "worlds"


def known(value: T, at: datetime = BEGAN) -> Known[T]:
    """`value` as a reading that succeeded."""
    return Known(value=value, source=_SOURCE, at=at)


def unknown(reason: str = "no answer", at: datetime = BEGAN) -> Unknown:
    """A reading that failed."""
    return Unknown(reason=reason, source=_SOURCE, at=at)


def _hex(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits].upper()


def address_of(index: int) -> str:
    """The consensus address of validator number `index` (from 1)."""
    return _hex(f"validator-{index}", 40)


def node_id_of(host: str) -> str:
    """The node id of `host`."""
    return _hex(f"node-{host}", 40).lower()


def app_hash_at(height: int, branch: str = "") -> str:
    """The application's hash after `height`; another `branch` has another hash."""
    return _hex(f"app-{height}-{branch}", 64)


def block_hash_at(height: int) -> str:
    """The hash of the block at `height`."""
    return _hex(f"block-{height}", 64)


# --- a healthy chain ------------------------------------------------------------------------------


def healthy(
    powers: Sequence[int] = POWERS,
    *,
    full: int = 1,
    standby: int = 1,
    bastion: int = 0,
    hosts: int | None = None,
    halted_after_s: int = 60,
    scope: Scope = Scope.FULL,
) -> Observation:
    """Blocks go on, everybody signs. Only the first `hosts` validators are in the inventory."""
    validators = tuple(
        Validator(address=address_of(i), power=power) for i, power in enumerate(powers, 1)
    )
    members = ValidatorSet(height=HEIGHT + 1, validators=validators)
    count = len(powers) if hosts is None else hosts
    readings = [
        _host(f"val{i}", Role.VALIDATOR, address_of(i)) for i in range(1, count + 1)
    ]
    readings += [
        _host(f"full{i}", Role.FULL, _hex(f"full-{i}", 40)) for i in range(1, full + 1)
    ]
    readings += [_standby(f"standby{i}") for i in range(1, standby + 1)]
    readings += [_bastion(f"bastion{i}") for i in range(1, bastion + 1)]
    observation = Observation(
        format=OBSERVATION_FORMAT,
        tool="0",
        scope=scope,
        began=BEGAN,
        ended=BEGAN + timedelta(seconds=5),
        inventory_digest="0" * 64,
        chain_id=CHAIN_ID,
        halted_after_s=halted_after_s,
        hosts=tuple(readings),
    )
    return settle(_connected(observation), members=members)


def _host(name: str, role: Role, address: str) -> HostReading:
    """A running node; its chain readings are filled in by `settle`."""
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
    sample = ChainSample(
        at=BEGAN,
        status=known(status),
        app=known(AppInfo(height=HEIGHT, app_hash=app_hash_at(HEIGHT))),
        round=unknown("not settled"),
    )
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
        unit=known(
            Unit(
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
                arguments=("start", "--home", "/var/lib/virtengine"),
                home="/var/lib/virtengine",
                restart_policy="on-failure",
                stop_timeout_s=20,
                open_files=65535,
                active_since=BEGAN - timedelta(hours=3),
                invocation=f"invocation-{name}",
            )
        ),
        processes=known((Process(pid=400, state="S", started=9000, command="virtengined start"),)),
        config=known(
            NodeConfig(
                rpc_url="http://127.0.0.1:26657",
                remote_signer="",
                double_sign_check_height=0,
                halt_height=0,
                halt_time=0,
                persistent_peers=(),
                db_backend="goleveldb",
            )
        ),
        key=known(ConsensusKey(address=address, node_key=True)),
        sign_state=known(SignState(height=0, round=0, step=0, block="")),
        wal=known(WriteAheadLog(size=100_000)),
        disk=known(
            Disk(
                available=50 << 30,
                total=100 << 30,
                inodes_available=1_000_000,
                writable=True,
                path="/var/lib/virtengine/data",
            )
        ),
        ownership=known(Ownership(foreign=0, example="")),
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
    )


def _standby(name: str) -> HostReading:
    reading = _silenced(_host(name, Role.STANDBY, ""))
    return replace(
        reading,
        unit=_unit(reading, active_state="inactive", sub_state="dead", main_pid=0),
        processes=known(()),
        wal=known(WriteAheadLog(size=0)),
        sign_state=unknown("no such file"),
    )


def _bastion(name: str) -> HostReading:
    blank = unreachable_reading(_host(name, Role.BASTION, ""), "no unit of the daemon here")
    return replace(blank, session=_host(name, Role.BASTION, "").session)


def _connected(observation: Observation) -> Observation:
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
            names[(at + step) % len(names)]
            for step in range(-NEIGHBOURS // 2, NEIGHBOURS // 2 + 1)
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


# --- making the chain readings fit ----------------------------------------------------------------


def answers(reading: HostReading) -> bool:
    """Whether this node's RPC answers in this observation."""
    return isinstance(reading.samples[-1].status, Known) if reading.samples else False


def members_of(observation: Observation) -> ValidatorSet | None:
    """The validator set, from the first node that knows it."""
    for reading in observation.hosts:
        if isinstance(reading.chain.validators, Known):
            return reading.chain.validators.value
    return None


def settle(
    observation: Observation,
    *,
    mute: Iterable[str] = (),
    members: ValidatorSet | None = None,
    round_: int = 0,
) -> Observation:
    """The chain readings after a change: blocks go on while more than 2/3 of the power votes.

    Who votes: addresses of hosts that answer, and addresses that no host holds; not `mute` hosts.
    """
    members = members or members_of(observation)
    if members is None:
        return observation
    lost = {
        key_of(reading)
        for reading in observation.hosts
        if reading.role is Role.VALIDATOR
        and (not answers(reading) or reading.host in set(mute))
    }
    votes = tuple(validator.address not in lost for validator in members.validators)
    power = sum(v.power for v, voted in zip(members.validators, votes, strict=True) if voted)
    moving = has_quorum(power, members.total)
    scene = _Scene(observation, members, votes, moving=moving, round_=round_)
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


def key_of(reading: HostReading) -> str:
    """The address of the key on this host, or ""."""
    return reading.key.value.address if isinstance(reading.key, Known) else ""


class _Scene:
    """The readings all nodes share, made once: thousands of hosts then share one object."""

    def __init__(
        self,
        observation: Observation,
        members: ValidatorSet,
        votes: tuple[bool, ...],
        *,
        moving: bool,
        round_: int,
    ) -> None:
        self.moving = moving
        self.voters = {
            v.address for v, voted in zip(members.validators, votes, strict=True) if voted
        }
        self.powers = {v.address: v.power for v in members.validators}
        age = timedelta(seconds=2 * observation.halted_after_s)
        self.times = [BEGAN, BEGAN + GAP]
        steps = GAP.seconds if moving else 0
        self.heights = [HEIGHT, HEIGHT + steps]
        self.block_times = [
            at - timedelta(milliseconds=400) if moving else BEGAN - age for at in self.times
        ]
        self.members: Known[ValidatorSet] = known(members)
        nobody = ("",) * len(votes)
        voted = tuple("nil" if vote else "" for vote in votes)
        self.rounds = [
            known(
                RoundState(
                    height=height + 1,
                    round=0 if moving else round_,
                    step=1 if moving else 4,
                    started=time,
                    prevotes=nobody if moving else voted,
                    precommits=nobody,
                    proposal="",
                ),
                at,
            )
            for height, at, time in zip(
                self.heights, self.times, self.block_times, strict=True
            )
        ]
        tip = self.heights[-1]
        self.commit = known(
            Commit(
                height=tip,
                round=0,
                signatures=tuple(
                    CommitSignature(address=v.address, flag=2 if vote or not moving else 1)
                    for v, vote in zip(members.validators, votes, strict=True)
                ),
            ),
            self.times[-1],
        )
        gaps = range(max(1, tip - 19), tip + 1)
        self.blocks = known(
            tuple(
                BlockMeta(
                    height=height,
                    block_hash=block_hash_at(height),
                    app_hash=app_hash_at(height - 1),
                    time=self.block_times[-1] - timedelta(seconds=tip - height),
                    evidence=False,
                )
                for height in reversed(gaps)
            )
        )
        self.result = known(BlockResult(height=tip, app_hash=app_hash_at(tip)))

    def fill(self, reading: HostReading) -> HostReading:
        """`reading` with this scene's chain readings and a sign state that fits."""
        address = key_of(reading)
        peers = reading.chain.peer_rounds
        state = reading.sign_state
        if address in self.voters:
            step = 3 if self.moving else 2
            height = self.heights[-1] + (0 if self.moving else 1)
            round_ = self.rounds[-1].value.round if not self.moving else 0
            state = known(SignState(height=height, round=round_, step=step, block=""))
        elif address in self.powers:
            state = known(SignState(height=self.heights[-1], round=0, step=3, block=""))
        return replace(
            reading,
            sign_state=state,
            samples=tuple(self._sample(reading, i, address) for i in range(2)),
            chain=replace(
                reading.chain,
                validators=self.members,
                commit=self.commit,
                blocks=self.blocks,
                result=self.result,
                peer_rounds=known(
                    tuple(replace(p, height=self.heights[-1] + 1) for p in peers.value)
                )
                if isinstance(peers, Known)
                else peers,
            ),
        )

    def _sample(self, reading: HostReading, index: int, address: str) -> ChainSample:
        before = reading.samples[-1].status
        assert isinstance(before, Known)
        height, at = self.heights[index], self.times[index]
        status = replace(
            before.value,
            height=height,
            block_hash=block_hash_at(height),
            app_hash=app_hash_at(height - 1),
            block_time=self.block_times[index],
            address=address,
            power=self.powers.get(address, 0),
        )
        return ChainSample(
            at=at,
            status=known(status, at),
            app=known(AppInfo(height=height, app_hash=app_hash_at(height)), at),
            round=self.rounds[index],
        )


# --- changing one host ----------------------------------------------------------------------------


def change(
    observation: Observation, host: str, how: Callable[[HostReading], HostReading]
) -> Observation:
    """`observation` with `how` applied to one host."""
    observation.host(host)
    return replace(
        observation, hosts=tuple(how(r) if r.host == host else r for r in observation.hosts)
    )


def _unit(reading: HostReading, **fields: Any) -> Known[Unit]:  # noqa: ANN401 - Unit's own fields
    assert isinstance(reading.unit, Known)
    return known(replace(reading.unit.value, **fields))


def _silenced(reading: HostReading, reason: str = "connection refused") -> HostReading:
    """The same host with an RPC that does not answer."""
    nothing = unknown(reason)
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


def _forgotten(observation: Observation, host: str) -> Observation:
    """No other node lists `host` as a peer any more."""
    gone = node_id_of(host)

    def forget(reading: HostReading) -> HostReading:
        peers, rounds = reading.chain.peers, reading.chain.peer_rounds
        chain = replace(
            reading.chain,
            peers=known(tuple(p for p in peers.value if p.node_id != gone))
            if isinstance(peers, Known)
            else peers,
            peer_rounds=known(tuple(p for p in rounds.value if p.node_id != gone))
            if isinstance(rounds, Known)
            else rounds,
        )
        return replace(reading, chain=chain)

    return replace(observation, hosts=tuple(forget(r) for r in observation.hosts))


def _downed(observation: Observation, host: str, **fields: Any) -> Observation:  # noqa: ANN401
    unit = {"active_state": "inactive", "sub_state": "dead", "main_pid": 0} | fields

    def down(reading: HostReading) -> HostReading:
        quiet = _silenced(reading)
        return replace(quiet, unit=_unit(reading, **unit), processes=known(()))

    return _forgotten(change(observation, host, down), host)


def stopped(observation: Observation, *hosts: str) -> Observation:
    """`systemctl stop`: the units are inactive, nothing runs."""
    for host in hosts:
        observation = _downed(observation, host)
    return settle(observation)


def disabled(observation: Observation, host: str, *, enabled: str = "disabled") -> Observation:
    """Stopped, and not started at boot either (or `enabled="masked"`)."""
    return settle(_downed(observation, host, enabled=enabled))


def failed(
    observation: Observation, host: str, *, exit_status: int = 1, result: str = "exit-code"
) -> Observation:
    """systemd gave up, or never restarted it."""
    return settle(
        _downed(
            observation, host, active_state="failed", sub_state="failed", result=result,
            exit_status=exit_status,
        )
    )


def crash_looping(
    observation: Observation, host: str, *lines: str, exit_status: int = 2, restarts: int = 9
) -> Observation:
    """systemd restarts it again and again; the journal says `lines`."""
    observation = _downed(
        observation, host, active_state="activating", sub_state="auto-restart", result="exit-code",
        exit_status=exit_status, restarts=restarts, active_since=BEGAN - timedelta(seconds=3),
    )
    return settle(logged(observation, host, *lines))


def frozen(observation: Observation, host: str, *, state: str = "T") -> Observation:
    """SIGSTOP (or `state="S"`, a hung RPC): the unit is active, nothing answers."""

    def freeze(reading: HostReading) -> HostReading:
        process = Process(pid=400, state=state, started=9000, command="virtengined start")
        return replace(_silenced(reading, "timed out"), processes=known((process,)))

    return settle(change(observation, host, freeze))


def unreachable_reading(reading: HostReading, reason: str) -> HostReading:
    """The same host when SSH failed: all is unknown."""
    nothing = unknown(reason)
    return replace(
        _silenced(reading, reason),
        session=nothing,
        unit=nothing,
        processes=nothing,
        config=nothing,
        key=nothing,
        sign_state=nothing,
        wal=nothing,
        disk=nothing,
        ownership=nothing,
        binary=nothing,
        journal=nothing,
        samples=(),
    )


def unreachable(observation: Observation, host: str, *, alive: bool = False) -> Observation:
    """SSH fails. `alive`: the daemon goes on and the others still see its votes."""
    observation = change(observation, host, lambda r: unreachable_reading(r, "connection timed out"))
    if alive:
        return observation
    lost = key_of(healthy_twin(observation).host(host))
    return _settle_without(_forgotten(observation, host), lost)


def healthy_twin(observation: Observation) -> Observation:
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


def _settle_without(observation: Observation, *addresses: str) -> Observation:
    """Like `settle`, with validators gone whose host says nothing at all."""
    members = members_of(observation)
    if members is None:
        return observation
    dead = set(addresses) | {
        key_of(r)
        for r in observation.hosts
        if r.role is Role.VALIDATOR and not answers(r)
    }
    votes = tuple(v.address not in dead for v in members.validators)
    power = sum(v.power for v, voted in zip(members.validators, votes, strict=True) if voted)
    scene = _Scene(
        observation, members, votes, moving=has_quorum(power, members.total), round_=0
    )
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


def logged(observation: Observation, host: str, *lines: str) -> Observation:
    """The journal of `host` carries `lines`, the last one a second ago."""
    entries = tuple(
        JournalLine(at=BEGAN - timedelta(seconds=len(lines) - i), message=line)
        for i, line in enumerate(lines)
    )
    return change(observation, host, lambda r: replace(r, journal=known(entries)))


def zombie(observation: Observation, *hosts: str, lines: Sequence[str] = ()) -> Observation:
    """CONSENSUS FAILURE some blocks ago: the process answers, its height stands still."""
    said = tuple(lines) or ('CONSENSUS FAILURE!!! err="boom" module=consensus',)
    for host in hosts:
        observation = logged(observation, host, *said)
    observation = settle(observation, mute=hosts)
    for host in hosts:
        observation = change(observation, host, lambda r: _held_back(r, 10))
    return observation


def _held_back(reading: HostReading, blocks: int) -> HostReading:
    """The node stands `blocks` below where it would, in both samples."""
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        assert isinstance(sample.round, Known)
        height = HEIGHT - blocks
        when = BEGAN - timedelta(seconds=blocks)
        samples.append(
            replace(
                sample,
                status=known(
                    replace(sample.status.value, height=height, block_time=when), sample.at
                ),
                app=known(AppInfo(height=height, app_hash=app_hash_at(height)), sample.at),
                round=known(
                    replace(sample.round.value, height=height + 1, round=1, step=6), sample.at
                ),
            )
        )
    return replace(reading, samples=tuple(samples))


def behind(observation: Observation, host: str, blocks: int = 50) -> Observation:
    """Catching up: `blocks` below, rising, `catching_up` true, and not signing."""
    observation = settle(observation, mute=(host,))

    def lag(reading: HostReading) -> HostReading:
        held = _held_back(reading, blocks)
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

    return change(observation, host, lag)


def disk_full(observation: Observation, host: str) -> Observation:
    """The data file system is full; the node died of it in CONSENSUS FAILURE."""

    def fill(reading: HostReading) -> HostReading:
        assert isinstance(reading.disk, Known)
        return replace(reading, disk=known(replace(reading.disk.value, available=0)))

    return change(zombie(observation, host), host, fill)


def key_missing(observation: Observation, host: str) -> Observation:
    """Stopped, and config/priv_validator_key.json is gone."""
    return change(
        stopped(observation, host),
        host,
        lambda r: replace(r, key=known(ConsensusKey(address="", node_key=True))),
    )


def sign_state(observation: Observation, host: str, height: int) -> Observation:
    """The sign state of `host` names `height` (0: zeroed)."""
    step = 3 if height else 0
    state = SignState(height=height, round=0, step=step, block="")
    return change(observation, host, lambda r: replace(r, sign_state=known(state)))


def sign_state_missing(observation: Observation, host: str) -> Observation:
    """`priv_validator_state.json` is not there."""
    return change(
        observation, host, lambda r: replace(r, sign_state=unknown("no such file"))
    )


def duplicated(observation: Observation, owner: str, copy: str) -> Observation:
    """The key of `owner` lies on `copy`, too."""
    address = key_of(observation.host(owner))
    return change(
        observation, copy, lambda r: replace(r, key=known(ConsensusKey(address=address, node_key=True)))
    )


def configured(observation: Observation, host: str, **fields: Any) -> Observation:  # noqa: ANN401
    """Settings of `host`, e.g. `halt_height=100`."""

    def set_(reading: HostReading) -> HostReading:
        assert isinstance(reading.config, Known)
        return replace(reading, config=known(replace(reading.config.value, **fields)))

    return change(observation, host, set_)


# --- changing the chain ---------------------------------------------------------------------------


def halted(
    observation: Observation, *, votes: Sequence[str] | None = None, rounds: tuple[int, int] = (0, 0)
) -> Observation:
    """No blocks, though every process runs. `votes` per validator; all "nil" unless told."""
    members = members_of(observation)
    assert members is not None
    scene = _Scene(
        observation, members, (True,) * len(members.validators), moving=False, round_=rounds[0]
    )
    cast = tuple(votes) if votes is not None else ("nil",) * len(members.validators)
    scene.rounds = [
        known(replace(reading.value, round=round_, prevotes=cast), reading.at)
        for reading, round_ in zip(scene.rounds, rounds, strict=True)
    ]
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


def split(observation: Observation, *sides: Sequence[str], rounds: tuple[int, int] = (7, 8)) -> Observation:
    """App-hash split: each of `sides` computed another state at the same height; rounds rise."""
    observation = halted(observation, rounds=rounds)
    for branch, side in enumerate(sides):
        for host in side:
            observation = change(
                observation, host, lambda r, b=str(branch): _on_branch(r, b)  # type: ignore[misc]
            )
    return observation


def _on_branch(reading: HostReading, branch: str) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.app, Known)
        height = sample.app.value.height
        app = AppInfo(height=height, app_hash=app_hash_at(height, branch))
        samples.append(replace(sample, app=known(app, sample.at)))
    result = reading.chain.result
    if isinstance(result, Known):
        height = result.value.height
        result = known(BlockResult(height=height, app_hash=app_hash_at(height, branch)))
    return replace(reading, samples=tuple(samples), chain=replace(reading.chain, result=result))


def diverged(observation: Observation, host: str) -> Observation:
    """A minority's own wrong app hash: zombie ten blocks ago, the others go on."""
    observation = zombie(
        observation,
        host,
        lines=(
            'CONSENSUS FAILURE!!! err="precommit step; +2/3 prevoted for an invalid block: '
            'wrong Block.Header.AppHash.  Expected AA, got BB"',
        ),
    )
    return change(observation, host, lambda r: _on_branch(r, "wrong"))


def partitioned(observation: Observation, *sides: Sequence[str], peers_gone: bool = False) -> Observation:
    """Network partition: each side sees only its own votes. Hosts not named are with side one.

    Peer tables stay full (they do for more than 75 s), unless `peers_gone`.
    """
    members = members_of(observation)
    assert members is not None
    observation = halted(observation)
    named = {host for side in sides for host in side}
    rest = tuple(r.host for r in observation.hosts if r.host not in named)
    groups = [(*sides[0], *rest), *sides[1:]] if len(sides) > 1 else [tuple(sides[0]), rest]
    for group in groups:
        addresses = {key_of(observation.host(host)) for host in group}
        cast = tuple("nil" if v.address in addresses else "" for v in members.validators)
        ids = {node_id_of(host) for host in group}
        for host in group:
            if answers(observation.host(host)):
                observation = change(
                    observation,
                    host,
                    lambda r, c=cast, i=ids: _confined(r, c, i, cut=peers_gone),  # type: ignore[misc]
                )
    return observation


def _confined(
    reading: HostReading, votes: tuple[str, ...], side: set[str], *, cut: bool
) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.round, Known)
        samples.append(
            replace(sample, round=known(replace(sample.round.value, prevotes=votes), sample.at))
        )
    chain = reading.chain
    if cut and isinstance(chain.peers, Known) and isinstance(chain.peer_rounds, Known):
        chain = replace(
            chain,
            peers=known(tuple(p for p in chain.peers.value if p.node_id in side)),
            peer_rounds=known(tuple(p for p in chain.peer_rounds.value if p.node_id in side)),
        )
    return replace(reading, samples=tuple(samples), chain=chain)


def isolated(observation: Observation, host: str) -> Observation:
    """Cut off from the network while the others go on: height stands, peers look stale."""
    observation = settle(observation, mute=(host,))

    def cut(reading: HostReading) -> HostReading:
        held = _held_back(reading, 10)
        chain = replace(held.chain, peers=known(()), peer_rounds=known(()))
        return replace(held, chain=chain)

    return change(observation, host, cut)


def panicked(observation: Observation, *hosts: str, lines: Sequence[str] = ()) -> Observation:
    """The application fails at the next block: stored, not applied (B = A + 1, step Commit)."""
    observation = halted(observation)
    said = tuple(lines) or (
        'CONSENSUS FAILURE!!! err="failed to apply block; error panic in EndBlocker" stack="…"',
    )
    for host in hosts:
        observation = change(logged(observation, host, *said), host, _stuck_in_commit)
    return observation


def _stuck_in_commit(reading: HostReading) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        assert isinstance(sample.round, Known)
        height = sample.status.value.height + 1
        samples.append(
            replace(
                sample,
                status=known(replace(sample.status.value, height=height), sample.at),
                round=known(replace(sample.round.value, height=height, step=8), sample.at),
            )
        )
    return replace(reading, samples=tuple(samples))


def lying(observation: Observation, host: str, above: int = 500) -> Observation:
    """`/status` of `host` claims `above` blocks more than it has."""

    def lie(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            status = sample.status.value
            samples.append(
                replace(
                    sample,
                    status=known(
                        replace(status, height=status.height + above, block_time=sample.at),
                        sample.at,
                    ),
                )
            )
        return replace(reading, samples=tuple(samples))

    return change(observation, host, lie)


def deciding(observation: Observation) -> Observation:
    """The same world read in `Scope.DECIDING`: journal and binary were not looked at."""
    nothing = unknown("not read in this scope")
    return replace(
        observation,
        scope=Scope.DECIDING,
        hosts=tuple(replace(r, journal=nothing, binary=nothing) for r in observation.hosts),
    )
