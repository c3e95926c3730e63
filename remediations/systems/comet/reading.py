"""What was read of CometBFT nodes and their chain, host by host, in one look.

`CometNodes` is the part of an observation that is written. `CometReading` is the same with what the
look as a whole and the hosts themselves add to it: what a domain works on.

What decides (two samples of the chain, unit, processes, sign state, files, journal) and what
describes (the version that the program tells of itself) are apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from remediations.engine.observe.observation import Observation, Scope, unusable_part_error
from remediations.systems.comet.absence import Absence
from remediations.systems.comet.announced import Announced
from remediations.systems.comet.blocks import DuplicateVotes, PinnedBlock
from remediations.systems.comet.cosmovisor import Cosmovisor
from remediations.systems.comet.data_copy import DataCopy
from remediations.systems.comet.inventory import HaltedAfter, Role
from remediations.systems.comet.jobs import Job
from remediations.systems.comet.pressure import Pressure
from remediations.systems.comet.room import Room, StoreSettings
from remediations.systems.comet.rounds import Rollback
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.staking import Standing
from remediations.systems.comet.state_copies import StateCopies
from remediations.systems.comet.state_sync import StateSync
from remediations.systems.comet.values import (
    AppInfo,
    BlockMeta,
    BlockResult,
    Commit,
    Dial,
    Genesis,
    LastVotes,
    NodeStatus,
    Peer,
    PeerRound,
    RoundState,
    ValidatorSet,
)
from remediations.systems.comet.ways import Ways
from remediations.systems.hosts.reading import HostLogin, HostsReading
from remediations.systems.hosts.values import (
    Binary,
    ConsensusKey,
    Disk,
    FileChange,
    JournalLine,
    NodeConfig,
    Ownership,
    Process,
    RecordRoom,
    Session,
    Unit,
    WriteAheadLog,
)
from remediations.values.login import Login
from remediations.values.part import Kinded, Part
from remediations.values.reading import Reading, Unknown, Why
from remediations.values.record import Moment, Record

_NOT_READ = Unknown(
    why=Why.NOT_ASKED,
    reason="not read by the version that made this observation",
    source="dump_consensus_state",
    at=datetime(1970, 1, 1, tzinfo=UTC),
)


class ChainSample(Record, frozen=True, kw_only=True):
    """One look at the chain through one node. `at` is the host's clock corrected to ours, UTC."""

    at: Moment
    status: Reading[NodeStatus]
    app: Reading[AppInfo]
    round: Reading[RoundState]


class ChainView(Record, frozen=True, kw_only=True, omit_defaults=True):
    """The rest of what one node says of the chain: read once. An observation that was made without
    a field that has a default stays as it is, byte for byte.

    `signers` is the set that signed `commit`, None where it is `validators`. `anchor` and
    `anchor_set` are the commit and the set of the pinned block, None where none is. `evidence` is
    what the newest of the `blocks` that have evidence says, None where none has. `absent` is what
    the chain counts against those who did not sign `commit`, None where all did.
    """

    validators: Reading[ValidatorSet]
    peers: Reading[tuple[Peer, ...]]
    peer_rounds: Reading[tuple[PeerRound, ...]]
    blocks: Reading[tuple[BlockMeta, ...]]
    commit: Reading[Commit]
    result: Reading[BlockResult]
    signers: Reading[ValidatorSet] | None = None
    anchor: Reading[Commit] | None = None
    anchor_set: Reading[ValidatorSet] | None = None
    last_votes: Reading[LastVotes] = _NOT_READ
    evidence: Reading[tuple[DuplicateVotes, ...]] | None = None
    absent: Reading[tuple[Absence, ...]] | None = None


class NodeReading(Record, frozen=True, kw_only=True):
    """One host as a node. `candidates` are the units that may be the daemon's, where `unit` is
    unknown because the host has several. `dials` are the persistent peers that it lacks, and
    `changes` when the files changed that decide how it starts; None or unset in observations of
    before these were read, which stay as they are, byte for byte. `genesis` is read where the node
    does not answer, `standing` where a validator has no power, `ways` where it lacks persistent
    peers or stands, `room` where little of its disk is free, `cosmovisor` where the unit starts
    that, `state_copies` where its unit has no process. `copies` are the copies of databases that
    the host keeps, unset where it keeps none. `sync` is what it tells of state sync, `pressure`
    what is asked of its host, in a full reading. `rollbacks` are
    those of ours that the host keeps records of, unset where it keeps none. `announced` is what its
    `upgrade-info.json` says of programs, where it has one. `jobs` are the lines that name the
    daemon in what its host starts by the clock, where the home is known."""

    host: str
    role: Role
    unit: Reading[Unit]
    candidates: tuple[str, ...]
    processes: Reading[tuple[Process, ...]]
    config: Reading[NodeConfig]
    key: Reading[ConsensusKey]
    sign_state: Reading[SignState]
    wal: Reading[WriteAheadLog]
    disk: Reading[Disk]
    ownership: Reading[Ownership]
    samples: tuple[ChainSample, ...]
    chain: ChainView
    binary: Reading[Binary]
    journal: Reading[tuple[JournalLine, ...]]
    dials: Reading[tuple[Dial, ...]] | None = None
    changes: Reading[tuple[FileChange, ...]] | UnsetType = UNSET
    genesis: Reading[Genesis] | UnsetType = UNSET
    standing: Standing | UnsetType = UNSET
    copies: Reading[tuple[DataCopy, ...]] | UnsetType = UNSET
    ways: Reading[Ways] | UnsetType = UNSET
    room: Reading[Room] | UnsetType = UNSET
    store: Reading[StoreSettings] | UnsetType = UNSET
    cosmovisor: Reading[Cosmovisor] | UnsetType = UNSET
    sync: StateSync | UnsetType = UNSET
    pressure: Reading[Pressure] | UnsetType = UNSET
    state_copies: Reading[StateCopies] | UnsetType = UNSET
    rollbacks: Reading[tuple[Rollback, ...]] | UnsetType = UNSET
    announced: Reading[Announced] | UnsetType = UNSET
    jobs: Reading[tuple[Job, ...]] | UnsetType = UNSET


class HostReading(NodeReading, frozen=True, kw_only=True):
    """A node with the host that it is on. When `session` is unknown nothing else could be read, and
    all is unknown."""

    session: Reading[Session]
    records: Reading[RecordRoom]


class CometNodes(Kinded, frozen=True, kw_only=True, omit_defaults=True):
    """The nodes of one chain, in the inventory's order; `trust` is the block that it pins."""

    KIND: ClassVar[str] = "comet.reading/1"

    chain_id: str
    halted_after_s: HaltedAfter
    hosts: tuple[NodeReading, ...]
    trust: PinnedBlock | None = None


class CometReading(Record, frozen=True, kw_only=True, dict=True):
    """A whole observation of one chain: its envelope, and its nodes with the hosts that they are
    on. `elsewhere` are the hosts that have no part in the chain; nothing is concluded of them."""

    format: int
    tool: str
    scope: Scope
    began: Moment
    ended: Moment
    inventory_digest: str
    chain_id: str
    halted_after_s: HaltedAfter
    logins: tuple[Login, ...]
    hosts: tuple[HostReading, ...]
    elsewhere: tuple[HostLogin, ...] = ()
    others: tuple[Part, ...] = ()
    trust: PinnedBlock | None = None

    def host(self, name: str) -> HostReading:
        """The reading of host `name`.

        Raises:
            KeyError: it was not observed, or has no node.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, HostReading]:
        """Every plan asks for every host that it acts on, several times."""
        return {reading.host: reading for reading in self.hosts}


def comet_reading(observation: Observation) -> CometReading:
    """What an observation says of the chain.

    Raises:
        UsageError: it has no reading of a chain, or one that this version did not write.
    """
    nodes, logins = observation.read(CometNodes), observation.read(HostsReading)
    led = [login.host for login in observation.logins]
    if [one.host for one in logins.hosts] != led or len(set(led)) < len(led):
        got = "other hosts than those whose names were led, each once"
        raise unusable_part_error(HostsReading.KIND, got)
    with_node = {node.host for node in nodes.hosts}
    if [node.host for node in nodes.hosts] != [host for host in led if host in with_node]:
        got = "nodes on other hosts than those whose names were led, each once, in their order"
        raise unusable_part_error(CometNodes.KIND, got)
    return CometReading(
        format=observation.format,
        tool=observation.tool,
        scope=observation.scope,
        began=observation.began,
        ended=observation.ended,
        inventory_digest=observation.inventory_digest,
        chain_id=nodes.chain_id,
        halted_after_s=nodes.halted_after_s,
        logins=observation.logins,
        hosts=tuple(on_host(node, logins.host(node.host)) for node in nodes.hosts),
        elsewhere=tuple(login for login in logins.hosts if login.host not in with_node),
        others=tuple(part for part in observation.parts if part.kind not in _OURS),
        trust=nodes.trust,
    )


def has_nodes(observation: Observation) -> bool:
    """Whether there is a chain in it at all: hosts that are expected to have a node. What is read
    strictly later is only glanced at here, and a part of another form is one that has to be read.
    """
    part = observation.part(CometNodes.KIND)
    if part is None:
        return False
    hosts = part.value.get("hosts")
    if not isinstance(hosts, list):
        return True
    return any(not isinstance(one, dict) or one.get("role") != Role.BASTION for one in hosts)


def sealed(reading: CometReading) -> Observation:
    """The observation that says exactly this: what `comet_reading` came from."""
    ours = (
        HostsReading(hosts=_logins(reading)),
        CometNodes(
            chain_id=reading.chain_id,
            halted_after_s=reading.halted_after_s,
            hosts=tuple(map(_node, reading.hosts)),
            trust=reading.trust,
        ),
    )
    parts = [*map(Part.of, ours), *reading.others]
    return Observation(
        format=reading.format,
        tool=reading.tool,
        scope=reading.scope,
        began=reading.began,
        ended=reading.ended,
        inventory_digest=reading.inventory_digest,
        logins=reading.logins,
        parts=tuple(sorted(parts, key=lambda part: part.kind)),
    )


def _logins(reading: CometReading) -> tuple[HostLogin, ...]:
    """Those of all hosts, in the inventory's order, which is that of the names that were led."""
    found = [HostLogin(host=h.host, session=h.session, records=h.records) for h in reading.hosts]
    place = {login.host: index for index, login in enumerate(reading.logins)}
    if not reading.elsewhere:
        return tuple(found)
    return tuple(sorted((*found, *reading.elsewhere), key=lambda one: place[one.host]))


def on_host(node: NodeReading, login: HostLogin) -> HostReading:
    """A node with its host."""
    return HostReading(**_fields(node), session=login.session, records=login.records)


_OURS = (CometNodes.KIND, HostsReading.KIND)
_NODE_FIELDS = NodeReading.__struct_fields__


def _node(reading: HostReading) -> NodeReading:
    return NodeReading(**_fields(reading))


def _fields(reading: NodeReading) -> dict[str, Any]:
    return {name: getattr(reading, name) for name in _NODE_FIELDS}
