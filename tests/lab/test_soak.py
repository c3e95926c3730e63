"""Seeded disasters (docs/soak.md): a few of them here, a hundred under `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.choice import full_lab, only_some
from tests.lab.lab import Lab
from tests.soak.contestants.hand import Hand
from tests.soak.contestants.remediate import Remediate
from tests.soak.drawing import drawn
from tests.soak.report import line_of
from tests.soak.scorer import Outcome
from tests.soak.trial import LIMIT_S, attempt

SEEDS = (4, 13, 22, 26, 32, 101, 103)
"""One that must be left down among others, a controller that is killed, and more; the last ones are
of the second series, where something has to be brought first."""


pytestmark = pytest.mark.timeout(int(LIMIT_S) + 180)
"""A contestant's own limit, and what is done around it."""


@pytest.mark.parametrize("seed", only_some(SEEDS, (4).__eq__))
def test_rescued_or_rightly_refused(running_lab: Lab, seed: int, tmp_path: Path) -> None:
    """By following what the tool itself says is next."""
    trial = attempt(running_lab, drawn(seed), Remediate(), tmp_path)
    assert trial.good, f"{line_of(trial)}\n{trial.told}"


@full_lab
def test_the_runbook_by_hand_does_harm(running_lab: Lab, tmp_path: Path) -> None:
    """The scorer has teeth: what starts everything that is down starts what must stay down."""
    trial = attempt(running_lab, drawn(4), Hand(), tmp_path)
    assert trial.outcome is Outcome.HARMED, line_of(trial)
