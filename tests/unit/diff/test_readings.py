"""Parts are compared as trees, also where their owner is not installed."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.diff.readings import changed_readings, identifying_member, text_of
from remediations.engine.observe.observation import Observation
from remediations.systems.comet.reading import sealed
from tests import worlds
from tests.unit.diff.cases import known, room, unknown
from tests.unit.plan.cases import quorum_lost


def changes(
    before: Observation, after: Observation, *relied: str
) -> list[tuple[str, str, str, str, str]]:
    found = changed_readings(before, after, relied)
    return [(one.subject, one.reading, one.field, one.before, one.after) for one in found]


def test_a_lamp_that_went_out() -> None:
    """Its subject and reading are named as evidence names them."""
    before, after = (
        room(hall=known("lit"), attic=known("lit")),
        room(
            hall=known("dark", "2026-11-25T13:00:00Z"), attic=known("lit", "2026-11-25T13:00:00Z")
        ),
    )
    assert changes(before, after) == [("hall", "state", "", "lit", "dark")]
    (one,) = changed_readings(before, after, ["hall.state"])
    assert one.relied_upon
    (one,) = changed_readings(before, after, ["hall", "attic.state", "hall.states", "hall.stat"])
    assert one.relied_upon
    (one,) = changed_readings(before, after, ["attic.state", "hall.states", "hall.stat", ""])
    assert not one.relied_upon


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (known("lit"), unknown("no answer"), ("", "lit", "unknown: no answer")),
        (unknown("no answer"), known({"watts": "4"}), ("", "unknown: no answer", "known")),
        (unknown("no answer"), unknown("denied"), ("", "unknown: no answer", "unknown: denied")),
        (known({"watts": "4", "on": True}), known({"watts": "5", "on": True}), ("watts", "4", "5")),
        (known({"on": True}), known({"on": False}), ("on", "yes", "no")),
        (known({"by": None}), known({"by": "eve"}), ("by", "", "eve")),
        (known({"by": "eve"}), known({"by": ""}), ("by", "eve", "(empty)")),
        (known(["a", "b", "b"]), known(["b", "c"]), ("", "a, b", "c")),
        (known(["a", "b"]), known(["b", "a"]), ("", "an order", "another order")),
        (known([]), known(list("abcdefg")), ("", "", "a, b, c, d and 3 more")),
        (
            known([{"id": "7", "on": True}, {"id": "8", "on": True}]),
            known([{"id": "8", "on": False}, {"id": "9", "on": True}]),
            ("[8].on", "yes", "no"),
        ),
    ],
)
def test_values(before: Any, after: Any, expected: tuple[str, str, str]) -> None:  # noqa: ANN401
    """The first change of a reading, by the kind of its value."""
    assert changes(room(hall=before), room(hall=after))[0] == ("hall", "state", *expected)


def test_when_it_was_read_is_not_a_change() -> None:
    """Nor is the same trouble an hour later."""
    late = "2026-11-25T13:00:00Z"
    before = room(hall=known("lit"), attic=unknown("denied"))
    assert changes(before, room(hall=known("lit", late), attic=unknown("denied", late))) == []


def test_things_that_came_and_went() -> None:
    """A thing that only one of them has is told once, not field by field."""
    assert changes(room(hall=known("lit")), room(attic=known("lit"))) == [
        ("attic", "", "", "", "there"),
        ("hall", "", "", "there", ""),
    ]


def test_a_part_that_only_one_has() -> None:
    """A system that was read only once."""
    kinds = {(kind, before, after) for kind, before, after in _parts()}
    assert ("lamp.reading/1", "not read", "read") in kinds
    assert ("comet.reading/1", "read", "not read") in kinds


def _parts() -> list[tuple[str, str, str]]:
    found = changed_readings(sealed(worlds.healthy()), room(), ())
    return [(one.part, one.before, one.after) for one in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([{"host": "a", "x": "1"}], [{"host": "b", "x": "1"}], "host"),
        ([{"x": "1", "y": "22"}], [{"x": "1", "y": "33"}], "x"),
        ([{"x": "1", "y": "22"}], [{"x": "2", "y": "22"}], "y"),
        ([{"x": "1"}, {"x": "1"}], [{"x": "1"}], None),
        ([{"x": "1"}], [{"x": "2"}], None),
        ([{"x": {"y": "1"}}], [{"x": {"y": "1"}}], None),
        ([{"at": "1"}], [{"at": "1"}], None),
        ([{"x": "1"}], [{"y": "1"}], None),
        ([], [], None),
    ],
)
def test_records_belong_together_by_what_identifies_them(
    before: Any,  # noqa: ANN401 - trees of JSON
    after: Any,  # noqa: ANN401
    expected: str | None,
) -> None:
    """By a name, else by the member that they share; never by one that repeats."""
    assert identifying_member(before, after) == expected


def test_readings_of_a_real_observation() -> None:
    """What the finding relies upon comes first, under the path that it is cited by."""
    relied = ("val1.unit", "val2.samples[1].status")
    found = changed_readings(sealed(worlds.healthy()), sealed(quorum_lost()), relied)
    first = [one for one in found if one.relied_upon]
    assert found[: len(first)] == tuple(first)
    assert {(one.subject, one.reading) for one in first} >= {("val1", "unit")}
    (state,) = [one for one in first if (one.subject, one.field) == ("val1", "active_state")]
    assert (state.reading, state.before, state.after) == ("unit", "active", "inactive")


def test_long_values_are_shortened() -> None:
    """A program in a reading is not printed whole."""
    assert len(text_of("x" * 10_000)) == 160
