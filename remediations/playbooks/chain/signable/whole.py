"""How much power can sign at a position, and whether the set gets past it. Pure, integers only.

A round ends, with a block or without one, once more than two thirds of the power have voted in it
(CometBFT, "Consensus"). So a set whose power cannot sign in the round that it comes back to stays
there for good: no later round is ever reached in which those who refuse could sign again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from remediations.playbooks.chain.signable.ability import Ability, Answer, Position, Signer
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.systems.comet.sign_state import SignStep

_SHOWN = 3


class Lock(NamedTuple):
    """A block that a third of the power or more precommitted at the height: without them no other
    one can be decided."""

    block: str
    power: int


@dataclass(frozen=True, kw_only=True)
class Signable:
    """What `signers` can do at a position, of `total` power.

    `can`, `refuse` and `unknown` are power in that round; the rest of the total is not there.
    `first_round` is the first from which more than two thirds surely can, `first_height` the first
    from whose round 0 on they can; None where no round or height is that. `reached` says whether
    the set gets past the position; None: the readings do not tell. `refusals` are the signers that
    surely cannot sign in that round, `unclear` those of whom it is not known.
    """

    at: Position
    total: int
    can: int
    refuse: int
    unknown: int
    first_round: int | None
    first_height: int | None
    reached: bool | None
    refusals: tuple[tuple[Signer, Ability], ...]
    unclear: tuple[Signer, ...]
    locks: tuple[Lock, ...]

    @property
    def there(self) -> int:
        """The power that runs, whether or not it can sign."""
        return self.can + self.refuse + self.unknown

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        return "; ".join(self._phrases())

    def _phrases(self) -> Iterator[str]:
        yield f"{self.can} of {self.total} can sign at {self.at}"
        later: dict[int | None, int] = defaultdict(int)
        for signer, ability in self.refusals:
            later[ability.surely] += signer.power
        rounds = sorted(round_ for round_ in later if round_ is not None)
        for round_ in rounds[:_SHOWN]:
            yield f"{later[round_]} would refuse until round {round_}"
        if rounds[_SHOWN:]:
            rest = sum(later[round_] for round_ in rounds[_SHOWN:])
            yield f"{rest} until later ones, the last round {rounds[-1]}"
        if None in later:
            never = [_ahead(signer) for signer, ability in self.refusals if ability.surely is None]
            yield f"{later[None]} never at this height ({name_some(never, _SHOWN)})"
        if self.unknown:
            lacks = [_lack(signer) for signer in self.unclear]
            yield f"{self.unknown} unknown ({name_some(lacks, _SHOWN)})"
        if self.total > self.there:
            yield f"{self.total - self.there} not there"
        yield self.verdict

    @property
    def verdict(self) -> str:
        """Whether the set gets past the position, in words."""
        if self.reached:
            return "more than two thirds is reached"
        if self.reached is None:
            return "whether more than two thirds is reached is unknown"
        if self.first_round is not None:
            return (
                f"more than two thirds could from round {self.first_round} on, which is never "
                "reached: no round ends before two thirds have voted in it"
            )
        return "more than two thirds is never reached at this height"

    @property
    def means(self) -> str:
        """What would let them sign, in the imperative; "" where they can."""
        if self.reached:
            return ""
        if self.reached is None:
            lacks = [_lack(signer) for signer in self.unclear]
            return f"find out, then `remediate diagnose` again: {name_some(lacks, _SHOWN)}"
        if self.first_round is not None:
            return _round_means([s for s, ability in self.refusals if ability.surely is not None])
        if self.first_height is not None:
            return (
                f"{self.first_height} is the first height that more than two thirds can sign; "
                "never lower a sign state to make an earlier one possible"
            )
        return "start more of the power; never lower a sign state"


def signable(signers: Sequence[Signer], at: Position, total: int) -> Signable:
    """What these signers can do at a position. Each stands for a key of its own."""
    abilities = [(signer, signer.at(at.height)) for signer in signers]
    power = dict.fromkeys(Answer, 0)
    refusals, unclear = [], []
    for signer, ability in abilities:
        answer = ability.in_round(at.round)
        power[answer] += signer.power
        if answer is Answer.NO:
            refusals.append((signer, ability))
        elif answer is Answer.UNKNOWN:
            unclear.append(signer)
    can, unknown = power[Answer.YES], power[Answer.UNKNOWN]
    reached = (
        True if has_quorum(can, total) else None if has_quorum(can + unknown, total) else False
    )
    return Signable(
        at=at,
        total=total,
        can=can,
        refuse=power[Answer.NO],
        unknown=unknown,
        first_round=_first(((a.surely, s.power) for s, a in abilities), total),
        first_height=_first(((_height_above(s, at), s.power) for s in signers), total),
        reached=reached,
        refusals=tuple(refusals),
        unclear=tuple(unclear),
        locks=_locks(signers, at.height, total),
    )


def _lack(signer: Signer) -> str:
    """What is not known of a signer."""
    return signer.lacks or f"{signer.name}: whether it would sign the same vote again"


def _round_means(refusing: Sequence[Signer]) -> str:
    """What would let these sign in an earlier round, or bring them to theirs."""
    lost = [one.name for one in refusing if one.has_bytes and not one.has_log]
    if lost:
        return (
            f"bring back the own write-ahead log of {name_some(lost, _SHOWN)} (cs.wal, moved aside "
            "or in a backup of this halt; never another node's)"
        )
    by_hand = [one.name for one in refusing if not one.has_bytes]
    if by_hand:
        return (
            f"bring back enough power without {name_some(by_hand, _SHOWN)}: no log has the votes "
            "of a sign state that was written by hand; never lower it"
        )
    return "start them with their write-ahead logs, which bring them back to a later round"


def _ahead(signer: Signer) -> str:
    """Why a signer never signs at the height."""
    return f"{signer.name} signed {signer.state.height if signer.state else 'above it'}"


def _first(starts: Iterable[tuple[int | None, int]], total: int) -> int | None:
    """The first number from which more than two thirds are there, each from its own on."""
    gathered = 0
    for number, power in sorted((n, p) for n, p in starts if n is not None):
        gathered += power
        if has_quorum(gathered, total):
            return number
    return None


def _height_above(signer: Signer, at: Position) -> int | None:
    """The height from which nothing in its sign state forbids round 0; None if it is unknown."""
    if signer.votes:
        return at.height
    return None if signer.state is None else max(at.height, signer.state.height + 1)


def _locks(signers: Iterable[Signer], height: int, total: int) -> tuple[Lock, ...]:
    """The blocks of this height that can keep any other one from being decided."""
    powers: dict[str, int] = defaultdict(int)
    for signer in signers:
        state = signer.state
        if state is not None and state.height == height and state.step == SignStep.PRECOMMIT:
            powers[state.block] += signer.power
    powers.pop("", None)  # nil
    locks = (Lock(block, power) for block, power in sorted(powers.items()))
    return tuple(lock for lock in locks if total and can_halt(lock.power, total))


def lock_sentences(found: Signable) -> tuple[str, ...]:
    """What is decided already, or can only be decided in one way."""
    return tuple(
        f"{lock.power} of {found.total} precommitted block {short_digest(lock.block)}… at "
        f"{found.at.height}: "
        + (
            "it is decided, and only a program that accepts it may be started"
            if has_quorum(lock.power, found.total)
            else "a program that refuses it cannot be started on them"
        )
        for lock in found.locks
    )
