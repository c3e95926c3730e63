"""Power that votes together, against counting it plainly."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from remediations.engine.whatif.projection import Supposition
from remediations.playbooks.chain.situation import situation_of
from remediations.playbooks.chain.whatif.links import strongest
from remediations.playbooks.chain.whatif.project import project
from tests.worlds import healthy

Graph = dict[str, set[str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, dict[str, int]]:
    names = [f"val{n}" for n in range(draw(st.integers(1, 8)))]
    pairs = [(a, b) for a in names for b in names if a < b]
    links = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph: Graph = {name: set() for name in names}
    for one, other in links:
        graph[one].add(other)
        graph[other].add(one)
    return graph, {name: draw(st.integers(0, 50)) for name in names}


def best(graph: Mapping[str, set[str]], weights: Mapping[str, int]) -> int:
    """The power of the strongest part, by walking from every node."""
    found = 0
    for start in graph:
        reached, waiting = {start}, [start]
        while waiting:
            for other in graph[waiting.pop()] - reached:
                reached.add(other)
                waiting.append(other)
        found = max(found, sum(weights[name] for name in reached))
    return found


def within(graph: Graph, part: set[str]) -> Graph:
    return {name: graph[name] & part for name in part}


@given(graphs())
def test_strongest_part_and_every_loss(case: tuple[Graph, dict[str, int]]) -> None:
    """Each node of that part, and each link on which it hangs, is really taken away."""
    graph, weights = case
    found = strongest(graph, weights)
    assert found is not None
    assert found.total == best(graph, weights)
    told = {loss.name: loss.left for loss in found.losses()}
    part = {name for name in told if ":" not in name}
    assert sum(weights[name] for name in part) == found.total
    for name in part:
        assert told[name] == best(within(graph, part - {name}), weights)
    for one in part:
        for other in graph[one]:
            cut = within(graph, part)
            cut[one] = cut[one] - {other}
            cut[other] = cut[other] - {one}
            left = best(cut, weights)
            assert told.get(":".join(sorted((one, other))), found.total) == left


@settings(max_examples=40)
@given(
    powers=st.lists(st.integers(1, 30), min_size=2, max_size=6),
    stops=st.sets(st.integers(1, 6)),
)
def test_power_is_counted_once_and_a_stop_adds_none(powers: list[int], stops: set[int]) -> None:
    """What stays is the sum of those that do not stop, whatever their order; and what is named as
    one too many really is."""
    world = healthy(powers, standby=0)
    gone = [f"val{n}" for n in sorted(stops) if n <= len(powers)]
    chain = situation_of(world, frozenset())
    stages = project(chain, Supposition(stops=tuple(gone)), None).stages
    left = sum(power for n, power in enumerate(powers, 1) if f"val{n}" not in gone)
    assert stages[-1].impacts[0].after == left
    assert (3 * left > 2 * sum(powers)) is (stages[-1].health.value in ("well", "degraded"))
    if stages[-1].single_points:
        too_many = {f"val{n}" for n, p in enumerate(powers, 1) if 3 * (left - p) <= 2 * sum(powers)}
        assert {point.name for point in stages[-1].single_points} == too_many - set(gone)
