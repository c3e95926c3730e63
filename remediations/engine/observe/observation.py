"""The Observation: everything that was read in one look at all hosts, frozen.

What decides (two samples of the chain, unit, processes, sign state, files, journal) and what
describes (hash and version of the program) are apart: `apply` re-reads only what decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property

from remediations.files.trusted import MEGABYTE
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    AppInfo,
    BlockMeta,
    BlockResult,
    Commit,
    NodeStatus,
    Peer,
    PeerRound,
    RoundState,
    ValidatorSet,
)
from remediations.systems.hosts.values import (
    Binary,
    ConsensusKey,
    Disk,
    JournalLine,
    NodeConfig,
    Ownership,
    Process,
    RecordRoom,
    Session,
    Unit,
    WriteAheadLog,
)
from remediations.values.inventory import HaltedAfter, Role
from remediations.values.login import Login
from remediations.values.reading import Reading
from remediations.values.record import Moment, Record


class Scope(StrEnum):
    """How much was read: everything, or what decides. The latter lacks the version that the
    daemon's program tells of itself, for which it has to be started."""

    FULL = "full"
    DECIDING = "deciding"


class ChainSample(Record, frozen=True, kw_only=True):
    """One look at the chain through one node. `at` is the host's clock corrected to ours, UTC."""

    at: Moment
    status: Reading[NodeStatus]
    app: Reading[AppInfo]
    round: Reading[RoundState]


class ChainView(Record, frozen=True, kw_only=True):
    """The rest of what one node says of the chain: read once."""

    validators: Reading[ValidatorSet]
    peers: Reading[tuple[Peer, ...]]
    peer_rounds: Reading[tuple[PeerRound, ...]]
    blocks: Reading[tuple[BlockMeta, ...]]
    commit: Reading[Commit]
    result: Reading[BlockResult]


class HostReading(Record, frozen=True, kw_only=True):
    """One host. When `session` is unknown nothing else could be read, and all is unknown.

    `candidates` are the units that may be the daemon's, where `unit` is unknown because the host
    has several.
    """

    host: str
    role: Role
    session: Reading[Session]
    unit: Reading[Unit]
    candidates: tuple[str, ...]
    processes: Reading[tuple[Process, ...]]
    config: Reading[NodeConfig]
    key: Reading[ConsensusKey]
    sign_state: Reading[SignState]
    wal: Reading[WriteAheadLog]
    disk: Reading[Disk]
    ownership: Reading[Ownership]
    records: Reading[RecordRoom]
    samples: tuple[ChainSample, ...]
    chain: ChainView
    binary: Reading[Binary]
    journal: Reading[tuple[JournalLine, ...]]


class Observation(Record, frozen=True, kw_only=True, dict=True):
    """One look at all hosts of an inventory. `began` and `ended` are the bastion's clock, UTC.

    `logins` has one entry for each host, in the inventory's order: where its name led.
    """

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

    def host(self, name: str) -> HostReading:
        """The reading of host `name`.

        Raises:
            KeyError: it was not observed.
        """
        return self._by_host[name]

    @cached_property
    def _by_host(self) -> Mapping[str, HostReading]:
        """Every plan asks for every host that it acts on, several times."""
        return {reading.host: reading for reading in self.hosts}


OBSERVATION_FORMAT = 3
OBSERVATION_LIMIT = 256 * MEGABYTE
"""Of its file: ten thousand hosts."""
