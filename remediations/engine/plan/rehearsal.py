"""A rehearsal: what a branch would come to, tried on copies before anybody signs its plan.

The rules:

1. It acts on copies only. Nothing that is in use may notice it: no file of the original changes, no
   packet leaves, and no key of the original is at hand.
2. What it finds goes into the plan as inputs: shown, signed, and held against the world afterwards.
3. A target that could not be tried is not taken to agree: then the rehearsal has not passed.
"""

from __future__ import annotations

from enum import StrEnum

from remediations.engine.plan.plan import ChosenInput
from remediations.values.record import Record


class RehearsedTarget(Record, frozen=True, kw_only=True):
    """What came of one copy. `tried`: it was carried to its end; `says` is the result, or why there
    is none."""

    target: str
    tried: bool
    says: str


class Agreement(StrEnum):
    """Whether copies are the same in something; what was not learned of all is unknown."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


class Side(Record, frozen=True, kw_only=True):
    """The copies that have one value, and what they weigh (of what the domain counts)."""

    value: str
    targets: tuple[str, ...]
    weight: int


class Difference(Record, frozen=True, kw_only=True):
    """Something that copies differ in: a part of their state, and who has what of it."""

    subject: str
    sides: tuple[Side, ...]


class Comparison(Record, frozen=True, kw_only=True):
    """The copies held against each other at one moment. `says` tells it in a sentence; a difference
    is one also where the rest is unknown."""

    moment: str
    agreement: Agreement
    says: str
    differences: tuple[Difference, ...] = ()


class Rehearsed(Record, frozen=True, kw_only=True):
    """What came of all copies. `passed`: what the plan wants would come of it. `says` tells it in a
    sentence. `inputs` are what the plan is then made with. `next_step` is what to do where it did
    not pass, else "". `compared` is a help to find the cause, and decides nothing."""

    passed: bool
    says: str
    targets: tuple[RehearsedTarget, ...]
    inputs: tuple[ChosenInput, ...] = ()
    next_step: str = ""
    compared: tuple[Comparison, ...] = ()
