"""What is known of the chain as a whole when a single node is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.engine.find.finding import Evidence
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.equivocation import Equivocations
from remediations.playbooks.chain.diagnose.hashes import Hashes
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.signing import Signing, read_signing
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.sign_state import SignStep
from remediations.systems.comet.values import CommitSignature
from remediations.values.reading import value_or_none

LastSigned = tuple[int, int, int]
"""Height, round and step of the last signature of an address that the chain shows."""


@dataclass(frozen=True)
class NodeVerdict:
    """What is wrong with one node and why, and the readings that show it."""

    condition: NodeCondition
    cause: str
    evidence: tuple[Evidence, ...]
    by_hand: str = ""


@dataclass(frozen=True, kw_only=True)
class ChainContext:
    """What a single node is compared with.

    `tip` is the highest block of a witness, `growth` how many blocks it rose between the samples,
    `round` the highest (height, round) of the *first* samples, `marks` the last signature of each
    address that the chain shows, `duplicates` the hosts that share a key, `unread_keys` the hosts
    whose key could not be read, `signed_height` the highest sign state of any host. `same` maps a
    host to the one name of its machine, where it has several; `holders` are all hosts by name.
    """

    power: Power
    doubts: dict[str, str]
    duplicates: dict[str, tuple[str, ...]]
    unread_keys: tuple[str, ...]
    hashes: Hashes
    marks: dict[str, LastSigned]
    tip: int
    growth: int
    round: tuple[int, int]
    witnesses: int
    signed_height: int
    began: datetime
    grace: timedelta
    goes_on: bool
    signing: Signing
    equivocations: Equivocations
    same: Mapping[str, str]
    holders: Mapping[str, NodeView]


def read_context(
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    *,
    power: Power,
    doubts: dict[str, str],
    duplicates: dict[str, tuple[str, ...]],
    hashes: Hashes,
    began: datetime,
    grace_s: int,
    goes_on: bool,
    equivocations: Equivocations,
    same: Mapping[str, str],
) -> ChainContext:
    """Collects what single nodes are compared with."""
    states = (value_or_none(view.reading.sign_state) for view in views)
    first = ((v.rounds[0].height, v.rounds[0].round) for v in witnesses if v.rounds)
    tip = max((view.height for view in witnesses), default=0)
    return ChainContext(
        power=power,
        doubts=doubts,
        duplicates=duplicates,
        unread_keys=tuple(
            v.host
            for v in views
            if v.reading.role is not Role.BASTION and value_or_none(v.reading.key) is None
        ),
        hashes=hashes,
        marks=read_last_signed(witnesses, power),
        tip=tip,
        growth=max(
            (v.statuses[-1].height - v.statuses[0].height for v in witnesses if v.statuses),
            default=0,
        ),
        round=max(first, default=(0, 0)),
        witnesses=len(witnesses),
        signed_height=max((state.height for state in states if state is not None), default=0),
        began=began,
        grace=timedelta(seconds=grace_s),
        goes_on=goes_on,
        signing=read_signing(witnesses, power, tip),
        equivocations=equivocations,
        same=same,
        holders={view.host: view for view in views},
    )


def read_last_signed(witnesses: Sequence[NodeView], power: Power) -> dict[str, LastSigned]:
    """The last signature of each address, from commits and from the votes of the round.

    Nodes share most of these tuples, so each one is looked at once, by its identity.
    """
    marks: dict[str, LastSigned] = {}
    commits: dict[int, tuple[LastSigned, tuple[CommitSignature, ...]]] = {}
    ballots: dict[int, tuple[LastSigned, tuple[str, ...]]] = {}
    for view in witnesses:
        commit = value_or_none(view.reading.chain.commit)
        if commit is not None:
            commits[id(commit.signatures)] = (
                (commit.height, commit.round, SignStep.PRECOMMIT),
                commit.signatures,
            )
        for state in view.rounds:
            ballots[id(state.prevotes)] = (
                (state.height, state.round, SignStep.PREVOTE),
                state.prevotes,
            )
            ballots[id(state.precommits)] = (
                (state.height, state.round, SignStep.PRECOMMIT),
                state.precommits,
            )
    for mark, signatures in commits.values():
        for signature in signatures:
            if signature.voted:
                marks[signature.address] = max(mark, marks.get(signature.address, mark))
    for mark, votes in ballots.values():
        if len(votes) != len(power.addresses):
            continue
        for address, vote in zip(power.addresses, votes, strict=True):
            if vote:
                marks[address] = max(mark, marks.get(address, mark))
    return marks
