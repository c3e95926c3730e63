"""Asks all nodes of a plan, in rounds: for what the checks judge, and for what they wait for.

1. The first round asks every node for its status.
2. The second asks every node for everything that the checks judge, at the heights that the first
   one showed.
3. If the validator set has more than one page, a third asks one node for the other pages.

So the number of rounds does not depend on the number of nodes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.reading import (
    NEWEST_COMMITS,
    CheckedChain,
    CheckedNode,
    common_heights,
    headers_since,
    known,
    newest_commits,
)
from remediations.reach.blocking import Limits
from remediations.systems.comet import questions as comet
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.comet.state_sync import SyncSettings
from remediations.systems.comet.values import (
    Commit,
    NodeLocation,
    NodeStatus,
    Peer,
    ValidatorSet,
)
from remediations.systems.hosts import questions as hosts
from remediations.systems.hosts.rounds import (
    Answers,
    HostRunner,
    Question,
    ask_hosts,
    ask_hosts_beside,
)
from remediations.values.reading import Known, Reading, Unknown, Why, value_or_none

T = TypeVar("T")
Asked = dict[str, Question[Any]]
ASKED_FIELDS = tuple(
    field.name for field in fields(CheckedNode) if field.name not in ("target", "status")
)

FAILURES = "CONSENSUS FAILURE|conflicting vote|^panic:"
"""What must not be in the journal since the start."""


GLANCE_S = 2.0
"""Between two looks that only the report needs. Each has ended before the next one begins, and
answers that come together are of one moment."""
GLANCE_LIMITS = Limits(command_s=GLANCE_S, host_s=GLANCE_S, max_bytes=1 << 20)

Statuses = Mapping[str, Reading[NodeStatus]]
"""Where every node stands, by host."""


class Fleet:
    """The nodes of a plan, over connections that are kept. `seen` is told where all of them stand
    whenever that was asked."""

    def __init__(
        self,
        reach: HostRunner,
        targets: Sequence[NodeLocation],
        seen: Callable[[Statuses], None] = lambda _: None,
    ) -> None:
        self._reach = reach
        self._targets = targets
        self._seen = seen
        self._asked_at = float("-inf")

    def statuses(self) -> Statuses:
        """`/status` of every node: one round."""
        asked = self._ask_statuses()
        answers = self._round({host: (question,) for host, question in asked.items()})
        statuses = _told(asked, answers)
        self._seen(statuses)
        return statuses

    def glance(self) -> None:
        """Ask where every node stands for `seen` alone, beside a check that waits for something
        else: at most one look at a time, and none where all were asked a moment ago. Nobody waits
        for the answers."""
        if time.monotonic() - self._asked_at >= GLANCE_S:
            asked = self._ask_statuses()
            ask_hosts_beside(
                self._reach,
                {host: (question,) for host, question in asked.items()},
                limits=GLANCE_LIMITS,
                heard=lambda answers: self._seen(_told(asked, answers)),
            )

    def heights(self) -> Mapping[str, int]:
        """The height of every node: one round.

        Raises:
            NotVerified: a node did not answer.
        """
        return {host: known(status).height for host, status in self.statuses().items()}

    def status(self, target: NodeLocation) -> NodeStatus:
        """`/status` of one node.

        Raises:
            NotVerified: it did not answer.
        """
        return self._one(target, comet.status(target))

    def peers(self, target: NodeLocation) -> tuple[Peer, ...]:
        """The peers of one node.

        Raises:
            NotVerified: it did not answer.
        """
        return self._one(target, comet.peers(target))

    def peers_of(self, targets: Sequence[NodeLocation]) -> Mapping[str, Reading[tuple[Peer, ...]]]:
        """The peers of several nodes: one round."""
        asked = {target.host: comet.peers(target) for target in targets}
        answers = self._round({host: (question,) for host, question in asked.items()})
        return {host: answers[host].to(asked[host]) for host in asked}

    def room_left(self, target: NodeLocation) -> hosts.RoomLeft:
        """What is free on the file system of a node's data.

        Raises:
            NotVerified: the host did not tell.
        """
        return self._one(target, hosts.room_left(f"{target.home}/data"))

    def open_files(self, target: NodeLocation) -> hosts.OpenFiles:
        """How many files the main process of a node's unit may open.

        Raises:
            NotVerified: the host did not tell.
        """
        return self._one(target, hosts.open_files(target.unit))

    def sync_settings(self, target: NodeLocation) -> SyncSettings:
        """What stands below [statesync] on the host of a node.

        Raises:
            NotVerified: the host did not tell.
        """
        return self._one(target, comet.sync_settings(target))

    def set_aside(self, target: NodeLocation, name: str) -> int | None:
        """How many bytes the databases take that were set aside in this directory; None where they
        are not all there.

        Raises:
            NotVerified: the host did not tell.
        """
        return self._one(target, hosts.whole_directory(f"{target.home}/data/{name}"))

    def commits(self, target: NodeLocation, count: int) -> tuple[Commit, ...]:
        """The newest commits of one node, oldest first.

        Raises:
            NotVerified: it did not answer.
        """
        heights = newest_commits(self.status(target), count)
        return self._one(target, comet.commits(target, heights)) if heights else ()

    def read(self, baseline: ChainBaseline, acting: Sequence[str]) -> CheckedChain:
        """Everything that the checks judge; the nodes in `acting` were acted on."""
        statuses = self.statuses()  # 1
        answering = [s for s in map(value_or_none, statuses.values()) if s is not None]
        common = common_heights(baseline, answering)
        first = self._targets[0]
        asked = {
            target.host: _questions(
                target,
                statuses[target.host],
                baseline,
                common,
                acted=target.host in acting,
                first=target is first,
            )
            for target in self._targets
        }
        answers = self._round({host: tuple(asked[host].values()) for host in asked})  # 2
        nodes = {
            target.host: _node_reading(
                target, statuses[target.host], asked[target.host], answers[target.host]
            )
            for target in self._targets
        }
        members = self._members(first, statuses[first.host], answers[first.host])  # 3
        return CheckedChain(nodes=nodes, validators=members, common=common)

    def _members(
        self, target: NodeLocation, status: Reading[NodeStatus], answers: Answers
    ) -> Reading[ValidatorSet]:
        """The validator set; pages after the first one are asked for here."""
        if isinstance(status, Unknown):
            return status
        height = status.value.height
        told = answers.to(comet.validators(target, height))
        if isinstance(told, Unknown):
            return told
        if isinstance(told.value, comet.MorePages):
            return self._ask(target, comet.more_validators(target, height, told.value))
        return Known(value=told.value, source=told.source, at=told.at)

    def _ask_statuses(self) -> Mapping[str, Question[NodeStatus]]:
        self._asked_at = time.monotonic()
        return {target.host: comet.status(target) for target in self._targets}

    def _ask(self, target: NodeLocation, question: Question[T]) -> Reading[T]:
        return self._round({target.host: (question,)})[target.host].to(question)

    def _one(self, target: NodeLocation, question: Question[T]) -> T:
        return known(self._ask(target, question))

    def _round(self, asked: Mapping[str, Sequence[Question[object]]]) -> Mapping[str, Answers]:
        return ask_hosts(self._reach, asked)


def _told(asked: Mapping[str, Question[NodeStatus]], answers: Mapping[str, Answers]) -> Statuses:
    return {host: answers[host].to(question) for host, question in asked.items()}


def _questions(
    target: NodeLocation,
    status: Reading[NodeStatus],
    baseline: ChainBaseline,
    common: range,
    *,
    acted: bool,
    first: bool,
) -> Asked:
    """Field of the reading → the question for it: only what a check of this plan judges of the
    node."""
    asked: Asked = {"active": hosts.unit_active(target.unit)}
    if isinstance(status, Known):
        asked |= _of_the_chain(
            target, status.value, baseline, common, signs=first or (acted and bool(target.power))
        )
        if first:
            asked["validators"] = comet.validators(target, status.value.height)
    if target.host in {state.host for state in baseline.sign_states}:
        asked["sign_state"] = comet.sign_state(target)
    if acted:
        asked["programs"] = hosts.running_programs(target.unit)
        asked["failures"] = hosts.journal_since_start(target.unit, FAILURES, CREDENTIALS)
        asked["foreign_file"] = hosts.foreign_file(f"{target.home}/data", target.user or "root")
    for one in baseline.selected:
        if one.host == target.host:
            asked["selected"] = hosts.real_path(f"{one.root}/current/bin/{_file_name(one.path)}")
            asked["upgrade_info"] = hosts.file_hash(
                f"{target.home}/data/upgrade-info.json", target.user or "root"
            )
    for process in baseline.untouched:
        if process.host == target.host:
            asked["process_start"] = hosts.process_start(process.pid)
    return asked


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _of_the_chain(
    target: NodeLocation, status: NodeStatus, baseline: ChainBaseline, common: range, *, signs: bool
) -> Asked:
    """The questions to its RPC, at the heights that the node has."""
    asked: Asked = {"peers": comet.peers(target)}
    if heights := headers_since(baseline, status):
        asked["headers"] = comet.headers(target, heights)
    if common:
        asked["results"] = comet.block_results(target, common)
    if signs and (heights := newest_commits(status, NEWEST_COMMITS)):
        asked["commits"] = comet.commits(target, heights)
    return asked


def _node_reading(
    target: NodeLocation, status: Reading[NodeStatus], asked: Asked, answers: Answers
) -> CheckedNode:
    not_asked = (
        status
        if isinstance(status, Unknown)
        else Unknown(
            why=Why.NOT_ASKED,
            reason=f"{target.host}: not asked",
            source=target.host,
            at=answers.at,
        )
    )
    readings: dict[str, Any] = {
        name: answers.to(asked[name]) if name in asked else not_asked for name in ASKED_FIELDS
    }
    return CheckedNode(target=target, status=status, **readings)
