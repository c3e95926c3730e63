"""The impact of stages on what a domain counts: before each, at worst during it, and after it.

The steps of a stage happen at the same time, in any order. So in the worst case all that is taken
away is gone before anything has come back. All values are integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from remediations.engine.plan.plan import Impact


class Effect(NamedTuple):
    """The contribution of one target to a measure: before, during and after an action.

    A lamp of 40 watts that is replaced: 40, 0, 40. One that is switched on: 0, 0, 40. One that is
    switched off: 40, 0, 0.
    """

    measure: str
    now: int
    during: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Level:
    """The current level of a measure, its total, and the floor that must remain."""

    measure: str
    now: int
    total: int
    floor: int


def compute_impacts(
    levels: Sequence[Level], stages: Sequence[Sequence[Effect]]
) -> tuple[tuple[Impact, ...], ...]:
    """The impacts of each stage, one for each measure."""
    paths = [tuple(_path(level, stages)) for level in levels]
    return tuple(zip(*paths, strict=True)) if paths else tuple(() for _ in stages)


def _path(level: Level, stages: Sequence[Sequence[Effect]]) -> Iterator[Impact]:
    before = level.now
    for effects in stages:
        own = [effect for effect in effects if effect.measure == level.measure]
        worst = before - sum(e.now - min(e.now, e.during, e.after) for e in own)
        after = before + sum(effect.after - effect.now for effect in own)
        yield Impact(
            measure=level.measure,
            before=before,
            worst=worst,
            after=after,
            total=level.total,
            floor=level.floor,
        )
        before = after
