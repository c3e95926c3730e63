"""The directory of calls on the machine that makes them (`engine/apply/kept_step.py`):

    calls/NAME/claim.json     the step's name and bytes, before anything is called; there once
    calls/NAME/lock           held by the process that calls, and by the program that it runs
    calls/NAME/result.json    what was seen of the call
    calls/NAME/call.log       what the process wrote, if it failed

A call whose lock nobody holds and that has no result was ended from outside. It is never made
again under this name: its probe tells what became of it.
"""

from __future__ import annotations

from pathlib import Path

from remediations.engine.apply.kept_step import KeptStep, KeptSteps
from remediations.values.record import Record

LOG = "call.log"


class CallClaim(Record, frozen=True, kw_only=True):
    """What is kept of a step before anything is called, at a time in seconds since 1970. `payload`
    is None for one that never is."""

    plan: str
    step: str
    payload: str | None
    at: int


class CallResult(Record, frozen=True, kw_only=True):
    """What was seen of a call, at a time in seconds since 1970. `made` is whether it may have had
    an effect; what effect it had only its probe tells."""

    made: bool
    says: str
    at: int


class CallDirectory(KeptStep[CallClaim, CallResult]):
    """One call."""

    claim_kind = CallClaim
    result_kind = CallResult
    guard = "directory of calls"
    mend = "ask the service itself whether it was called, then plan again"


def calls_in(directory: str) -> KeptSteps[CallDirectory]:
    """All calls of a machine, below the directory that the inventory names."""
    return KeptSteps(Path(directory), "calls", CallDirectory)
