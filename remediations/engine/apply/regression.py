"""Whether a stage was followed by more than it declared. Pure.

A plan says what each stage does to what its domain counts (`Impact`). Something else may happen
meanwhile: another target fails, somebody acts by hand. So what a look shows after the stage's gate
is held against what one showed before its first step: the levels of what the plan counts, which may
fall by what the stage declared, and harms (`Sight.harms`), which may not grow at all. A stage that
was followed by more is the last one. Two looks are compared with each other: a look asks less than
an observation does, and may see less of the whole. It may also see more: a node that answers is
counted, though the plan knows that it does not vote. So what the stage declared to be left is no
loss, whatever the first look showed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from msgspec import UnsetType

from remediations.engine.apply.look import Harm, Sight
from remediations.engine.plan.plan import Stage


class Severity(NamedTuple):
    """How bad things are, as far as a look shows it: levels by the measure of the plan's impacts,
    and harms by their names."""

    levels: Mapping[str, int]
    harms: Mapping[str, Harm]


UNSEEN = Severity(MappingProxyType({}), MappingProxyType({}))
"""No look came about."""


def severity_of(sight: Sight) -> Severity:
    """The level of each series of which the look shows one point, if it has a value, and all
    harms."""
    shown = Counter(point.series for point in sight.points)
    levels = {
        point.series: point.value
        for point in sight.points
        if point.value is not None and shown[point.series] == 1
    }
    harms = () if isinstance(sight.harms, UnsetType) else sight.harms
    return Severity(levels, {harm.name: harm for harm in harms})


def regressions(stage: Stage, before: Severity, after: Severity) -> Iterator[str]:
    """One sentence for each measure that is lower after the stage than it declared, and for each
    harm that grew. A measure that neither look shows is not judged; one that only the first shows
    cannot be proven. A harm that one of the looks does not show is not judged."""
    for impact in stage.impacts:
        if impact.measure not in before.levels:
            continue
        was = before.levels[impact.measure]
        least = min(was + min(0, impact.after - impact.before), impact.after)
        if impact.measure not in after.levels:
            yield f"{impact.measure} cannot be seen any more, at least {least} was declared"
        elif after.levels[impact.measure] < least:
            yield (
                f"{impact.measure} is {after.levels[impact.measure]} of {impact.total}, and was "
                f"{was} before: the stage declared {impact.before} → {impact.after}"
            )
    for name, harm in after.harms.items():
        if name in before.harms and harm.count > before.harms[name].count:
            yield f"{name}: {harm.says}, which was not so before"
