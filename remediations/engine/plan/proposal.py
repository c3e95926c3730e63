"""What a playbook's branch proposes; `remediations.engine.plan.build` turns it into a Plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.impact import Move

HostData = Mapping[str, str | int]
"""What a deploy needs to know of one host, from the Observation."""


@dataclass(frozen=True, kw_only=True)
class StageDraft:
    """One stage before compilation: what runs on which hosts at once, and the gate after it.

    `deploys` names the deploy of each host (a stopped node is started, a frozen one restarted, in
    the same stage); `data` is what that deploy needs to know of it.
    """

    title: str
    why: str
    moves: tuple[Move, ...]
    deploys: Mapping[str, str]
    data: Mapping[str, HostData]
    gate: Gate


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A branch's answer to one finding.

    `stages` is never empty: success is not reported for nothing done
    (docs/rules/hazards.md#success-for-nothing).
    """

    playbook: str
    branch: str
    title: str
    stages: tuple[StageDraft, ...]
    checks: tuple[PlannedCheck, ...]
    risk: Risk
    worst_case: str
    warnings: tuple[str, ...]

    @property
    def acting(self) -> tuple[Move, ...]:
        """Every node acted on, in order."""
        return tuple(move for stage in self.stages for move in stage.moves)
