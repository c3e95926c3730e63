"""What the checks judge: every node, read once, as frozen values. A failed reading is a value, too:
`known` turns it into a check whose outcome is unknown, with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from remediations.engine.verify.result import NotVerified
from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    BlockMeta,
    BlockResult,
    Commit,
    NodeLocation,
    NodeStatus,
    Peer,
    ValidatorSet,
)
from remediations.values.reading import Known, Reading, Unknown, value_or_none

T = TypeVar("T")

NEW_BLOCKS = 5
"""So many blocks above the height of the incident prove that the chain goes on."""
NEWEST_COMMITS = 5
EVIDENCE_BACK = 10
EVIDENCE_AHEAD = 2_000
"""A limit on the headers that are read: long after the run there may be any number of them."""


@dataclass(frozen=True, kw_only=True)
class CheckedNode:
    """One node. `commits` are its newest ones, oldest first; `headers` are keyed by height.

    What no check needs of this node is Unknown: not asked.
    """

    target: NodeLocation
    active: Reading[bool]
    status: Reading[NodeStatus]
    peers: Reading[tuple[Peer, ...]]
    headers: Reading[dict[int, BlockMeta]]
    results: Reading[tuple[BlockResult, ...]]
    commits: Reading[tuple[Commit, ...]]
    sign_state: Reading[SignState]
    programs: Reading[tuple[str, ...]]
    failures: Reading[str]
    foreign_file: Reading[str]
    process_start: Reading[int | None]
    selected: Reading[str]
    upgrade_info: Reading[str]

    @property
    def name(self) -> str:
        """The inventory name."""
        return self.target.host


@dataclass(frozen=True, kw_only=True)
class CheckedChain:
    """All nodes by name, in the order of the plan. `validators` is the set as `first` reports it;
    `common` are the heights above the incident that all answering nodes have, at most six."""

    nodes: Mapping[str, CheckedNode]
    validators: Reading[ValidatorSet]
    common: range

    @property
    def first(self) -> CheckedNode:
        """The node that is asked for what is the same on all nodes."""
        return next(iter(self.nodes.values()))

    def top(self) -> int:
        """The highest height of all nodes that answer; 0 if none does."""
        found = (value_or_none(node.status) for node in self.nodes.values())
        return max((status.height for status in found if status is not None), default=0)


def known(reading: Known[T] | Unknown) -> T:
    """The value.

    Raises:
        NotVerified: it could not be read; says why.
    """
    if isinstance(reading, Unknown):
        raise NotVerified(reading.reason)
    return reading.value


def common_heights(baseline: ChainBaseline, statuses: Sequence[NodeStatus]) -> range:
    """The heights above the incident that all of these nodes have, at most the first six. A node
    that got a snapshot of a later height has them from there on."""
    earliest = max((status.earliest_height for status in statuses), default=0)
    first = max(baseline.height + 1, earliest)
    lowest = min((status.height for status in statuses), default=0)
    return range(first, min(lowest, first + NEW_BLOCKS) + 1)


def heights_since(baseline: ChainBaseline, tip: int) -> range:
    """The heights that are searched for evidence: from shortly before the incident to the tip, or
    to the limit."""
    low = max(1, baseline.height - EVIDENCE_BACK)
    return range(low, min(tip, low + EVIDENCE_AHEAD) + 1)


def headers_since(baseline: ChainBaseline, status: NodeStatus) -> range:
    """Those of them that a node has: its first block may be a later one."""
    heights = heights_since(baseline, status.height)
    return range(max(heights.start, status.earliest_height), heights.stop)


def newest_commits(status: NodeStatus, count: int) -> range:
    """The heights of the newest final commits: those whose next block exists."""
    tip = status.height - 1
    return range(max(1, tip - count + 1), tip + 1)
