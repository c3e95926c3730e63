"""Asks all nodes of a plan, in rounds: what the checks judge, and what they wait for.

1. One round asks where every node stands.
2. One round asks every node all that the checks judge of it, at the heights that this told.
3. A validator set of more than one page costs one round more, of one node.

So the number of rounds does not depend on the number of nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from remediations.playbooks.chain.baseline import ChainBaseline
from remediations.playbooks.chain.checks.reading import (
    NEWEST_COMMITS,
    ChainReading,
    NodeReading,
    common_heights,
    headers_since,
    known,
    newest_commits,
)
from remediations.systems.comet import asked as comet
from remediations.systems.comet.secrets import CREDENTIALS
from remediations.systems.comet.values import Commit, NodePlace, NodeStatus, Peer, ValidatorSet
from remediations.systems.hosts import asked as hosts
from remediations.systems.hosts.rounds import Answers, HostRunner, Question, ask_hosts
from remediations.values.reading import Known, Reading, Unknown, Why, value_or_none

T = TypeVar("T")
Asked = dict[str, Question[Any]]
ASKED_FIELDS = tuple(
    field.name for field in fields(NodeReading) if field.name not in ("target", "status")
)

FAILURES = "CONSENSUS FAILURE|conflicting vote|^panic:"
"""What a journal must not say since the start."""


class Fleet:
    """The nodes of a plan, behind connections that are kept."""

    def __init__(self, reach: HostRunner, targets: Sequence[NodePlace]) -> None:
        self._reach = reach
        self._targets = targets

    def statuses(self) -> Mapping[str, Reading[NodeStatus]]:
        """`/status` of every node: one round."""
        asked = {target.host: comet.status(target) for target in self._targets}
        answers = self._round({host: (question,) for host, question in asked.items()})
        return {host: answers[host].to(question) for host, question in asked.items()}

    def heights(self) -> Mapping[str, int]:
        """The height of every node: one round.

        Raises:
            AssertionError: a node did not answer.
        """
        return {host: known(status).height for host, status in self.statuses().items()}

    def status(self, target: NodePlace) -> NodeStatus:
        """`/status` of one node.

        Raises:
            AssertionError: it did not answer.
        """
        return self._one(target, comet.status(target))

    def peers(self, target: NodePlace) -> tuple[Peer, ...]:
        """The peers of one node.

        Raises:
            AssertionError: it did not answer.
        """
        return self._one(target, comet.peers(target))

    def commits(self, target: NodePlace, count: int) -> tuple[Commit, ...]:
        """The newest commits of one node, oldest first.

        Raises:
            AssertionError: it did not answer.
        """
        heights = newest_commits(self.status(target), count)
        return self._one(target, comet.commits(target, heights)) if heights else ()

    def read(self, baseline: ChainBaseline, acting: Sequence[str]) -> ChainReading:
        """All that the checks judge of nodes of which those in `acting` were acted on."""
        statuses = self.statuses()
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
        answers = self._round({host: tuple(asked[host].values()) for host in asked})
        nodes = {
            target.host: _node_reading(
                target, statuses[target.host], asked[target.host], answers[target.host]
            )
            for target in self._targets
        }
        members = self._members(first, statuses[first.host], answers[first.host])
        return ChainReading(nodes=nodes, validators=members, common=common)

    def _members(
        self, target: NodePlace, status: Reading[NodeStatus], answers: Answers
    ) -> Reading[ValidatorSet]:
        """The validator set, as far as it was not on the page that was asked for already."""
        if isinstance(status, Unknown):
            return status
        height = status.value.height
        told = answers.to(comet.validators(target, height))
        if isinstance(told, Unknown):
            return told
        if isinstance(told.value, comet.MorePages):
            return self._ask(target, comet.more_validators(target, height, told.value))
        return Known(value=told.value, source=told.source, at=told.at)

    def _ask(self, target: NodePlace, question: Question[T]) -> Reading[T]:
        return self._round({target.host: (question,)})[target.host].to(question)

    def _one(self, target: NodePlace, question: Question[T]) -> T:
        return known(self._ask(target, question))

    def _round(self, asked: Mapping[str, Sequence[Question[object]]]) -> Mapping[str, Answers]:
        return ask_hosts(self._reach, asked)


def _questions(
    target: NodePlace,
    status: Reading[NodeStatus],
    baseline: ChainBaseline,
    common: range,
    *,
    acted: bool,
    first: bool,
) -> Asked:
    """What one node is asked, by the field of its reading that it is for: only what a check of
    this plan judges there."""
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
        asked["program"] = hosts.running_program(target.unit)
        asked["failures"] = hosts.journal_since_start(target.unit, FAILURES, CREDENTIALS)
        asked["foreign_file"] = hosts.foreign_file(f"{target.home}/data", target.user or "root")
    for process in baseline.untouched:
        if process.host == target.host:
            asked["process_start"] = hosts.process_start(process.pid)
    return asked


def _of_the_chain(
    target: NodePlace, status: NodeStatus, baseline: ChainBaseline, common: range, *, signs: bool
) -> Asked:
    """What its RPC is asked, at the heights that the node has."""
    asked: Asked = {"peers": comet.peers(target)}
    if heights := headers_since(baseline, status):
        asked["headers"] = comet.headers(target, heights)
    if common:
        asked["results"] = comet.block_results(target, common)
    if signs and (heights := newest_commits(status, NEWEST_COMMITS)):
        asked["commits"] = comet.commits(target, heights)
    return asked


def _node_reading(
    target: NodePlace, status: Reading[NodeStatus], asked: Asked, answers: Answers
) -> NodeReading:
    not_asked = (
        status
        if isinstance(status, Unknown)
        else Unknown(
            why=Why.NOT_ASKED,
            reason=f"{target.host}: it was not asked",
            source=target.host,
            at=answers.at,
        )
    )
    readings: dict[str, Any] = {
        name: answers.to(asked[name]) if name in asked else not_asked for name in ASKED_FIELDS
    }
    return NodeReading(target=target, status=status, **readings)
