"""Why a service ended, or does not start, as systemd, podman and its own last line tell. Pure.

What a service says before it ends *is* the reason (docs/rules/conditions.md#start-refused). Where
the line is one of those that a start is refused with, no restart changes it.
"""

from __future__ import annotations

import re

from remediations.playbooks.scoring.conditions import ScorerCondition
from remediations.playbooks.scoring.diagnose.view import ScorerView
from remediations.systems.scorer.values import ScorerUnit

_SIGNALS = (129, 130, 143)
"""What a process may end with that was asked to: SIGHUP, SIGINT, SIGTERM."""
_MEMORY = re.compile(r"(?i)out of memory|cannot allocate memory|bad_alloc|MemoryError")
_REFUSALS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), cause)
    for pattern, cause in (
        ("expected_hash must be set", "its command names no hash of a model"),
        ("must be 64 hex", "the hash that its command expects is malformed"),
        ("model hash mismatch", "its command expects another model than lies there"),
        ("force_cpu must be true", "its command allows other processors than the CPU"),
        ("model path does not exist|path traversal detected", "its command names no model there"),
        ("not a directory", "what its command names as the model is no directory"),
        ("version mismatch", "its command expects another version than the model's metadata has"),
        ("metadata hash mismatch", "the model's metadata have another hash than its files"),
        ("address already in use", "another process has a port of it"),
        (r"/dev/\S+: no such file", "a device that its command gives it is not there"),
        ("image not known|no such image", "its image is not on the host"),
    )
)
"""Lines with which the sidecar and podman refuse a start, and what each of them means."""


def why_it_ended(view: ScorerView, unit: ScorerUnit) -> tuple[ScorerCondition, str] | None:
    """The condition that its end names, with the cause; None where nothing names one.

    A unit that somebody stopped ended well, whatever it said before.
    """
    line = view.last_line
    if unit.result == "oom-kill":
        return ScorerCondition.HOST_TROUBLE, "the kernel killed it for memory"
    if view.out_of_memory:
        return ScorerCondition.HOST_TROUBLE, "its container was ended for memory"
    stopped = unit.result == "success" or unit.exit_status in _SIGNALS
    if stopped and unit.sub != "auto-restart":
        return None
    if unit.result == "timeout" and _starts(unit):
        limit = f"{unit.start_timeout_s} s" if unit.start_timeout_s else "its unit's limit"
        return ScorerCondition.REFUSED, f"its start takes longer than {limit} (TimeoutStartSec)"
    if _MEMORY.search(line):
        return ScorerCondition.HOST_TROUBLE, f"it ended for memory: {line}"
    cause = next((told for pattern, told in _REFUSALS if pattern.search(line)), "")
    return (ScorerCondition.REFUSED, f"{cause}: {line}") if cause else None


def _starts(unit: ScorerUnit) -> bool:
    """Whether systemd goes on to start it: a stop that took too long is not started again."""
    return unit.sub == "auto-restart" or unit.active == "activating"
