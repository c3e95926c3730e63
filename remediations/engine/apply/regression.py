"""Whether a stage has cost more than it declared. Pure.

A plan says what each stage does to what its domain counts (`Impact`). Something else may happen
meanwhile: another target fails, somebody acts by hand. So the levels that a look shows after the
stage's gate are held against those before its first step, and a stage that was followed by more
loss than it declared is the last one. The levels of two looks are compared with each other, never
with those of the plan: a look asks less than an observation does, and may see less of the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from remediations.engine.apply.look import Sight
from remediations.engine.plan.plan import Stage

Levels = Mapping[str, int]
"""What a look counted, by the measure of the plan's impacts."""


def levels_of(sight: Sight) -> Levels:
    """The level of each series of which the look shows one point, if it has a value."""
    shown = Counter(point.series for point in sight.points)
    return {
        point.series: point.value
        for point in sight.points
        if point.value is not None and shown[point.series] == 1
    }


def regressions(stage: Stage, before: Levels, after: Levels) -> Iterator[str]:
    """One sentence for each measure that is lower after the stage than it declared. A measure that
    neither look shows is not judged; one that only the first shows cannot be proven."""
    for impact in stage.impacts:
        if impact.measure not in before:
            continue
        least = before[impact.measure] + min(0, impact.after - impact.before)
        if impact.measure not in after:
            yield f"{impact.measure} cannot be seen any more, at least {least} was declared"
        elif after[impact.measure] < least:
            yield (
                f"{impact.measure} is {after[impact.measure]} of {impact.total}, and was "
                f"{before[impact.measure]} before: the stage declared {impact.before} → "
                f"{impact.after}"
            )
