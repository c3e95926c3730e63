"""Every incident gets the right answer on the first screen, and the right plan or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.field.answer import answer, differences
from tests.unit.field.case import Case
from tests.unit.field.stage import Stage
from tests.unit.field.table import CASES

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
