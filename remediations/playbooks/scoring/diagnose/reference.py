"""Which answers and which model are the right ones, by voting power (docs/scoring.md#agreed). Pure.

More than two thirds of the power of the whole set, strictly and in integers: that is what decides a
block. Power that could not be read counts for nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from remediations.playbooks.scoring.diagnose.view import AnswerKey, ScorerView, digest_of
from remediations.playbooks.scoring.finding import AnswerGroup, Basis, ModelGroup
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.scorer.inventory import ScoringEntry
from remediations.systems.scorer.values import ModelOnDisk
from remediations.values.reading import value_or_none

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Powers:
    """The voting power of hosts. `total` is that of the whole set, 0 where it is not known."""

    of: Callable[[str], int]
    total: int


class PodsView(NamedTuple):
    """A workload whose pods score: for the nodes of which hosts, with which power, and the answers
    that all of its ready pods give; None where they do not give the same."""

    target: str
    hosts: tuple[str, ...]
    power: int
    key: AnswerKey | None


NO_PODS: tuple[PodsView, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What all services are compared with. `key` and `model` are None and "" where nothing is
    agreed. The sets are those of the services that give the agreed answers; `files` are those of
    the agreed model, None where nobody who has it was read."""

    key: AnswerKey | None
    basis: Basis
    model: str
    model_basis: Basis
    files: ModelOnDisk | None
    cpu_classes: frozenset[str]
    images: frozenset[str]
    libraries: frozenset[tuple[str, ...]]


def reference_of(
    views: Sequence[ScorerView],
    scoring: ScoringEntry,
    powers: Powers,
    pods: Sequence[PodsView] = NO_PODS,
) -> Reference:
    """What is agreed among these services, of hosts and of workloads."""
    model, model_basis = _agreed_model(views, scoring, powers)
    key, basis = _agreed_key(views, scoring, powers, model, pods)
    agreeing = [view for view in views if key is not None and view.key == key]
    files = (value_or_none(v.reading.disk) for v in views if model and v.on_disk == model)
    return Reference(
        key=key,
        basis=basis,
        model=model,
        model_basis=model_basis,
        files=next((one for one in files if one is not None), None),
        cpu_classes=frozenset(view.cpu_class for view in agreeing if view.cpu_class),
        images=frozenset(view.image for view in agreeing if view.image),
        libraries=frozenset(view.libraries for view in agreeing if view.libraries),
    )


def golden_key(scoring: ScoringEntry) -> AnswerKey:
    """The answers that the golden vectors declare."""
    return tuple(vector.answer for vector in scoring.golden.vectors)


def _agreed_key(
    views: Sequence[ScorerView],
    scoring: ScoringEntry,
    powers: Powers,
    model: str,
    pods: Sequence[PodsView],
) -> tuple[AnswerKey | None, Basis]:
    if not powers.total:
        return golden_key(scoring), Basis.GOLDEN
    every: list[ScorerView | PodsView] = [*views, *pods]
    found = _with_quorum(((one.key, one.power) for one in every), powers.total)
    if found is None and _only_late(views, scoring, powers, pods):
        return golden_key(scoring), Basis.LATE
    if found is None and model == scoring.model and _pin_decides(views, scoring, powers, pods):
        return golden_key(scoring), Basis.PIN
    return found, Basis.NONE if found is None else Basis.POWER


def _only_late(
    views: Sequence[ScorerView],
    scoring: ScoringEntry,
    powers: Powers,
    pods: Sequence[PodsView],
) -> bool:
    """Whether nothing but the time is missing for an agreement on the golden vectors' answers:
    nobody gives others, or several, and those that are late do work."""
    golden = golden_key(scoring)
    every: list[ScorerView | PodsView] = [*views, *pods]
    if any(view.varies for view in views) or any(one.key not in (None, golden) for one in every):
        return False
    late = sum(view.power for view in views if view.works)
    right = sum(one.power for one in every if one.key == golden)
    return late > 0 and has_quorum(right + late, powers.total)


def _pin_decides(
    views: Sequence[ScorerView],
    scoring: ScoringEntry,
    powers: Powers,
    pods: Sequence[PodsView],
) -> bool:
    given = [Given(v.model, digest_of(v.key) if v.key else "", v.power) for v in views]
    given += [Given("", digest_of(one.key) if one.key else "", one.power) for one in pods]
    return not why_not_pinned(scoring, given, powers.total)


class Given(NamedTuple):
    """The model of one service, the digest of its answers, "" for none, and its power."""

    model: str
    answers: str
    power: int


def why_not_pinned(scoring: ScoringEntry, given: Sequence[Given], total: int) -> str:
    """Why the golden answers of the pinned model are not the measure where no answer has two
    thirds; "" where they are.

    A pin is a word of people. That these are its answers, on these hosts, somebody has to show who
    has the model; and who has it and answers otherwise shows that the model alone does not decide.
    Power that gives no answer may have given another one: it counts for that.
    """
    golden = digest_of(golden_key(scoring))
    if scoring.model is None:
        return "no model is pinned"
    holders = [one for one in given if one.model == scoring.model and one.answers]
    if not any(one.answers == golden for one in holders):
        return "nobody has the pinned model and gives the answers of its golden vectors"
    if any(one.answers != golden for one in holders):
        return "services with the pinned model itself give other answers than its golden vectors"
    others: dict[str, int] = {}
    for one in given:
        if one.answers and one.answers != golden:
            others[one.answers] = others.get(one.answers, 0) + one.power
    silent = total - sum(one.power for one in given if one.answers)
    if has_quorum(max(others.values(), default=0) + silent, total):
        return "together with those that give no answer another one may have two thirds"
    return ""


def _agreed_model(
    views: Sequence[ScorerView], scoring: ScoringEntry, powers: Powers
) -> tuple[str, Basis]:
    if powers.total:
        pairs = ((view.model or None, view.power) for view in views)
        found = _with_quorum(pairs, powers.total)
        if found is not None:
            return found, Basis.POWER
    if scoring.model is not None:
        return scoring.model, Basis.PIN
    return ("", Basis.NONE) if powers.total else (scoring.golden.model, Basis.GOLDEN)


def _with_quorum(pairs: Iterable[tuple[K | None, int]], total: int) -> K | None:
    sums: dict[K, int] = {}
    for key, power in pairs:
        if key is not None:
            sums[key] = sums.get(key, 0) + power
    return next((key for key, power in sums.items() if has_quorum(power, total)), None)


def answer_groups(
    views: Sequence[ScorerView], pods: Sequence[PodsView] = NO_PODS
) -> tuple[AnswerGroup, ...]:
    """Who gives which answers, most power first; of a workload, the hosts whose nodes ask it."""
    groups: dict[AnswerKey, list[tuple[tuple[str, ...], int]]] = {}
    given = [((view.host,), view.power, view.key) for view in views]
    for hosts, power, key in (*given, *((one.hosts, one.power, one.key) for one in pods)):
        if key is not None:
            groups.setdefault(key, []).append((hosts, power))
    found = [
        AnswerGroup(
            digest=digest_of(key),
            hosts=tuple(host for hosts, _ in group for host in hosts),
            power=sum(power for _, power in group),
        )
        for key, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.power, -len(one.hosts), one.digest)))


def image_groups(views: Sequence[ScorerView]) -> tuple[AnswerGroup, ...]:
    """Who runs which image, by its digest, most power first. Names do not count."""
    groups: dict[str, list[ScorerView]] = {}
    for view in views:
        if view.image:
            groups.setdefault(view.image, []).append(view)
    found = [
        AnswerGroup(
            digest=digest,
            hosts=tuple(view.host for view in group),
            power=sum(view.power for view in group),
        )
        for digest, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.power, -len(one.hosts), one.digest)))


def model_groups(views: Sequence[ScorerView]) -> tuple[ModelGroup, ...]:
    """Who has which model, most power first."""
    groups: dict[str, list[ScorerView]] = {}
    for view in views:
        if view.model:
            groups.setdefault(view.model, []).append(view)
    found = [
        ModelGroup(
            sha256=sha256,
            hosts=tuple(view.host for view in group),
            power=sum(view.power for view in group),
            since=_since(group),
        )
        for sha256, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.power, -len(one.hosts), one.sha256)))


def _since(group: Sequence[ScorerView]) -> datetime | None:
    units = (value_or_none(view.reading.unit) for view in group if view.loaded)
    return min((unit.since for unit in units if unit and unit.since), default=None)
