"""What the checks judge: every node read once, as frozen values; a failed reading is a value, too.

`known` turns one that failed into a failed check: for a check, silence is a failure with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
"""Above the height of the incident: what proves that the chain goes on."""
NEWEST_COMMITS = 5
EVIDENCE_BACK = 10
EVIDENCE_AHEAD = 2_000
"""Looking further ahead than this, long after the run, would read the chain's whole life."""


@dataclass(frozen=True, kw_only=True)
class CheckedNode:
    """One node. `commits` are its newest ones, oldest first; `results` and `headers` go by height.

    What no check asks of this node is Unknown, not asked.
    """

    target: NodeLocation
    active: Reading[bool]
    status: Reading[NodeStatus]
    peers: Reading[tuple[Peer, ...]]
    headers: Reading[dict[int, BlockMeta]]
    results: Reading[tuple[BlockResult, ...]]
    commits: Reading[tuple[Commit, ...]]
    sign_state: Reading[SignState]
    program: Reading[str]
    failures: Reading[str]
    foreign_file: Reading[str]
    process_start: Reading[int | None]

    @property
    def name(self) -> str:
        """The inventory name."""
        return self.target.host


@dataclass(frozen=True, kw_only=True)
class CheckedChain:
    """All nodes by name, in the order of the plan. `validators` is the set as `first` tells it;
    `common` are the heights above the incident that all nodes that answer have, six at most."""

    nodes: Mapping[str, CheckedNode]
    validators: Reading[ValidatorSet]
    common: range

    @property
    def first(self) -> CheckedNode:
        """The node whose word is taken for what is the same on all."""
        return next(iter(self.nodes.values()))

    def top(self) -> int:
        """The highest of all nodes that answer."""
        found = (value_or_none(node.status) for node in self.nodes.values())
        return max((status.height for status in found if status is not None), default=0)


def known(reading: Known[T] | Unknown) -> T:
    """The value.

    Raises:
        AssertionError: it could not be read, and why.
    """
    if isinstance(reading, Unknown):
        raise AssertionError(reading.reason)
    return reading.value


def common_heights(baseline: ChainBaseline, statuses: Sequence[NodeStatus]) -> range:
    """The heights above the incident that every one of these nodes has, the first six at most."""
    first = baseline.height + 1
    lowest = min((status.height for status in statuses), default=0)
    return range(first, min(lowest, first + NEW_BLOCKS) + 1)


def headers_since(baseline: ChainBaseline, status: NodeStatus) -> range:
    """The heights of the headers that are looked at on a node: from shortly before the incident,
    or from where the node begins."""
    low = max(1, baseline.height - EVIDENCE_BACK)
    return range(max(low, status.earliest_height), min(status.height, low + EVIDENCE_AHEAD) + 1)


def newest_commits(status: NodeStatus, count: int) -> range:
    """The heights of the newest commits that are final: the block after each is there."""
    tip = status.height - 1
    return range(max(1, tip - count + 1), tip + 1)
