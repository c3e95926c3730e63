"""The protocol between the engine and whatever changes a target.

A driver carries steps out on one kind of target. Ordering, barriers, gates, journal, stop and crash
are written once, in the engine, for all drivers (docs/adr/0007-drivers.md).

1. A step has one name, `StepId`. A step of that name happens at most once on its target, whoever
   launches it, from any machine, after any crash: the driver records a claim of the name at the
   place of the effect, before the effect.
2. `launch` returns before the step ends, and what it launched does not need us any more: if the
   controller is lost, nothing is.
3. `AlreadyClaimed`: the name was taken before. `NotLaunched`: proof that nothing started, and that
   this launch never will start anything. Any other failure is `LaunchFailed`; silence is
   `NoAnswer`. After either of these two the target is asked. When in doubt, it is never
   `NotLaunched`.
4. `probe` changes nothing and may be called any number of times.
5. `void` makes "not started" final: after it has returned `VOIDED`, no launch under this name
   starts anything, not even one that is under way. A step that has started is left alone, and its
   state is returned.
6. `DONE` and `VOIDED` are final. `RUNNING` is followed, also after `void`. `UNKNOWN` means that the
   name was claimed, there is no result, and nothing is running: then `holds` decides.
7. `holds` looks for the effect itself. If that cannot be determined, it raises `NoAnswer`; it does
   not return False.
8. The steps of one target are launched in order, one at a time; targets of one stage in parallel.
9. The answers of a target are not trusted: outputs are bounded, and are never interpreted.
10. The errors are those below. Any other exception is a bug in the driver, and the step is unknown.
11. Targets that can (`FenceKeeper`) keep a `FenceRecord` of each resource, whose number only rises.
    `launch` and `void`
    compare it with the given fences: where one of them is not held by exactly that number and
    holder, they raise `FencedOut`, and nothing starts. A launch that comes through compares again
    at the place of the effect, before the claim; what is refused there leaves `FENCED`.
12. `take_fence` replaces a record that was given back, or that has the number `over`; by a higher
    number only. It does not replace that of another plan, one of whose steps still runs: it waits
    for a moment, and then raises `FencedOut`, as in any other refusal. `steal_fence` replaces any
    record by a higher number that nobody holds. `give_fence` leaves the record of others alone.
13. A step that runs is left to end, since half a change can be worse than a whole one. A driver
    whose steps can end early with all that they did whole says so by a method more
    (`StoppableDriver`): `ask_to_stop` changes nothing for a step that does not run, may be called
    any number of times, and does not wait. How the step ended then is told by `probe`.

A complete driver, for a lamp that is a file:

    class LampDriver:
        def __init__(self, room: Path) -> None:
            self._room = room

        async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> None:
            await self._compare(work.target, fences)
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

        async def void(
            self, step: StepId, work: Step, fences: Sequence[Fence]
        ) -> ProbeResult:
            if not self._claim(step).exists():
                await self._compare(work.target, fences)
            self._claimed(step, "void")
            return await self.probe(step, work)

        async def holds(self, work: Step) -> bool:
            return (self._room / work.target).read_text() == work.payload

        async def read_fence(self, target: str, resource: str) -> FenceRecord:
            try:
                words = self._record(target, resource).read_text().split(" ", 3)
            except FileNotFoundError:
                return NEVER_TAKEN
            number, holder, word, text = words
            return FenceRecord(number=int(number), holder=holder, held=word == "held", text=text)

        async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
            found = await self.read_fence(target, fence.resource)
            if found.number >= fence.number or (found.held and found.number != over):
                raise FencedOut(f"{target} has another holder", got=str(found))
            self._keep(target, fence.resource, f"{fence.number} {fence.holder} held {text}")

        async def give_fence(self, target: str, fence: Fence) -> None:
            found = await self.read_fence(target, fence.resource)
            if found.is_held_by(fence):
                given = f"{fence.number} {fence.holder} given {found.text}"
                self._keep(target, fence.resource, given)

        async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
            found = await self.read_fence(target, resource)
            if found.number >= number:
                raise FencedOut(f"{target} has another holder", got=str(found))
            self._keep(target, resource, f"{number} - given {text}")

        async def _compare(self, target: str, fences: Sequence[Fence]) -> None:
            for fence in fences:
                found = await self.read_fence(target, fence.resource)
                if not found.is_held_by(fence):
                    raise FencedOut(f"{target} has another holder", got=str(found))

        def _record(self, target: str, resource: str) -> Path:
            return self._room / f"{target}.{resource.replace('/', '.')}"

        def _keep(self, target: str, resource: str, line: str) -> None:
            self._record(target, resource).write_text(line)

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

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from remediations.engine.plan.plan import Step


class DriverError(Exception):
    """An error of a driver. `what` names the target, `got` is what it said. Both are written to the
    journal, and may quote the target."""

    def __init__(self, what: str, *, got: str) -> None:
        super().__init__(f"{what}: {got}")
        self.what = what
        self.got = got


class AlreadyClaimed(DriverError):
    """The step's name was claimed before: by another application of the plan, or an earlier
    launch."""


class NotLaunched(DriverError):
    """Nothing was started, and this launch never will start anything. That is proven."""


class LaunchFailed(DriverError):
    """The launch failed. That does not prove that nothing was started."""


class FencedOut(DriverError):
    """The target does not keep the fence for us: another one holds it, or a later one did. Nothing
    was started or recorded."""


class NoAnswer(DriverError):
    """The target gave no answer, or none that can be used. It can be asked again."""


class ProbeState(StrEnum):
    """The state of one step, as its target reports it."""

    NOT_STARTED = "not-started"
    FENCED = "fenced"  # the launch was refused at the place of the effect; nothing was claimed
    RUNNING = "running"
    DONE = "done"
    UNKNOWN = "unknown"  # claimed, without a result, and not running
    VOIDED = "voided"  # it can never start


@dataclass(frozen=True, kw_only=True)
class StepId:
    """The name of one step of one plan: its digest, and the step's id."""

    plan: str
    step: str

    def __str__(self) -> str:
        return self.step


@dataclass(frozen=True, kw_only=True)
class Fence:
    """The right of one application of a plan to change a resource: a number that rises with each
    holder, the digest of the plan, and a token that no other application has."""

    resource: str
    number: int
    plan: str
    token: str

    @property
    def holder(self) -> str:
        """Who holds it, in one word."""
        return f"{self.plan}.{self.token}"


NOBODY = "-"
"""The holder of a resource that was never taken, or was stolen."""


@dataclass(frozen=True, kw_only=True)
class FenceRecord:
    """What a target keeps of a resource: the last number, who took it (`Fence.holder`, "-" if it
    was stolen), whether that one still holds it, and a text on who and when, for people."""

    number: int
    holder: str
    held: bool
    text: str

    @property
    def plan(self) -> str:
        """The digest of the plan that took it; "-" if it was stolen or never taken."""
        return self.holder.partition(".")[0]

    @property
    def is_stolen(self) -> bool:
        """Whether it was taken away from its holder, and nobody has taken it since."""
        return self.number > 0 and self.holder == NOBODY

    def is_held_by(self, fence: Fence) -> bool:
        """Whether exactly this application holds it."""
        return self.held and (self.number, self.holder) == (fence.number, fence.holder)

    def __str__(self) -> str:
        if not self.number:
            return "it was never taken"
        state = f"held by plan {self.plan[:12]}" if self.held else "held by nobody"
        return f"number {self.number}, {state}: {self.text}"


NEVER_TAKEN = FenceRecord(number=0, holder=NOBODY, held=False, text="")
"""The record of a resource that a target has never heard of."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """What a probe found. `exit_status` is set only if the step is done. `words` is what the thing
    that it acted on said last, as far as the driver finds that in its outputs. `stopped` is whether
    it ended early because somebody asked; then it is not done as planned."""

    state: ProbeState
    exit_status: int | None = None
    output: str = ""
    error_output: str = ""
    words: str = ""
    stopped: bool = False


class FenceKeeper(Protocol):
    """Keeps the fences of targets, by the rules above. Every method raises `NoAnswer` if nothing
    answers."""

    async def read_fence(self, target: str, resource: str) -> FenceRecord:
        """The record of a resource at a target; changes nothing."""

    async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
        """Take the fence at a target, from a holder with the number `over` too (0: from nobody).

        Raises:
            FencedOut: another one holds it, or a later one did.
        """

    async def give_fence(self, target: str, fence: Fence) -> None:
        """Give it back at a target, if it is held by exactly this."""

    async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
        """Take a resource from whoever holds it at a target. Nobody holds it then.

        Raises:
            FencedOut: the record has this number, or a higher one.
        """


class Driver(Protocol):
    """Carries out steps by the rules above. Every method raises `NoAnswer` if nothing answers."""

    async def launch(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult | None:
        """Start the step, if its target keeps all fences for us. Returns before a long one ends;
        and what `probe` would, where that was seen, too.

        Raises:
            AlreadyClaimed: its name was claimed before.
            FencedOut: a fence is not ours any more. Nothing started.
            NotLaunched: nothing started, and this launch never will start anything.
            LaunchFailed: it failed, which does not prove that nothing started.
        """

    async def probe(self, step: StepId, work: Step) -> ProbeResult:
        """The state of the step."""

    async def void(self, step: StepId, work: Step, fences: Sequence[Fence]) -> ProbeResult:
        """Make sure that a step which has not started never does, and return its state then.

        Raises:
            FencedOut: a fence is not ours any more, and the step has not started.
        """

    async def holds(self, work: Step) -> bool:
        """Whether the step's effect is there, according to the probe that the plan declares."""


@runtime_checkable
class StoppableDriver(Driver, Protocol):
    """One whose steps can end early, by rule 13."""

    async def ask_to_stop(self, step: StepId, work: Step) -> None:
        """Ask a step that runs to end early.

        Raises:
            NoAnswer: it could not be asked.
        """
