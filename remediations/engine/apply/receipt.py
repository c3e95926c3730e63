"""How a run and its steps ended: the receipt for people, and the record of one step."""

from __future__ import annotations

from dataclasses import dataclass

from remediations.engine.apply.carry_out import Ending
from remediations.engine.runs.records import RunState, StepEnded, StepState
from remediations.engine.runs.status import StepStatus


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a run ended, and for each step: done, failed, unknown (may still run) or not started."""

    state: RunState
    message: str
    steps: tuple[StepStatus, ...]

    def where(self, *states: StepState) -> tuple[str, ...]:
        """`step ID on HOST` for every step in one of these states."""
        return tuple(str(step) for step in self.steps if step.state in states)

    def summary(self) -> str:
        """All steps, grouped by how they ended, on one line."""
        groups = {
            "done": (StepState.DONE,),
            "failed": (StepState.FAILED,),
            "may still run": (StepState.STARTED, StepState.UNKNOWN),
            "not started": (StepState.PLANNED, StepState.VOIDED),
        }
        return "; ".join(
            f"{name}: {', '.join(self.where(*states)) or 'nothing'}"
            for name, states in groups.items()
        )


def ended(step: str, ending: Ending, *, duration_ms: int) -> StepEnded:
    """The record of how a step ended. `duration_ms` is 0 if nobody measured it."""
    seen = ending.sighting
    return StepEnded(
        step=step,
        state=ending.state,
        message=ending.message,
        exit_status=seen.exit_status if seen else None,
        output=seen.output if seen else "",
        error_output=seen.error_output if seen else "",
        duration_ms=duration_ms,
    )
