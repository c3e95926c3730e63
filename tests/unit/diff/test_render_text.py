"""The difference on a terminal: golden at 80 columns, inside any width, readable for 100 hosts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.diff.difference import ObservationDiff
from remediations.engine.diff.render_text import diff_text
from remediations.systems.comet.reading import sealed
from tests import worlds
from tests.unit.diff.cases import difference, known, later, of_observations, room
from tests.unit.plan.cases import missing, quorum_lost
from tests.unit.render.golden import same_as_golden

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("before.json", "after.json")


def _hundred() -> ObservationDiff:
    world = worlds.healthy((10,) * 100)
    return difference(world, missing(world, *(f"val{i}" for i in range(1, 41))))


def _moved() -> ObservationDiff:
    after = later(worlds.healthy(standby=0))
    moved = replace(after.logins[0], trouble="DNS: no such host", hops=())
    return of_observations(
        sealed(worlds.healthy()),
        replace(after, inventory_digest="1" * 64, logins=(moved, *after.logins[1:])),
    )


DIFFS: dict[str, Callable[[], ObservationDiff]] = {
    "same": lambda: difference(worlds.healthy(), worlds.healthy()),
    "lost": lambda: difference(worlds.healthy(), quorum_lost()),
    "recovered": lambda: difference(quorum_lost(), worlds.healthy()),
    "unreachable": lambda: difference(
        worlds.healthy(), worlds.unreachable(worlds.healthy(), "val4")
    ),
    "moved": _moved,
    "hundred": _hundred,
    "lamps": lambda: of_observations(room(hall=known("lit")), room(hall=known("dark"))),
}


def text_of(diff: ObservationDiff, width: int = 80, *, verbose: bool = False) -> str:
    return diff_text(diff, NAMES, width=width, colour=False, verbose=verbose)


@pytest.mark.parametrize("name", DIFFS)
def test_difference_is_golden(name: str) -> None:
    """It reads as it did when somebody last looked at it."""
    same_as_golden(GOLDEN / f"{name}.txt", text_of(DIFFS[name]()) + "\n")


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", DIFFS)
def test_no_line_leaves_the_width(name: str, width: int) -> None:
    """Long values wrap; nothing is cut off at the right edge."""
    assert max(map(len, text_of(DIFFS[name](), width).splitlines())) <= width


def test_a_hundred_hosts_fit_on_a_few_screens() -> None:
    """Equal changes share a row; what was left out is counted, and --verbose has it."""
    diff = _hundred()
    folded = text_of(diff).splitlines()
    assert len(folded) < 100
    whole = text_of(diff, verbose=True)
    assert "--verbose shows all" not in whole
    assert len(whole.splitlines()) > len(diff.readings)
