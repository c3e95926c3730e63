"""What is known of the chain as a whole when a single node is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from remediations.engine.find.finding import Evidence
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.commits import Commits
from remediations.playbooks.chain.diagnose.equivocation import Equivocations
from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.hashes import Hashes
from remediations.playbooks.chain.diagnose.network import (
    cut_off,
    poorly_connected,
    usual_peer_count,
)
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.pace import blocks_come
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.signing import Signing, read_signing
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.absence import Absence
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.sign_state import SignStep
from remediations.systems.comet.values import RoundStep
from remediations.values.reading import value_or_none

LastSigned = tuple[int, int, int]
"""Height, round and step of the last signature of an address that the chain shows."""
NO_STEP = 0
"""In place of a step: this block, or a later one, was signed, and nobody tells in which round."""


@dataclass(frozen=True)
class NodeVerdict:
    """What is wrong with one node and why, and the readings that show it.

    `reason` are the daemon's own words, if it gave a reason.
    """

    condition: NodeCondition
    cause: str
    evidence: tuple[Evidence, ...]
    by_hand: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ChainContext:
    """What a single node is compared with.

    `tip` is the highest block of a witness, `passed` the highest one that the chain has got past
    (`read_passed`), `growth` how many blocks it rose between the samples,
    `round` the highest (height, round) of the *first* samples, `marks` the last signature of each
    address that the chain shows, `duplicates` the hosts that share a key, `unread_keys` the hosts
    whose key could not be read, `signed_height` the highest sign state of any host, `heard` the
    addresses whose votes the witnesses hear now, `goes_on` whether blocks come at their usual
    pace, `cut` and `poor` why a host seems to be cut off, and what is wrong with its peers. `same`
    maps a host to the one name of its machine, where it has several; `holders` are all hosts by
    name. `behind` maps a host that was not reached to the jump host before it that was not.
    """

    power: Power
    doubts: dict[str, str]
    duplicates: dict[str, tuple[str, ...]]
    unread_keys: tuple[str, ...]
    hashes: Hashes
    marks: dict[str, LastSigned]
    tip: int
    passed: int
    growth: int
    round: tuple[int, int]
    witnesses: int
    signed_height: int
    heard: frozenset[str]
    goes_on: bool
    cut: Mapping[str, str]
    poor: Mapping[str, str]
    began: datetime
    grace: timedelta
    signing: Signing
    equivocations: Equivocations
    same: Mapping[str, str]
    holders: Mapping[str, NodeView]
    behind: Mapping[str, str]

    def age_of(self, view: NodeView) -> timedelta | None:
        """For how long the unit has been active; None if that is not known."""
        since = view.started_at
        return self.began + view.clock - since if since is not None else None


def read_context(
    views: Sequence[NodeView],
    witnesses: Sequence[NodeView],
    *,
    power: Power,
    doubts: dict[str, str],
    duplicates: dict[str, tuple[str, ...]],
    hashes: Hashes,
    halt: Halt,
    began: datetime,
    grace_s: int,
    equivocations: Equivocations,
    same: Mapping[str, str],
    behind: Mapping[str, str],
    commits: Commits,
) -> ChainContext:
    """Collects what single nodes are compared with."""
    states = (value_or_none(view.reading.sign_state) for view in views)
    tip = max((view.height for view in witnesses), default=0)
    goes_on = halt.answer is Tristate.NO and blocks_come(
        witnesses, halt.tip, timedelta(seconds=halt.age_s)
    )
    usual_peers = usual_peer_count(witnesses)
    first = ((v.rounds[0].height, v.rounds[0].round) for v in witnesses if v.rounds)
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
        marks=read_last_signed(witnesses, power, commits),
        tip=tip,
        passed=read_passed(witnesses, power),
        growth=max(
            (v.statuses[-1].height - v.statuses[0].height for v in witnesses if v.statuses),
            default=0,
        ),
        round=max(first, default=(0, 0)),
        witnesses=len(witnesses),
        signed_height=max((state.height for state in states if state is not None), default=0),
        heard=read_heard(witnesses, power, goes_on=goes_on),
        goes_on=goes_on,
        cut={v.host: cause for v in witnesses if (cause := cut_off(v, tip))},
        poor={v.host: why for v in witnesses if (why := poorly_connected(v, usual_peers))},
        began=began,
        grace=timedelta(seconds=grace_s),
        signing=read_signing(witnesses, power, tip, commits),
        equivocations=equivocations,
        same=same,
        holders={view.host: view for view in views},
        behind=behind,
    )


def read_heard(witnesses: Sequence[NodeView], power: Power, *, goes_on: bool) -> frozenset[str]:
    """The addresses whose vote is needed now, and is there.

    1. Those that voted in the newest round, in the phase that it waits for.
    2. While blocks come, those that signed the newest commit, too: a look often falls between two
       rounds. In a halt a commit is old, and says nothing of now.
    """
    states = [view.round for view in witnesses if view.round is not None]
    newest = max(((s.height, s.round) for s in states), default=(0, 0))
    heard: set[str] = set()
    for votes in {  # 1
        id(votes): votes
        for state in states
        if (state.height, state.round) == newest
        for votes in (
            (state.precommits,) if state.step >= RoundStep.PRECOMMIT else (state.prevotes,)
        )
    }.values():
        if len(votes) == len(power.addresses):
            heard.update(a for a, vote in zip(power.addresses, votes, strict=True) if vote)
    if goes_on:  # 2
        commits = [value_or_none(view.reading.chain.commit) for view in witnesses]
        last = max((commit.height for commit in commits if commit is not None), default=0)
        for signatures in {
            id(c.signatures): c.signatures for c in commits if c is not None and c.height == last
        }.values():
            heard.update(s.address for s in signatures if s.voted)
    return frozenset(heard)


def read_passed(witnesses: Sequence[NodeView], power: Power) -> int:
    """The highest block that the chain has got past: what fails there on a node is the node's own.

    The next block is there, so more than two thirds of the power applied it; or more than half of
    the power is seen to have applied it. A node without power, whatever its program, tells nothing
    of the others.
    """
    tip = max((view.height for view in witnesses), default=0)
    applied = sorted(
        ((v.app.height, power.of(v.address)) for v in witnesses if v.app is not None), reverse=True
    )
    if not power.known:
        return max(tip - 1, applied[0][0] if applied else 0)
    seen = 0
    for height, share in applied:
        seen += share
        if 2 * seen > power.total:
            return max(tip - 1, height)
    return tip - 1


def read_last_signed(
    witnesses: Sequence[NodeView], power: Power, seen: Commits
) -> dict[str, LastSigned]:
    """The last signature of each address, from commits and from the votes of the round; of those
    that did not sign the last block, the lowest one that they can have signed last, as the chain
    counts what they missed.

    Nodes share most of these tuples, so each one is looked at once, by its identity.
    """
    marks: dict[str, LastSigned] = {}
    for absence in _absences(witnesses):
        if absence.signed is not None:
            mark = (absence.signed, 0, NO_STEP)
            marks[absence.address] = max(mark, marks.get(absence.address, mark))
    ballots: dict[int, tuple[LastSigned, tuple[str, ...]]] = {}
    for view in witnesses:
        for state in view.rounds:
            ballots[id(state.prevotes)] = (
                (state.height, state.round, SignStep.PREVOTE),
                state.prevotes,
            )
            ballots[id(state.precommits)] = (
                (state.height, state.round, SignStep.PRECOMMIT),
                state.precommits,
            )
    for commit in seen.all:
        mark = (commit.height, commit.round, int(SignStep.PRECOMMIT))
        for signature in commit.signatures:
            if signature.voted:
                marks[signature.address] = max(mark, marks.get(signature.address, mark))
    for mark, votes in ballots.values():
        if len(votes) != len(power.addresses):
            continue
        for address, vote in zip(power.addresses, votes, strict=True):
            if vote:
                marks[address] = max(mark, marks.get(address, mark))
    return marks


def _absences(witnesses: Sequence[NodeView]) -> Iterator[Absence]:
    """What witnesses tell of those that did not sign the last block."""
    told = (view.reading.chain.absent for view in witnesses)
    known = (value_or_none(absent) for absent in told if absent is not None)
    for absences in {id(absences): absences for absences in known if absences}.values():
        yield from absences
