"""The votes of the current round, as each witness sees them, and together.

Who votes is online (docs/diagnosis.md). What counts are the votes of the deciding phase: the
precommits once a node waits for them, the prevotes before that.

The voters are those of the fullest round (`_fullest_round`):

1. Of each witness at the highest height: the votes of the deciding phase of its newest round.
2. And the prevotes of the round of its earlier samples, if that round is older. A sample may fall
   into the start of a round, before the votes are in; then the round before shows who is online.
3. For each round, the votes that any witness saw count together.
4. The round with the most power wins, the newer one among equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.finding import Tristate
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import RoundState, RoundStep
from remediations.values.reading import Known


@dataclass(frozen=True)
class WitnessVotes:
    """The newest round of one witness: `deciding` are the addresses that voted in the deciding
    phase, `seen` those that voted at all."""

    host: str
    height: int
    round: int
    step: int
    deciding: frozenset[str]
    seen: frozenset[str]


@dataclass(frozen=True)
class Votes:
    """The votes of all witnesses at the tip. `voters` vote in the current round, as any of them
    saw."""

    ballots: tuple[WitnessVotes, ...]
    voters: frozenset[str]
    height: int
    round: int
    step: int
    moves: Tristate
    round_seconds: int

    @property
    def known(self) -> bool:
        """Whether the votes of any witness could be read."""
        return bool(self.ballots)


def read_votes(witnesses: Sequence[NodeView], power: Power, tip: int) -> Votes:
    """The votes that `witnesses` show, as far as they are at the tip; none has dead consensus."""
    near = [v for v in witnesses if v.round is not None and v.round.height >= tip]
    read = _Reader(power)
    ballots = []
    top = (0, 0, 0)
    for view in near:
        state = view.round
        assert state is not None
        top = max(top, (state.height, state.round, state.step))
        if read.fits(state):
            ballots.append(
                WitnessVotes(
                    view.host,
                    state.height,
                    state.round,
                    state.step,
                    read.cast(
                        state.precommits if state.step >= RoundStep.PRECOMMIT else state.prevotes
                    ),
                    read.either(state),
                )
            )
    moves = _round_moves(near, top[0], top[1])
    voters = _fullest_round(near, ballots, read, top[0])
    return Votes(tuple(ballots), voters, *top, moves, round_length(top[1]))


class _Reader:
    """From votes by validator index to addresses. Tuples that nodes share are read once."""

    def __init__(self, power: Power) -> None:
        self._power = power
        self._cast: dict[int, frozenset[str]] = {}
        self._either: dict[tuple[int, int], frozenset[str]] = {}

    def fits(self, state: RoundState) -> bool:
        """Whether the votes are of the validator set that is known."""
        return len(state.prevotes) == len(state.precommits) == len(self._power.addresses)

    def cast(self, votes: tuple[str, ...]) -> frozenset[str]:
        """Who voted, for a block or for nil."""
        key = id(votes)
        if key not in self._cast:
            self._cast[key] = frozenset(
                address for address, vote in zip(self._power.addresses, votes, strict=True) if vote
            )
        return self._cast[key]

    def either(self, state: RoundState) -> frozenset[str]:
        """Who cast a prevote or a precommit in this round."""
        key = (id(state.prevotes), id(state.precommits))
        if key not in self._either:
            self._either[key] = self.cast(state.prevotes) | self.cast(state.precommits)
        return self._either[key]

    def sum(self, addresses: Iterable[str]) -> int:
        """Their power."""
        return self._power.sum(addresses)


def _distinct(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Each shared set once: ten thousand nodes see mostly the same votes."""
    return list({id(one): one for one in sets}.values())


def _fullest_round(
    near: Sequence[NodeView], ballots: Sequence[WitnessVotes], read: _Reader, height: int
) -> frozenset[str]:
    """The voters of the round at `height` in which the most power voted, as all witnesses together
    saw it (the numbers are those at the head of this module)."""
    views: dict[int, list[frozenset[str]]] = {}
    for ballot in ballots:  # 1
        if ballot.height == height:
            views.setdefault(ballot.round, []).append(ballot.deciding)
    newest = max(views, default=0)
    for view in near:  # 2
        for state in view.rounds[:-1]:
            if state.height == height and state.round < newest and read.fits(state):
                views.setdefault(state.round, []).append(read.cast(state.prevotes))
    together = {r: frozenset().union(*_distinct(seen)) for r, seen in views.items()}  # 3
    best = max(together, key=lambda r: (read.sum(together[r]), r), default=None)  # 4
    return together[best] if best is not None else frozenset()


def round_length(round_: int) -> int:
    """Seconds that round r may take with default timeouts: 5 + 1.5·r, rounded up."""
    return 5 + (3 * round_ + 1) // 2


def _rounds_until(round_: int) -> int:
    """Seconds after which rounds 0 to `round_` have passed for certain: the sum of their
    lengths."""
    return 5 * (round_ + 1) + (3 * round_ * (round_ + 1) + 3) // 4


def _round_moves(near: Sequence[NodeView], height: int, round_: int) -> Tristate:
    """Whether the round rises while the height stands still.

    A round that is the same in both samples proves that it stands only if a whole round fits
    between them, or if the height is older than all rounds so far may have taken.
    """
    fixed = False
    for view in near:
        states = [
            (sample.at + view.clock, sample.round.value)
            for sample in view.reading.samples
            if isinstance(sample.round, Known) and sample.round.value.height == height
        ]
        if not states:
            continue
        (first_at, first), (last_at, last) = states[0], states[-1]
        if last.round > first.round:
            return Tristate.YES
        if last.round != round_ or len(states) < 2:
            continue
        waited = (last_at - first_at).total_seconds() >= round_length(round_)
        overdue = (last_at - last.started).total_seconds() > _rounds_until(round_)
        fixed = fixed or waited or overdue
    return Tristate.NO if fixed else Tristate.UNKNOWN


def partitioned(votes: Votes, power: Power, gone: frozenset[str]) -> bool:
    """Whether the views of all witnesses together have a quorum, and no view alone has one.

    `gone` are addresses whose host is certainly down: their old votes do not count.
    """
    if len(votes.ballots) < 2:
        return False
    views = _distinct(ballot.seen for ballot in votes.ballots)
    alive = power.sum(frozenset().union(*views) - gone)
    best = max(power.sum(view - gone) for view in views)
    return has_quorum(alive, power.total) and not has_quorum(best, power.total)
