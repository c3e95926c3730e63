"""What stages do to what a domain counts: before each, at worst during it, after it. Pure integers.

The steps of a stage happen at once, in any order. So at worst all that is taken away is gone before
anything has come back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from remediations.engine.plan.plan import Impact


class Effect(NamedTuple):
    """What one target gives to a measure: now, while it is acted on, and afterwards.

    A lamp of 40 watts that is changed: 40, 0, 40. One that is dark and is lit: 0, 0, 40. One that
    is put out: 40, 0, 0.
    """

    measure: str
    now: int
    during: int
    after: int


@dataclass(frozen=True, kw_only=True)
class Level:
    """A measure as it stands: how much of it there is, of how much, and what must remain."""

    measure: str
    now: int
    total: int
    floor: int


def compute_impacts(
    levels: Sequence[Level], stages: Sequence[Sequence[Effect]]
) -> tuple[tuple[Impact, ...], ...]:
    """For each stage, what its effects do to each measure."""
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
