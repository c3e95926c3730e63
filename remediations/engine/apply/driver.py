"""The protocol between the engine and whatever changes a target.

A driver carries steps out on one kind of target. Ordering, barriers, gates, journal, stop and crash
are written once, in the engine, for all drivers (docs/adr/0007-drivers.md).

1. A step has one name, `StepId`. Under it, it happens at most once on its target, whoever launches
   it, from wherever, after whatever crash: the driver keeps a claim of the name where the effect
   is, and makes it before the effect.
2. `launch` returns before the step ends, and what it launched needs nothing from us any more: a
   lost controller loses nothing.
3. `AlreadyClaimed`: the name was taken before. `NotLaunched`: proof that nothing started, and that
   this launch never will start anything. Any other failure is `LaunchFailed`; silence is
   `NoAnswer`. After either of these two the target is asked. When in doubt, it is never
   `NotLaunched`.
4. `probe` changes nothing and is asked as often as anybody likes.
5. `void` makes "not started" final: once it says `VOIDED`, no launch under this name starts, also
   not one that is on its way. A step that started is left alone; how it stands is returned.
6. `DONE` and `VOIDED` are final. `RUNNING` is followed, also after `void`. `UNKNOWN` is a name that
   was claimed, without a result, and not running: then `holds` decides.
7. `holds` looks for the effect itself. Where that cannot be told it is `NoAnswer`, not False.
8. Steps of one target come in order, one at a time; targets of one stage at the same time.
9. What a target says is not trusted: outputs are bounded, and are never interpreted.
10. Errors are those below. Anything else is a bug of the driver, and its step is unknown.

A whole driver, of a lamp that is a file:

    class LampDriver:
        def __init__(self, room: Path) -> None:
            self._room = room

        async def launch(self, step: StepId, work: Step) -> None:
            if not self._claimed(step, ""):  # the claim comes before the effect
                raise AlreadyClaimed(f"{work.target} has had this step", got=f"a claim of {step}")
            (self._room / work.target).write_text(work.payload)
            self._claim(step).write_text("done")

        async def probe(self, step: StepId, work: Step) -> ProbeResult:
            if not self._claim(step).exists():
                return ProbeResult(state=ProbeState.NOT_STARTED)
            word = self._claim(step).read_text()
            states = {"done": ProbeState.DONE, "void": ProbeState.VOIDED}
            state = states.get(word, ProbeState.UNKNOWN)
            return ProbeResult(state=state, exit_status=0 if state is ProbeState.DONE else None)

        async def void(self, step: StepId, work: Step) -> ProbeResult:
            self._claimed(step, "void")
            return await self.probe(step, work)

        async def holds(self, work: Step) -> bool:
            return (self._room / work.target).read_text() == work.payload

        def _claim(self, step: StepId) -> Path:
            return self._room / f"{step.plan}.{step.step}"

        def _claimed(self, step: StepId, word: str) -> bool:
            try:
                with self._claim(step).open("x") as claim:
                    claim.write(word)
            except FileExistsError:
                return False
            return True
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from remediations.engine.plan.plan import Step


class DriverError(Exception):
    """What a driver has to say instead of an answer. `what` names the target, `got` is what it
    said; both go into the journal, and may be in the words of a target."""

    def __init__(self, what: str, *, got: str) -> None:
        super().__init__(f"{what}: {got}")
        self.what = what
        self.got = got


class AlreadyClaimed(DriverError):
    """The step's name was taken: by another application of the plan, or by an earlier launch."""


class NotLaunched(DriverError):
    """Nothing was started, and nothing ever will be by this launch. That is proven."""


class LaunchFailed(DriverError):
    """The launch failed. That does not prove that nothing was started."""


class NoAnswer(DriverError):
    """The target gave no answer, or none that can be used. Nothing is lost by asking again."""


class ProbeState(StrEnum):
    """What a target says of one step."""

    NOT_STARTED = "not-started"
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"  # it was claimed, has no result, and does not run
    VOIDED = "voided"  # it can never start any more


@dataclass(frozen=True, kw_only=True)
class StepId:
    """The name of one step of one plan: its digest, and the step's id."""

    plan: str
    step: str

    def __str__(self) -> str:
        return self.step


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """A step as it was found. `exit_status` only when done."""

    state: ProbeState
    exit_status: int | None = None
    output: str = ""
    error_output: str = ""


class Driver(Protocol):
    """Carries out steps by the rules above. Every method raises `NoAnswer` if nothing answers."""

    async def launch(self, step: StepId, work: Step) -> None:
        """Start the step. Returns before it ends.

        Raises:
            AlreadyClaimed: its name was taken before.
            NotLaunched: nothing started, and never will by this launch.
            LaunchFailed: it failed, which alone does not prove that nothing started.
        """

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """How the step stands."""

    async def void(self, step: StepId, work: Step) -> ProbeResult:
        """Make sure that a step that has not started never does; how it stands then."""

    async def holds(self, work: Step) -> bool:
        """Whether the step's effect is there, by its own declared probe."""
