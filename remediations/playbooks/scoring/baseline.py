"""What gates and checks compare with: who answered what before, and the agreed answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.compare import Movable, included
from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.situation import ScoringSituation
from remediations.systems.scorer.poll import ScorerTarget
from remediations.systems.scorer.values import Ask, GoldenVectors
from remediations.values.part import Kinded, Part
from remediations.values.reading import value_or_none
from remediations.values.record import Record

_IN_TIME = (ScorerCondition.AGREED, ScorerCondition.CAPACITY)


class ScoringBaseline(Kinded, frozen=True, kw_only=True):
    """The services before anything was done.

    `golden` has the agreed answers, whatever the file of vectors says of them; `agreeing` are the
    hosts that gave them. `model` is the agreed model, "" where none is.
    """

    KIND: ClassVar[str] = "scoring.baseline/1"

    golden: GoldenVectors
    timeout_ms: int
    model: str
    total_power: int
    agreeing: tuple[str, ...]


class Scorers(Kinded, frozen=True, kw_only=True):
    """Every service that is looked at: those that agreed, and those that are acted on."""

    KIND: ClassVar[str] = "scoring.scorers/1"

    scorers: tuple[ScorerTarget, ...]


class ModelPlace(Record, frozen=True, kw_only=True):
    """The model directory of one host."""

    host: str
    directory: str


class ModelPlaces(Kinded, frozen=True, kw_only=True):
    """Where the services that are acted on have their models."""

    KIND: ClassVar[str] = "scoring.models/1"

    places: tuple[ModelPlace, ...]


def baseline(scoring: ScoringSituation, proposal: Proposal[ScoringSituation]) -> tuple[Part, ...]:
    """How the services are when the plan is made."""
    finding = scoring.finding
    agreeing = tuple(one.host for one in finding.scorers if one.condition in _IN_TIME)
    watched = {*agreeing, *proposal.targets}
    scorers = tuple(
        ScorerTarget(
            host=one.host,
            unit=scoring.scorer(one.host).entry.unit,
            url=scoring.scorer(one.host).entry.url,
            power=one.power,
        )
        for one in finding.scorers
        if one.host in watched
    )
    found: tuple[Kinded, ...] = (
        ScoringBaseline(
            golden=agreed_vectors(scoring),
            timeout_ms=scoring.scoring.timeout_ms,
            model=finding.model,
            total_power=finding.total_power,
            agreeing=agreeing,
        ),
        Scorers(scorers=scorers),
        ModelPlaces(
            places=tuple(
                ModelPlace(host=host, directory=scoring.scorer(host).entry.model)
                for host in proposal.targets
            )
        ),
    )
    return tuple(sorted(map(Part.of, found), key=lambda part: part.kind))


def agreed_vectors(scoring: ScoringSituation) -> GoldenVectors:
    """The vectors with the agreed answers, which are those of the file where nothing else is
    agreed."""
    golden, finding = scoring.scoring.golden, scoring.finding
    group = next((one for one in finding.answers if one.digest == finding.agreed), None)
    # Where all are late nobody has that answer yet: it is that of the file.
    if group is None:
        return golden
    told = {ask.vector: ask.answer for ask in _asks_of(scoring, group.hosts[0]) if ask.answer}
    vectors = tuple(replace(one, answer=told[one.name]) for one in golden.vectors)
    return replace(golden, vectors=vectors)


def _asks_of(scoring: ScoringSituation, host: str) -> tuple[Ask, ...]:
    """What the service answered that the node of a host asks: its own, or a pod of a workload, all
    of which answer alike where they are in a group."""
    if any(one.host == host for one in scoring.reading.hosts):
        return value_or_none(scoring.scorer(host).asks) or ()
    workloads = () if scoring.pods is None else scoring.pods.workloads
    pods = (value_or_none(one.pods) for one in workloads if host in one.hosts)
    asks = (value_or_none(pod.asks) for those in pods for pod in those or ())
    return next((one for one in asks if one), ())


MOVABLE: Mapping[str, Movable] = MappingProxyType(
    {
        "scoring.baseline/1 agreeing": Movable(included, "a service may come back by itself"),
        "scoring.scorers/1 scorers": Movable(included, "a service may come back by itself"),
    }
)
"""Which fields of the domain's parts may differ when a plan is applied."""
