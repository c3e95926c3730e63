"""What a domain adds to `remediate whatif`: from a situation and what is supposed to a projection.

The rules:

1. `project` is pure: nothing is read, and nothing is done.
2. The first stage is what is so now. Each further one begins where the one before it ended.
3. What the readings do not tell is said to be unknown: in the verdict, or in a note.

A complete projection, for a room with two lamps of which one is supposed to fail:

    Projection(
        domain="lamp",
        title="the lamp in the hall stops",
        stages=(
            ProjectedStage(title="now", impacts=(), health=Health.WELL, verdict="it is bright",
                           single_points=(), notes=()),
            ProjectedStage(title="the lamp in the hall stops", impacts=(), health=Health.DEGRADED,
                           verdict="half of it is dark",
                           single_points=(SinglePoint(name="stairs", weight=40),), notes=()),
        ),
        notes=("it is dark as soon as the other one stops",),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from remediations.engine.find.finding import Health
from remediations.engine.plan.plan import Impact
from remediations.values.record import Record

if TYPE_CHECKING:
    from remediations.engine.domain import Proposal


WORSE = (Health.WELL, Health.DEGRADED, Health.UNKNOWN, Health.DOWN)
"""In what order projections are worse: what goes on with less is better than what may stand."""


class SinglePoint(Record, frozen=True, kw_only=True):
    """One further failure that would bring the whole down: of a target, or of a link (`A:B`).
    `weight` is what of the domain's measure is lost with it."""

    name: str
    weight: int


class ProjectedStage(Record, frozen=True, kw_only=True):
    """The whole after one stage. `impacts` are the measures before, at worst during, and after it;
    `verdict` says in one sentence what that means. `single_points` are empty where it is down."""

    title: str
    impacts: tuple[Impact, ...]
    health: Health
    verdict: str
    single_points: tuple[SinglePoint, ...]
    notes: tuple[str, ...]


class Projection(Record, frozen=True, kw_only=True):
    """What follows, stage by stage. `refused` names the guards that do not pass as things are, so
    that the branch would not be carried out. It and `next_step` are filled in by the engine."""

    domain: str
    title: str
    stages: tuple[ProjectedStage, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...] = ()
    next_step: str = ""

    @property
    def worst(self) -> Health:
        """The worst that any stage comes to, what is so now aside; now, if there is no other."""
        later = self.stages[1:] or self.stages
        return max((stage.health for stage in later), key=WORSE.index)


@dataclass(frozen=True, kw_only=True)
class Supposition:
    """What is supposed: targets that stop, links that break, and the domain's own `settings`, by
    name, as they were typed."""

    stops: tuple[str, ...] = ()
    cuts: tuple[tuple[str, str], ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """An option that a domain adds to the command: `--NAME METAVAR`."""

    name: str
    metavar: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Projector:
    """How a domain projects. `project` is given the situation, what is supposed, and what a branch
    proposes in it, None for no branch.

    Raises (`project`):
        UsageError: a setting cannot be used.
        Unreadable: the readings are not enough to judge anything.
    """

    project: Callable[[Any, Supposition, Proposal[Any] | None], Projection]
    settings: tuple[Setting, ...] = ()
