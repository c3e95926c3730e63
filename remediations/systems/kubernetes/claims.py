"""The name of a step on the object that it changes: an annotation."""

from __future__ import annotations

from typing import Any

from remediations.engine.apply.driver import StepId
from remediations.systems.kubernetes.tree import at

PAUSE_S = 0.1
CLAIM = "remediate/claim-"
DIGITS = 16
"""Of the plan's digest in the name of an annotation, which has at most 63 characters."""
LAUNCHED, VOID = "launched", "void"
REFUSED = (400, 401, 403, 404, 405, 413, 415, 422, 429)
"""Answers that prove that nothing was changed."""


def claim_name(step: StepId) -> str:
    """The annotation of a step."""
    return f"{CLAIM}{step.plan[:DIGITS]}-{step.step}"


def claim_of(tree: dict[str, Any], step: StepId) -> str | None:
    """What an object says of a step, None for nothing."""
    found = (at(tree, "metadata", "annotations") or {}).get(claim_name(step))
    return None if found is None else str(found)[:80]
