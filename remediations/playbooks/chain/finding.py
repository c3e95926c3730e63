"""What is wrong with a chain and with each of its nodes: what its playbooks work on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

from remediations.engine.find.finding import Evidence
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.systems.comet.proof.equivocation import Equivocation
from remediations.systems.hosts.obstacles import Obstacle
from remediations.values.part import Kinded
from remediations.values.record import Moment, Record


class Tristate(StrEnum):
    """Yes, no, or unknown, in one value: two booleans could contradict each other."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Frees(StrEnum):
    """Whether a plan can free the room that a node lacks for a start."""

    NOTHING = "nothing"
    TOO_LITTLE = "too-little"
    ENOUGH = "enough"


class NodeFinding(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One node. `address` is "" and `power` 0 for a node that is not in the validator set.

    `cause` gives the reason in one sentence; `by_hand` says what a person does where no playbook
    resolves it, and is "" elsewhere. `last_signed` is the highest height whose commit has the
    signature of its key, None if no commit that counts has one. `held`: it is down, and nobody can
    start it. `frees`: what a plan can do about its full disk.
    """

    host: str
    condition: NodeCondition
    address: str
    power: int
    cause: str
    by_hand: str
    evidence: tuple[Evidence, ...]
    last_signed: int | None = None
    held: bool = False
    frees: Frees = Frees.NOTHING


class HashCluster(Record, frozen=True, kw_only=True):
    """Nodes that agree on the app hash after `height`, and their voting power."""

    height: int
    app_hash: str
    hosts: tuple[str, ...]
    power: int


class Component(Record, frozen=True, kw_only=True):
    """Nodes that reach each other, directly or through others, and their voting power.

    `unlisted` are the ids of nodes that only their peers report; the inventory lacks them.
    """

    hosts: tuple[str, ...]
    unlisted: tuple[str, ...]
    power: int


class LinkObstacle(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What shuts a way on one host. `kept` says why it is left to people, "" where a plan may
    remove it."""

    host: str
    obstacle: Obstacle
    kept: str = ""


class BrokenLink(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Two nodes that run and do not reach each other. An end that the inventory lacks is named by
    its address. `says` is what each end tells; without `obstacles` nothing on a host of the
    inventory is known to shut the way. `persistent`: one of them dials the other by itself."""

    one: str
    other: str
    says: tuple[str, ...]
    obstacles: tuple[LinkObstacle, ...] = ()
    persistent: bool = False


class UnlistedPeer(Record, frozen=True, kw_only=True):
    """A node that is known only through others, as the hosts in `seen_by` report it. `may_be`
    names the hosts of the inventory that it may be, because their own node id could not be read;
    it is empty for a node that the inventory lacks."""

    node_id: str
    moniker: str
    height: int
    seen_by: tuple[str, ...]
    may_be: tuple[str, ...] = ()


class BlockProof(Record, frozen=True, kw_only=True):
    """What signatures prove of the newest block that could be proven, or why none could be.

    `signed` of `total` power signed the block of `height`, as `verified` of the `shown` signatures
    show; `time` is RFC 3339, `app_hash` the application's hash before that block; `hosts` show it.
    `trust` says whose set signed it. Where nothing is proven, `height` is 0 and `reason` says why.
    """

    height: int
    round: int
    time: str
    block_hash: str
    app_hash: str
    signed: int
    total: int
    verified: int
    shown: int
    hosts: tuple[str, ...]
    trust: str
    reason: str


class FileWitness(Record, frozen=True, kw_only=True):
    """What files tell where no node answers (`diagnose/by_files.py`).

    `genesis` is the SHA-256 of the genesis file that the machines in `agreed` have, whose powers
    count. `newest` is the height of the newest signature that can be of this chain, 0 if that is
    not known: the newest block is this one or the one before. `bound` is the highest block that may
    be decided, by those powers.
    """

    genesis: str
    agreed: tuple[str, ...]
    newest: int
    bound: int

    def took_part(self, height: int) -> bool:
        """Whether a sign state of this height was there when the last block was made."""
        return bool(self.newest) and self.newest - 1 <= height <= self.newest


class ChainFinding(Kinded, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """The conclusion drawn from one observation.

    `halted_since` is the time of the last block (UTC) if the chain is halted; `witnesses` are the
    hosts whose readings of the chain were used. `online_power` votes in the current round, or
    signed the last commit; `uncovered_power` is held by no host of the inventory; `voting` are the
    hosts of the inventory whose power votes now, which is part of `online_power`. `unread_keys`
    are hosts whose key could not be read, each with the reason: uncovered power may be theirs.
    `proof` is None where the observation has no signatures; `equivocations` are proven by both of
    their votes. `commits` are the heights whose commit counts: proven, or told by a witness.
    `powers` is what is known of the powers where no node tells them, in words. With `files` all
    powers are those of the first block, and `height` is the least that the sign states allow.
    `links` are broken, as far as hosts were asked for their ways.
    """

    KIND: ClassVar[str] = "chain.finding/1"

    chain: ChainClass
    halted: Tristate
    halted_since: Moment | None
    halted_after_s: int
    height: int
    round: int
    step: int
    round_moves: Tristate
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
    unread_keys: tuple[str, ...] = ()
    proof: BlockProof | None = None
    equivocations: tuple[Equivocation, ...] = ()
    commits: tuple[int, ...] = ()
    powers: str = ""
    files: FileWitness | None = None
    links: tuple[BrokenLink, ...] = ()

    def node(self, host: str) -> NodeFinding:
        """The finding about `host`.

        Raises:
            KeyError: it was not observed.
        """
        return self._by_host[host]

    @cached_property
    def _by_host(self) -> Mapping[str, NodeFinding]:
        """Built once: every guard looks up the node that it judges."""
        return {finding.host: finding for finding in self.nodes}
