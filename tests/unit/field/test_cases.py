"""Every incident gets the right answer on the first screen, and the right plan or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.field.answer import answer, differences
from tests.unit.field.case import Case
from tests.unit.field.stage import Stage
from tests.unit.field.still_wrong import STILL_WRONG
from tests.unit.field.table import CASES


def played() -> Iterator[object]:
    """Each case on each of its stages; where the answer is still wrong, it has to be."""
    for case in CASES:
        for stage in case.stages:
            wrong = case.name in STILL_WRONG.get(case.kind.name, ())
            marks = [pytest.mark.xfail(strict=True, reason=case.kind.name)] if wrong else []
            yield pytest.param(case, stage, id=f"{case.name}-{len(stage.powers)}", marks=marks)


@pytest.mark.parametrize(("case", "stage"), played())
def test_the_answer_is_right(case: Case, stage: Stage, directory: Path) -> None:
    scene = case.play(stage)
    assert differences(answer(scene, directory), scene.wanted) == ()


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


def test_what_is_still_wrong_is_a_case() -> None:
    """No name is left over."""
    left = {(kind, name) for kind, names in STILL_WRONG.items() for name in names}
    assert left <= {(case.kind.name, case.name) for case in CASES}
