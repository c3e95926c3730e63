"""A rehearsal: what a branch would come to, tried on copies before anybody signs its plan.

The rules:

1. It acts on copies only. Nothing that is in use may notice it: no file of the original changes, no
   packet leaves, and no key of the original is at hand.
2. What it finds goes into the plan as inputs: shown, signed, and held against the world afterwards.
3. A target that could not be tried is not taken to agree: then the rehearsal has not passed.
"""

from __future__ import annotations

from remediations.engine.plan.plan import ChosenInput
from remediations.values.record import Record


class RehearsedTarget(Record, frozen=True, kw_only=True):
    """What came of one copy. `tried`: it was carried to its end; `says` is the result, or why there
    is none."""

    target: str
    tried: bool
    says: str


class Rehearsed(Record, frozen=True, kw_only=True):
    """What came of all copies. `passed`: what the plan wants would come of it. `says` tells it in a
    sentence. `inputs` are what the plan is then made with. `next_step` is what to do where it did
    not pass, else ""."""

    passed: bool
    says: str
    targets: tuple[RehearsedTarget, ...]
    inputs: tuple[ChosenInput, ...] = ()
    next_step: str = ""
