"""A target that plays a script, and everything else an engine needs, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from remediations.engine.apply.application import Engine
from remediations.engine.apply.driver import Driver, Sighting, StepId, StepState
from remediations.engine.plan.plan import Gate, Plan, Stage, Step, plan_digest
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import CommandState, Entry
from remediations.playbooks.chain.look import HostSnapshot, Snapshot
from remediations.reach.connection import HostUnreachable

Scene = Sighting | Exception
NOT_STARTED = Sighting(state=StepState.NOT_STARTED)
RUNNING = Sighting(state=StepState.RUNNING)
UNKNOWN = Sighting(state=StepState.UNKNOWN)
VOIDED = Sighting(state=StepState.VOIDED)
DONE = Sighting(state=StepState.DONE, exit_status=0, output="first\nstarted: it runs\n")


def failed(status: int, said: str) -> Sighting:
    return Sighting(state=StepState.DONE, exit_status=status, error_output=said)


def lost(host: str = "val1") -> HostUnreachable:
    return HostUnreachable(
        f"{host}: cannot connect", guard="TCP", got="no route", expected="a host", next_step="ssh"
    )


class FakeDriver:
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
        self.calls: list[str] = []
        self.steps: list[StepId] = []
        self._probes = {host: list(scenes) for host, scenes in (probes or {}).items()}
        self._launches = {
            host: [scenes] if isinstance(scenes, Exception) else list(scenes)
            for host, scenes in (launches or {}).items()
        }
        self._voids = voids or {}
        self._holds = holds
        self._on_launch = on_launch

    async def launch(self, step: StepId, command: Step) -> None:
        self.calls.append(f"launch {command.target}")
        self.steps.append(step)
        self._on_launch(command)
        if self._launches.get(command.target):
            raise self._launches[command.target].pop(0)

    async def probe(self, step: StepId, command: Step) -> Sighting:
        self.calls.append(f"probe {command.target}")
        scenes = self._probes.get(command.target, [DONE])
        return _played(scenes.pop(0) if len(scenes) > 1 else scenes[0])

    async def void(self, step: StepId, command: Step) -> Sighting:
        self.calls.append(f"void {command.target}")
        return _played(self._voids.get(command.target, VOIDED))

    async def holds(self, command: Step) -> bool:
        self.calls.append(f"holds {command.target}")
        if isinstance(self._holds, Exception):
            raise self._holds
        return self._holds

    def launched(self) -> list[str]:
        return [call.split()[1] for call in self.calls if call.startswith("launch")]


def _played(scene: Scene) -> Sighting:
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

    def step_is(self, step: Step, state: CommandState, said: str) -> None:
        self._hear(f"{step.command.target} {state}")

    def sampled(self, snapshot: Snapshot) -> None:
        self._hear(f"height {snapshot.top}")

    def gate_is(self, gate: Gate, *, open_: bool, seen: str) -> None:
        self._hear(f"gate {open_}")


def chain_at(height: int | None) -> Snapshot:
    hosts = tuple(
        HostSnapshot(host=name, height=height, catching_up=False)
        for name in ("val1", "val2", "val3")
    )
    return Snapshot(hosts=hosts, round=0, online_power=60, total_power=100)


class Bench:
    """One engine with its journal in a directory."""

    def __init__(
        self,
        directory: Path,
        plan: Plan,
        driver: Driver,
        *,
        sees: Callable[[], Snapshot] = lambda: chain_at(11),
        progress: Listener | None = None,
    ) -> None:
        self.path = directory / "journal.jsonl"
        self.journal = Journal(self.path, plan_digest(plan))
        self.progress = progress or Listener()

        async def poll() -> Snapshot:
            await asyncio.sleep(0)
            return sees()

        self.engine = Engine(
            plan,
            plan_digest(plan),
            driver=driver,
            journal=self.journal,
            poll=poll,
            progress=self.progress,
        )

    def entries(self) -> tuple[Entry, ...]:
        return read_journal(self.path)

    def told(self) -> list[str]:
        """The journal without samples, as `kind host state`."""
        return [
            " ".join(filter(None, (e.kind, e.host, e.state)))
            for e in self.entries()
            if e.kind != "sample"
        ]
