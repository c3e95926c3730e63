"""What tells pods that answer otherwise from those that answer as agreed. Pure.

In the order of docs/scoring.md#agreed: the model before the settings, these before where they run.
Only what was read counts, and only where it is so of every one of them: a difference that one pod
has, and another odd one has not, explains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import UnsetType

from remediations.playbooks.scoring.diagnose.view import wrong_settings
from remediations.render.formats import name_some
from remediations.systems.scorer.values import GoldenVectors, Setting
from remediations.systems.scoringpods.reading import ScoredPod
from remediations.values.reading import value_or_none

_STARTED_SINCE = (
    "other processors, or what a pod takes at its start (a ConfigMap, a Secret) was changed since "
    "the others started"
)


def what_differs(
    odd: Sequence[ScoredPod],
    alike: Sequence[ScoredPod],
    golden: GoldenVectors | None,
    declared: Sequence[Setting],
) -> str:
    """One sentence about the odd pods; "" where nothing that was read tells them apart."""
    return next(_differences(odd, alike, golden, declared), "") if odd else ""


def _differences(
    odd: Sequence[ScoredPod],
    alike: Sequence[ScoredPod],
    golden: GoldenVectors | None,
    declared: Sequence[Setting],
) -> Iterator[str]:
    models = _only(odd, alike, _model)
    if not models and not alike and golden is not None:
        models = tuple(one for one in _values(odd, _model) if one != golden.model)
    if models:
        yield f"they loaded another model ({name_some([one[:12] for one in models])})"
    settings = [_wrong(one, declared) for one in odd]
    if all(settings) and not any(_wrong(one, declared) for one in alike):
        yield f"they have {settings[0]}"
    if images := _only(odd, alike, lambda pod: ", ".join(map(_digest, pod.image_ids))):
        yield f"they run another image ({name_some(list(images))})"
    if templates := _only(odd, alike, lambda pod: pod.template_hash):
        yield f"they are of another template ({name_some(list(templates))})"
    if nodes := _only(odd, alike, lambda pod: pod.node):
        yield f"they alone are on {name_some(list(nodes))}: {_STARTED_SINCE}"


def _values(pods: Sequence[ScoredPod], read: Callable[[ScoredPod], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for pod in pods if (value := read(pod))))


def _only(
    odd: Sequence[ScoredPod], alike: Sequence[ScoredPod], read: Callable[[ScoredPod], str]
) -> tuple[str, ...]:
    """The values that the odd pods have, where all of them have one, and no other pod has it."""
    values, others = _values(odd, read), _values(alike, read)
    whole = all(map(read, odd)) and all(map(read, alike)) and bool(alike)
    return values if whole and not set(values) & set(others) else ()


def _model(pod: ScoredPod) -> str:
    loaded = None if isinstance(pod.computes, UnsetType) else value_or_none(pod.computes.model)
    return "" if loaded is None else loaded.sha256


def _wrong(pod: ScoredPod, declared: Sequence[Setting]) -> str:
    """The declared settings that the pod sets otherwise; what it does not set its image may."""
    if isinstance(pod.computes, UnsetType):
        return ""
    have = pod.computes.settings
    names = {one.name for one in have}
    wrong = wrong_settings(tuple(one for one in declared if one.name in names), have)
    return ", ".join(f"{one.name}={value} (declared: {one.value})" for one, value in wrong)


def _digest(image: str) -> str:
    return image.rpartition("@")[2][:19]
