"""The tables of guards: for all services together, and for one that is acted on."""

from __future__ import annotations

from collections.abc import Callable

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult
from remediations.playbooks.scoring.guards import scorer, whole
from remediations.playbooks.scoring.situation import ScoringSituation

Whole = Callable[[ScoringSituation, Proposal[ScoringSituation]], GuardResult | None]

INVARIANTS: tuple[Whole, ...] = (
    whole.answer_agreed,
    whole.powers_known,
    whole.agreeing_stay,
    whole.votes_stay,
)
SCORER_GUARDS = (scorer.host_ready, scorer.unit_loaded, scorer.one_owner)
"""What every step on a service needs, whatever it does."""
RESTART_GUARDS = (*SCORER_GUARDS, scorer.restarts_left)
