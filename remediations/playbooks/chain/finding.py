"""What is wrong with a chain and with each of its nodes, for the playbooks of the chain.

Each is described in docs/rules/classes.md and docs/rules/conditions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from remediations.engine.find.finding import Evidence
from remediations.values.part import Kinded
from remediations.values.record import Moment, Record


class ChainClass(StrEnum):
    """What is wrong with the chain as a whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # blocks go on, somebody is down
    LOCAL_DIVERGENCE = "local-divergence"  # blocks go on, a minority failed on another app hash
    QUORUM_LOST = "quorum-lost"  # two thirds of the power or less votes
    PARTITION = "partition"  # a quorum runs, and its parts do not hear each other
    APP_HASH_SPLIT = "app-hash-split"  # no app hash has two thirds of the power
    DETERMINISTIC_PANIC = "deterministic-panic"  # one app hash, and a block that nobody can apply
    UPGRADE_NEEDED = "upgrade-needed"  # the program that runs is not the one of this height
    HALT_HEIGHT = "halt-height"  # a coordinated stop that was left on
    SIGNING_BLOCKED = "signing-blocked"  # all there, but sign state or WAL refuses to sign
    SLOW = "slow"  # blocks come, but far apart
    UNDETERMINED = "undetermined"


class NodeCondition(StrEnum):
    """What is wrong with one node. One value: the one that has to be mended first."""

    HEALTHY = "healthy"
    STOPPED = "stopped"
    DISABLED = "disabled"  # stopped, and would not start at boot, or masked
    START_FAILS = "start-fails"  # failed, or exits at once
    CRASH_LOOP = "crash-loop"
    FROZEN = "frozen"  # process there, answers nothing (SIGSTOP, D state, hung RPC)
    ZOMBIE = "zombie"  # process up, consensus dead after CONSENSUS FAILURE
    BEHIND = "behind"  # catching up
    WAITING = "waiting"  # well, but the chain halts
    DIVERGED = "diverged"  # its app hash is not that of the others
    PANICKED = "panicked"  # the application panics at this height
    UPGRADE_NEEDED = "upgrade-needed"
    HALT_HEIGHT = "halt-height"
    DISK_FULL = "disk-full"
    DATABASE_CORRUPT = "database-corrupt"
    KEY_MISSING = "key-missing"
    SIGN_STATE_LOST = "sign-state-lost"  # missing, zeroed, or lower than what the chain shows
    DUPLICATE_KEY = "duplicate-key"
    DOUBLE_SIGN_CHECK = "double-sign-check"  # exits because of double_sign_check_height
    ISOLATED = "isolated"  # no peers, or in a component without quorum
    UNREACHABLE = "unreachable"  # SSH fails; the daemon may well live
    STANDBY = "standby"  # keyless and stopped on purpose
    NO_DAEMON = "no-daemon"  # a bastion
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """Yes, no, or not known: never two booleans."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class NodeFinding(Record, frozen=True, kw_only=True):
    """One node. `address` is "" and `power` 0 for what is not in the validator set.

    `cause` says in one sentence why; `by_hand` what to do where no playbook resolves it ("" else).
    """

    host: str
    condition: NodeCondition
    address: str
    power: int
    cause: str
    by_hand: str
    evidence: tuple[Evidence, ...]


class HashCluster(Record, frozen=True, kw_only=True):
    """Nodes that agree on the app hash after `height`, with their voting power."""

    height: int
    app_hash: str
    hosts: tuple[str, ...]
    power: int


class Component(Record, frozen=True, kw_only=True):
    """Nodes that reach each other, directly or through others, with their power.

    `unlisted` are ids of nodes seen only through others (not in the inventory).
    """

    hosts: tuple[str, ...]
    unlisted: tuple[str, ...]
    power: int


class UnlistedPeer(Record, frozen=True, kw_only=True):
    """A node that is not in the inventory, seen through `seen_by`."""

    node_id: str
    moniker: str
    height: int
    seen_by: tuple[str, ...]


class ChainFinding(Kinded, frozen=True, kw_only=True, dict=True):
    """The conclusion about one observation.

    `halted_since` is the time of the last block (UTC) when halted; `witnesses` the hosts whose
    readings of the chain were used; `online_power` the power that votes in the current round, or
    signed the last commit; `uncovered_power` the power no host of the inventory holds;
    `voting` the hosts of the inventory whose power votes now (their sum is part of `online_power`).
    """

    KIND: ClassVar[str] = "chain.finding/1"

    chain: ChainClass
    halted: Certainty
    halted_since: Moment | None
    halted_after_s: int
    height: int
    round: int
    step: int
    round_moves: Certainty
    total_power: int
    online_power: int
    uncovered_power: int
    voting: tuple[str, ...]
    explanation: str
    next_step: str
    witnesses: tuple[str, ...]
    clusters: tuple[HashCluster, ...]
    components: tuple[Component, ...]
    unlisted: tuple[UnlistedPeer, ...]
    nodes: tuple[NodeFinding, ...]
    evidence: tuple[Evidence, ...]

    def node(self, host: str) -> NodeFinding:
        """The finding about `host`.

        Raises:
            KeyError: it was not observed.
        """
        return self._by_host[host]

    @cached_property
    def _by_host(self) -> Mapping[str, NodeFinding]:
        """Every guard asks for the node that it judges."""
        return {finding.host: finding for finding in self.nodes}
