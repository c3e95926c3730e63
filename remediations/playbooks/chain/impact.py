"""In which order nodes are acted on, and what that does to the power that signs. Pure integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from remediations.systems.comet.quorum import has_quorum


class Move(NamedTuple):
    """One node to act on: `power` in the set, `online` whether that power signs right now."""

    host: str
    power: int
    online: bool


class Swing(NamedTuple):
    """Signing power before a stage, at worst during it, and after it."""

    before: int
    worst: int
    after: int


def smallest_first(moves: Iterable[Move]) -> tuple[Move, ...]:
    """Rolling order (docs/plan.md#branches): smallest power first, by name among equals."""
    return tuple(sorted(moves, key=lambda move: (move.power, move.host)))


def swings(online: int, batches: Sequence[Sequence[Move]]) -> tuple[Swing, ...]:
    """The signing power around each batch, when the moves of a batch happen at once.

    A node that signs now is off while it restarts; one that does not sign adds its power after.
    """
    result = []
    for batch in batches:
        lost = sum(move.power for move in batch if move.online)
        gained = sum(move.power for move in batch if not move.online)
        result.append(Swing(online, online - lost, online + gained))
        online += gained
    return tuple(result)


def keeps_quorum(swing: Swing, total: int) -> bool:
    """G29: a stage never takes signing power that had quorum to two thirds or below."""
    return not has_quorum(swing.before, total) or has_quorum(swing.worst, total)
