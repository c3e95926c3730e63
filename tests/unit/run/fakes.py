"""A target that plays a script, and everything else an engine needs, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from remediations.engine.apply.application import Application
from remediations.engine.apply.driver import (
    NEVER_TAKEN,
    Driver,
    Fence,
    FencedOut,
    FenceRecord,
    NoAnswer,
    ProbeResult,
    ProbeState,
    StepId,
)
from remediations.engine.apply.look import GateVerdict, Sight
from remediations.engine.plan.plan import Gate, Plan, Stage, Step, plan_digest
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import (
    Event,
    GateEnded,
    JournalEntry,
    RunBegan,
    RunEnded,
    Sampled,
    StepEnded,
    StepStarting,
    StepState,
    StopAsked,
)
from remediations.playbooks.chain.gates import HostSnapshot, Snapshot
from remediations.playbooks.chain.look import ChainLook
from tests.unit.run.events import began

Scene = ProbeResult | Exception
NOT_STARTED = ProbeResult(state=ProbeState.NOT_STARTED)
RUNNING = ProbeResult(state=ProbeState.RUNNING)
UNKNOWN = ProbeResult(state=ProbeState.UNKNOWN)
FENCED = ProbeResult(state=ProbeState.FENCED, error_output="number 8, held, chain/x: taken by b\n")
VOIDED = ProbeResult(state=ProbeState.VOIDED)
DONE = ProbeResult(state=ProbeState.DONE, exit_status=0, output="first\nstarted: it runs\n")


def failed(status: int, said: str) -> ProbeResult:
    return ProbeResult(state=ProbeState.DONE, exit_status=status, error_output=said)


def lost(host: str = "val1") -> NoAnswer:
    return NoAnswer(f"{host}: cannot connect", got="no route")


class FakeFences:
    """Targets that keep fences by the rules of the protocol; those in `silent` do not answer."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], FenceRecord] = {}
        self.silent: set[str] = set()

    async def read_fence(self, target: str, resource: str) -> FenceRecord:
        return await self._found(target, resource)

    async def take_fence(self, target: str, fence: Fence, over: int, text: str) -> None:
        found = await self._found(target, fence.resource)
        if found.number >= fence.number or (found.held and found.number != over):
            raise FencedOut(f"{target} has another holder", got=str(found))
        self._keep(target, fence.resource, fence.number, fence.holder, text, held=True)

    async def give_fence(self, target: str, fence: Fence) -> None:
        found = await self._found(target, fence.resource)
        if found.is_held_by(fence):
            self._keep(target, fence.resource, fence.number, fence.holder, found.text)

    async def steal_fence(self, target: str, resource: str, number: int, text: str) -> None:
        found = await self._found(target, resource)
        if found.number >= number:
            raise FencedOut(f"{target} has another holder", got=str(found))
        self._keep(target, resource, number, "-", text)

    async def _found(self, target: str, resource: str) -> FenceRecord:
        await asyncio.sleep(0)
        if target in self.silent:
            raise lost(target)
        return self.records.get((target, resource), NEVER_TAKEN)

    def _keep(
        self, target: str, resource: str, number: int, holder: str, text: str, *, held: bool = False
    ) -> None:
        self.records[target, resource] = FenceRecord(
            number=number, holder=holder, held=held, text=text
        )


class FakeDriver(FakeFences):
    """Says what it was told to say; the last probe of a host repeats, launches then succeed."""

    def __init__(
        self,
        probes: dict[str, Sequence[Scene]] | None = None,
        *,
        launches: dict[str, Exception | Sequence[Exception]] | None = None,
        voids: dict[str, Scene] | None = None,
        holds: bool | Exception = False,
        on_launch: Callable[[Step], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.fences: list[Sequence[Fence]] = []
        self.steps: list[StepId] = []
        self._probes = {host: list(scenes) for host, scenes in (probes or {}).items()}
        self._launches = {
            host: [scenes] if isinstance(scenes, Exception) else list(scenes)
            for host, scenes in (launches or {}).items()
        }
        self._voids = voids or {}
        self._holds = holds
        self._on_launch = on_launch

    async def launch(self, step: StepId, command: Step, fences: Sequence[Fence]) -> None:
        self.calls.append(f"launch {command.target}")
        self.fences.append(fences)
        self.steps.append(step)
        self._on_launch(command)
        if self._launches.get(command.target):
            raise self._launches[command.target].pop(0)

    async def probe(self, step: StepId, command: Step) -> ProbeResult:
        self.calls.append(f"probe {command.target}")
        scenes = self._probes.get(command.target, [DONE])
        return _played(scenes.pop(0) if len(scenes) > 1 else scenes[0])

    async def void(self, step: StepId, command: Step, fences: Sequence[Fence]) -> ProbeResult:
        self.calls.append(f"void {command.target}")
        return _played(self._voids.get(command.target, VOIDED))

    async def holds(self, command: Step) -> bool:
        self.calls.append(f"holds {command.target}")
        if isinstance(self._holds, Exception):
            raise self._holds
        return self._holds

    def launched(self) -> list[str]:
        return [call.split()[1] for call in self.calls if call.startswith("launch")]


def _played(scene: Scene) -> ProbeResult:
    if isinstance(scene, Exception):
        raise scene
    return scene


class Listener:
    """A progress display that remembers, or breaks."""

    def __init__(self, breaks: BaseException | None = None) -> None:
        self.heard: list[str] = []
        self._breaks = breaks

    def _hear(self, said: str) -> None:
        self.heard.append(said)
        if self._breaks is not None:
            raise self._breaks

    def stage_began(self, stage: Stage) -> None:
        self._hear(f"stage {stage.number}")

    def step_is(self, step: Step, state: StepState, said: str) -> None:
        self._hear(f"{step.target} {state}")

    def sampled(self, sight: Sight) -> None:
        self._hear(sight.headline)

    def gate_is(self, gate: Gate, verdict: GateVerdict) -> None:
        self._hear(f"gate {verdict.open}")


def chain_at(height: int | None, online_power: int = 60, split: str = "") -> ChainLook:
    hosts = tuple(
        HostSnapshot(host=name, height=height, catching_up=False)
        for name in ("val1", "val2", "val3")
    )
    seen = Snapshot(hosts=hosts, round=0, online_power=online_power, total_power=100, split=split)
    return ChainLook(snapshot=seen)


class Bench:
    """One application with its journal in a directory."""

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        driver: Driver,
        *,
        sees: Callable[[], ChainLook] = lambda: chain_at(11),
        progress: Listener | None = None,
        begin: RunBegan | None = None,
        done: Sequence[str] = (),
        stop_asked: Callable[[], StopAsked | None] = lambda: None,
    ) -> None:
        self.path = directory / "journal.jsonl"
        self.journal = Journal(self.path, plan_digest(plan))
        if directory.exists():
            self.journal.append(begin or began())
        self.progress = progress or Listener()

        async def watch() -> ChainLook:
            await asyncio.sleep(0)
            return sees()

        self.watch = watch

        self.application = Application(
            plan,
            plan_digest(plan),
            drivers={"host": driver},
            fences=(),
            journal=self.journal,
            watch=watch,
            progress=self.progress,
            done=done,
            stop_asked=stop_asked,
        )

    def events(self) -> list[Event]:
        return [entry.event for entry in self.entries()]

    def entries(self) -> tuple[JournalEntry, ...]:
        return read_journal(self.path)

    def told(self) -> list[str]:
        """The journal without its begin and its samples: kind, step, target, state."""
        return [told_of(e) for e in self.events() if not isinstance(e, RunBegan | Sampled)]


def told_of(event: Event) -> str:
    """An event in a few words."""
    match event:
        case StepStarting():
            return f"starting {event.step} {event.target}"
        case StepEnded():
            return f"ended {event.step} {event.state}"
        case GateEnded():
            return f"gate {event.state}"
        case RunEnded():
            return f"run {event.state}"
    return type(event).__name__
