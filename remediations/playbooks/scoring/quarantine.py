"""How a validator is taken out of scoring: by the means that its operator has, and says.

No plan does it: what stops a validator from asking its service is different everywhere, and each of
them costs the score of its power. So advice names the means, or says that nobody named any.
"""

from __future__ import annotations

from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.systems.scorer.inventory import ScoringEntry

_OUT = "take it out of scoring"


def take_out(scoring: ScoringEntry) -> str:
    """What a person does, in the imperative."""
    if scoring.quarantine is not None:
        return f"{_OUT} ({scoring.quarantine})"
    return f"{_OUT} by its operator's means (`scoring: {{quarantine: …}}` names none)"


def by_hand_of(condition: ScorerCondition, scoring: ScoringEntry) -> str:
    """What people do about a service, "" where there is nothing to do."""
    rule = condition.rule
    return f"{take_out(scoring)}; {rule.by_hand}" if rule.quarantine else rule.by_hand
