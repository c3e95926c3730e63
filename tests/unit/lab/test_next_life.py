"""Where the controllers of the cut-off runs die, one after the other."""

from __future__ import annotations

import pytest

from tests.lab.test_cut_off import TAKEN_UP, TAKES_UP, next_life

TAKEN = frozenset(f"{kind}  " for kind in TAKEN_UP)


@pytest.mark.parametrize(
    ("lives", "new", "following"),
    [
        pytest.param(1, frozenset({"RunBegan  "}), 1, id="who resumes first dies at once"),
        pytest.param(1, frozenset({"RunResumed  "}), 2, id="then at its fence"),
        pytest.param(2, frozenset({"FenceTaken  "}), 3, id="then at what holds"),
        pytest.param(3, frozenset({"FactsHeld  "}), TAKES_UP + 1, id="then beyond"),
        pytest.param(4, frozenset({"StepStarting 1-0 "}), TAKES_UP + 1, id="it went on"),
        pytest.param(4, TAKEN | {"StepEnded 1-0 "}, TAKES_UP + 1, id="and took it up before"),
        pytest.param(4, frozenset(), 5, id="nothing was new: one record further"),
        pytest.param(6, frozenset({"GateEnded  1"}), TAKES_UP + 1, id="and it went on by that"),
    ],
)
def test_each_dies_one_record_later_than_the_one_that_did_not_go_on(
    lives: int, new: frozenset[str], following: int
) -> None:
    assert next_life(lives, new) == following
