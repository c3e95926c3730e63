"""Every incident gets the right answer on the first screen, and the right plan or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.field.answer import answer, differences
from tests.unit.field.case import Case
from tests.unit.field.stage import Stage
from tests.unit.field.table import CASES, WITH_A_HUNDRED

PLAYED = [
    pytest.param(case, stage, id=f"{case.name}-{len(stage.powers)}")
    for case in CASES
    for stage in case.stages
]


@pytest.mark.parametrize(("case", "stage"), PLAYED)
def test_the_answer_is_right(case: Case, stage: Stage, directory: Path) -> None:
    scene = case.play(stage)
    assert differences(answer(scene, directory), scene.wanted) == ()


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_what_is_played_with_a_hundred_is_there() -> None:
    """A name that was changed would silently be played with four only."""
    assert {case.name for case in CASES if len(case.stages) > 1} >= WITH_A_HUNDRED
