"""Scoring as a domain: what the engine is told of it."""

from __future__ import annotations

from dataclasses import replace

from remediations.engine.domain import Domain
from remediations.playbooks.scoring.baseline import (
    MOVABLE,
    ModelPlaces,
    Scorers,
    ScoringBaseline,
    baseline,
)
from remediations.playbooks.scoring.container import ACTIONS as CONTAINER_ACTIONS
from remediations.playbooks.scoring.declared_settings import ACTIONS as SETTINGS_ACTIONS
from remediations.playbooks.scoring.facts import scoring_facts
from remediations.playbooks.scoring.finding import ScoringFinding
from remediations.playbooks.scoring.gates import AnswersAlike, AsDeclared, KeepsScoring, Serves
from remediations.playbooks.scoring.guards.table import INVARIANTS
from remediations.playbooks.scoring.impact import levels
from remediations.playbooks.scoring.incident import PLAYBOOKS
from remediations.playbooks.scoring.look import watch
from remediations.playbooks.scoring.model_skew import ACTIONS as MODEL_ACTIONS
from remediations.playbooks.scoring.present import DOMAIN as NAME
from remediations.playbooks.scoring.present import present
from remediations.playbooks.scoring.scale_and_limit import ACTIONS as CAPACITY_ACTIONS
from remediations.playbooks.scoring.situation import has_scorers, resources, situation
from remediations.values.part import Part

DOMAIN = Domain(
    name=NAME,
    title="scoring services that answer differently, late, or not at all",
    concerns=has_scorers,
    situation=situation,
    finding=lambda scoring: present(scoring.finding),
    detail=lambda scoring: Part.of(scoring.finding),
    facts=scoring_facts,
    invariants=INVARIANTS,
    levels=levels,
    baseline=baseline,
    resources=resources,
    actions=(*MODEL_ACTIONS, *CONTAINER_ACTIONS, *SETTINGS_ACTIONS, *CAPACITY_ACTIONS),
    playbooks=PLAYBOOKS,
    watch=watch,
    checks="remediations.playbooks.scoring.checks",
    alerts="remediations.playbooks.scoring",
    movable=MOVABLE,
    kinds=(
        ScoringFinding,
        ScoringBaseline,
        Scorers,
        ModelPlaces,
        AnswersAlike,
        KeepsScoring,
        AsDeclared,
        Serves,
    ),
    rests_on=("chain",),
    with_inputs=lambda scoring, inputs: replace(scoring, inputs=inputs),
)
