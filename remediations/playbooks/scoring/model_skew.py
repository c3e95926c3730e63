"""Services with another model get the one that more than two thirds have (model-skew)."""

from __future__ import annotations

from remediations.engine.domain import Action
from remediations.playbooks.scoring.situation import ScoringSituation

ACTIONS: tuple[Action[ScoringSituation], ...] = ()
