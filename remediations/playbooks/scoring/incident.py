"""INC-002: scores come late, or not, or differ. Its branches are in files of their own."""

from __future__ import annotations

from remediations.engine.domain import Branch, Playbook
from remediations.playbooks.scoring.classes import INCIDENT, NON_DETERMINISTIC
from remediations.playbooks.scoring.container import REMOVE_STALE, RESTART
from remediations.playbooks.scoring.declared_settings import DECLARED_SETTINGS
from remediations.playbooks.scoring.model_skew import KEEP_MODEL, MODEL_SKEW
from remediations.playbooks.scoring.scale_and_limit import BRANCHES as CAPACITY_BRANCHES
from remediations.playbooks.scoring.situation import ScoringSituation

BRANCHES: tuple[Branch[ScoringSituation], ...] = (
    REMOVE_STALE,
    RESTART,
    KEEP_MODEL,
    MODEL_SKEW,
    DECLARED_SETTINGS,
    *CAPACITY_BRANCHES,
)

INC_002 = Playbook(
    id=INCIDENT,
    title="Scores come late, not at all, or differ between validators",
    alerts=(
        "VEIDScoringLatencyHigh",
        "VEIDScoringErrorRate",
        "VEIDScoringStuck",
        "VEIDScoringBacklog",
        "VEIDScoringDown",
        "VEIDScoringFlapping",
        "VEIDScoringMetricsMissing",
    ),
    branches=BRANCHES,
)
VEID_NON_DETERMINISTIC: Playbook[ScoringSituation] = Playbook(
    id=NON_DETERMINISTIC,
    title="Validators score the same input differently",
    alerts=("VEIDNonDeterministic",),
    branches=(KEEP_MODEL, MODEL_SKEW, DECLARED_SETTINGS),
)
"""Another model is the first cause of other scores, other settings than declared the second. What
no step cures (processors, a build, a service that varies) is left to people, with what to do
(docs/scoring.md#not-deterministic)."""

PLAYBOOKS = (INC_002, VEID_NON_DETERMINISTIC)
