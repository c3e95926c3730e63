"""Plots: gaps stay gaps, labels stay inside, and nobody is hidden behind another line."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from remediations.engine.apply.look import Mark, Point, Sample, Sight
from remediations.engine.report.plot import LABEL_HEIGHT, series_plots
from remediations.engine.report.plot_frame import HEIGHT, MOST_LETTERS, WIDTH
from tests import worlds
from tests.hostile import each_hostile

SVG = "{http://www.w3.org/2000/svg}"


def sample(second: int, heights: Mapping[str, int | None], power: int | None = None) -> Sample:
    points = [Point(series="height", subject=host, value=seen) for host, seen in heights.items()]
    marks: tuple[Mark, ...] = ()
    if power is not None:
        points.append(Point(series="power", subject="online", value=power))
        marks = (
            Mark(series="power", label="2/3", value=66),
            Mark(series="power", label="all", value=100),
        )
    sight = Sight(headline="", points=tuple(points), marks=marks)
    return Sample(at=worlds.BEGAN + timedelta(seconds=second), sight=sight)


def plot_of(series: str, samples: Sequence[Sample]) -> str:
    return dict(series_plots(samples)).get(series, "")


def heights_plot(samples: Sequence[Sample]) -> str:
    return plot_of("height", samples)


def power_plot(samples: Sequence[Sample]) -> str:
    return plot_of("power", samples)


def labels(plot: str) -> dict[str, float]:
    """Names at the right edge, with how far down they stand."""
    found = {}
    for text in ET.fromstring(plot).iter(f"{SVG}text"):
        if (text.get("class") or "").startswith(("name", "tick")) and float(text.get("x", 0)) > 600:
            found[text.text or ""] = float(text.get("y", 0))
    return found


def test_nothing_to_draw() -> None:
    """Without samples, or without any answer, there is no plot."""
    assert heights_plot([]) == ""
    assert power_plot([]) == ""
    assert heights_plot([sample(0, {"a": None})]) == ""


def test_unknown_breaks_the_line() -> None:
    """A height that was not seen is never drawn as if it had been."""
    plot = heights_plot([sample(i, {"a": h}) for i, h in enumerate((5, 6, None, 8, 9, None, 11))])
    assert plot.count("<polyline") == 2
    assert plot.count("<circle") == 1


def test_alike_nodes_share_a_line() -> None:
    """Two nodes with the same heights are one line that names both."""
    plot = heights_plot([sample(i, {"a": i, "b": i, "c": 0}) for i in range(3)])
    assert plot.count("<polyline") == 2
    assert {"a and 1 more", "c"} <= set(labels(plot))


@pytest.mark.parametrize("nodes", [2, 9, 100])
def test_labels_stay_apart_and_inside(nodes: int) -> None:
    """However many nodes there are, no label covers another or leaves the picture."""
    plot = heights_plot(
        [sample(i, {f"val{n}": i * 10 + n % 40 for n in range(nodes)}) for i in range(3)]
    )
    places = sorted(y for name, y in labels(plot).items() if name.startswith("val"))
    assert len(places) >= min(nodes, 9)
    assert all(b - a >= LABEL_HEIGHT - 0.2 for a, b in pairwise(places))
    assert min(places) > 0
    assert max(places) <= HEIGHT


def test_every_series_has_a_plot_in_the_order_of_its_points() -> None:
    """Whatever a domain counts; the whole is called as its series."""
    round_ = Sample(
        at=worlds.BEGAN,
        sight=Sight(headline="", points=(Point(series="round", subject="", value=3),)),
    )
    plots = series_plots([sample(0, {"a": 7}, 60), round_])
    assert [name for name, _ in plots] == ["height", "power", "round"]
    assert "round" in labels(dict(plots)["round"])


def test_power_has_its_two_marks() -> None:
    """Two thirds and all of the power are lines with their numbers."""
    plot = power_plot([sample(0, {}, 60), sample(10, {}, 100)])
    assert {"2/3 (66)", "all (100)", "online"} <= set(labels(plot))
    assert len(set(labels(plot).values())) == len(labels(plot))


def test_every_point_is_inside() -> None:
    """No coordinate leaves the picture, also with a single sample."""
    for plot in (heights_plot([sample(0, {"a": 7})]), power_plot([sample(0, {}, 0)])):
        pairs = re.findall(r'points="([^"]*)"', plot)
        numbers = [float(n) for pair in pairs for n in re.split(r"[ ,]+", pair) if n]
        assert all(0 <= n <= WIDTH for n in numbers)


def test_it_is_labelled_for_those_who_cannot_see_it() -> None:
    """The picture has a role and a name."""
    root = ET.fromstring(power_plot([sample(0, {}, 60), sample(1, {}, 60)]))
    assert root.get("role") == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert title.text == "power over time"


@each_hostile
def test_names_are_text_that_fits(text: str) -> None:
    """Whatever a host is called, the picture is well formed and the name has room in it."""
    plot = heights_plot([sample(i, {text: i, f"{text}2": 2 * i, "x": 2 * i}) for i in range(2)])
    harmless = heights_plot([sample(i, {"a": i, "a2": 2 * i, "x": 2 * i}) for i in range(2)])
    assert [e.tag for e in ET.fromstring(plot).iter()] == [
        e.tag for e in ET.fromstring(harmless).iter()
    ]
    names = [name for name in labels(plot) if name]
    assert all(len(name) <= MOST_LETTERS and name.replace("…", "").isascii() for name in names)
