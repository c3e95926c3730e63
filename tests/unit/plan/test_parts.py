"""A part is shown whole, whatever its kind."""

from __future__ import annotations

from typing import Any

import pytest

from remediations.engine.plan.parts import PartRow, part_rows
from remediations.values.part import Part


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ({}, [("", "–")]),
        ({"hosts": ["a", "b"], "height": "7"}, [("hosts", "a", "b"), ("height", "7")]),
        ({"hosts": []}, [("hosts",)]),
        ({"of": {"lit": True, "since": None}}, [("of.lit", "yes"), ("of.since", "–")]),
        (
            {"pairs": [["a", "1"], ["b", "2"]], "lamps": [{"id": "x"}]},
            [("pairs[0]", "a", "1"), ("pairs[1]", "b", "2"), ("lamps[0].id", "x")],
        ),
        ({"empty": {}, "off": False}, [("empty", "–"), ("off", "no")]),
    ],
)
def test_every_value_is_a_row(value: dict[str, Any], rows: list[tuple[str, ...]]) -> None:
    """With the path to it; nothing is left out, also not what is empty."""
    found = part_rows(Part(kind="lamp.shines/1", value=value))
    assert found == tuple(PartRow(path, tuple(values)) for path, *values in rows)
