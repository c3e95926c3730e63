"""The examples at the head of the protocols are whole: a lamp is switched, watched, and told."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import textwrap
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

from remediations.engine import discovery
from remediations.engine.apply import application, carry_out, driver, look, progress
from remediations.engine.apply.application import Application
from remediations.engine.apply.driver import (
    AlreadyClaimed,
    Driver,
    Fence,
    FencedOut,
    FenceKeeper,
    ProbeState,
    StepId,
)
from remediations.engine.apply.look import Look
from remediations.engine.plan import build, grouping
from remediations.engine.plan.build import StepCompiler
from remediations.engine.plan.plan import plan_digest
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import RunState, Sampled
from remediations.reach import connection
from remediations.reach.connection import Completed, HostUnreachable, Reach
from remediations.values.login import Login
from tests.unit.run.events import began
from tests.unit.run.fakes import Listener
from tests.unit.run.plans import command, plan, stage

SWITCHED = plan(stage(1, command("lamp", "on"), gate_timeout_s=5))
STEP = StepId(plan=plan_digest(SWITCHED), step="1-0")
ON = SWITCHED.stages[0].steps[0]


def example(module: ModuleType, name: str) -> Any:  # noqa: ANN401 - a class or a function
    """What the example in the module's docstring calls `name`."""
    rows = (inspect.getdoc(module) or "").splitlines()
    first = next(n for n, row in enumerate(rows) if re.match(rf"    (class|def) {name}\b", row))
    while not rows[first - 1] or rows[first - 1].startswith("    "):
        first -= 1
    block = []
    for row in rows[first:]:
        if row and not row.startswith("    "):
            break
        block.append(row)
    source = "from __future__ import annotations\nfrom pathlib import Path\n" + textwrap.dedent(
        "\n".join(block)
    )
    names: dict[str, Any] = {**vars(module)}
    exec(compile(ast.parse(source), f"{module.__name__} (example)", "exec"), names)
    return names[name]


class LampDriver(Driver, FenceKeeper, Protocol):
    """What the example is: a driver whose targets keep fences."""


@pytest.fixture
def lamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LampDriver:
    """A room with a lamp that is off."""
    monkeypatch.setattr(carry_out, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(application, "GATE_LOOK_S", 0.01)
    (tmp_path / "lamp").write_text("off")
    made: LampDriver = example(driver, "LampDriver")(tmp_path)
    return made


def test_a_lamp_is_switched_on(tmp_path: Path, lamp: Driver) -> None:
    """Driver and look together, from the first record to the last gate."""
    look_of = example(look, "LampLook")

    async def watch() -> Look:
        seen: Look = look_of((tmp_path / "lamp").read_text() == "on")
        return seen

    with closing(Journal(tmp_path / "journal", plan_digest(SWITCHED))) as journal:
        journal.append(began())
        run = Application(
            SWITCHED,
            plan_digest(SWITCHED),
            drivers={"host": lamp},
            fences=(),
            journal=journal,
            watch=watch,
            progress=Listener(),
        )
        receipt = asyncio.run(run.apply())
    assert receipt.state is RunState.RUNNING
    assert (tmp_path / "lamp").read_text() == "on"
    events = [entry.event for entry in read_journal(tmp_path / "journal")]
    last = [event.sight for event in events if isinstance(event, Sampled)][-1]
    assert (last.headline, [p.value for p in last.points]) == ("lit", [1])


def test_a_name_is_taken_once(tmp_path: Path, lamp: Driver) -> None:
    """The second launch changes nothing, whatever became of the lamp."""
    asyncio.run(lamp.launch(STEP, ON, ()))
    (tmp_path / "lamp").write_text("off")
    with pytest.raises(AlreadyClaimed, match="a claim of 1-0"):
        asyncio.run(lamp.launch(STEP, ON, ()))
    assert (tmp_path / "lamp").read_text() == "off"
    assert asyncio.run(lamp.void(STEP, ON, ())).state is ProbeState.DONE


def test_a_lamp_has_one_holder(tmp_path: Path, lamp: LampDriver) -> None:
    """Who lost it can neither switch it on nor give it away; a number is never taken twice."""
    first, second = (
        Fence(resource="room/1", number=number, plan=STEP.plan, token=f"{number:016x}")
        for number in (1, 2)
    )

    async def two() -> None:
        await lamp.take_fence("lamp", first, 0, "for one")
        with pytest.raises(FencedOut, match="held by plan"):
            await lamp.take_fence("lamp", second, 0, "for two")
        await lamp.take_fence("lamp", second, 1, "for two")
        await lamp.give_fence("lamp", first)
        assert (await lamp.read_fence("lamp", "room/1")).is_held_by(second)
        for refused in (lamp.launch(STEP, ON, [first]), lamp.void(STEP, ON, [first])):
            with pytest.raises(FencedOut, match="for two"):
                await refused
        await lamp.steal_fence("lamp", "room/1", 3, "lost")
        with pytest.raises(FencedOut, match="held by nobody: lost"):
            await lamp.launch(STEP, ON, [second])
        with pytest.raises(FencedOut):
            await lamp.take_fence("lamp", second, 3, "for two")

    asyncio.run(two())
    assert (tmp_path / "lamp").read_text() == "off"


def test_what_is_voided_never_starts(tmp_path: Path, lamp: Driver) -> None:
    """Also not by a launch that is late."""
    assert asyncio.run(lamp.probe(STEP, ON)).state is ProbeState.NOT_STARTED
    assert asyncio.run(lamp.void(STEP, ON, ())).state is ProbeState.VOIDED
    with pytest.raises(AlreadyClaimed):
        asyncio.run(lamp.launch(STEP, ON, ()))
    assert (tmp_path / "lamp").read_text() == "off"


def test_a_claim_without_a_result_is_settled_by_the_effect(tmp_path: Path, lamp: Driver) -> None:
    """The driver died between effect and result; or before the effect."""
    (tmp_path / f"{STEP.plan}.{STEP}").touch()
    for found, state in (("on", "done"), ("off", "failed")):
        (tmp_path / "lamp").write_text(found)
        assert asyncio.run(carry_out.follow_step(lamp, STEP, ON, fences=())).state == state


def test_a_lamp_that_does_not_answer_opens_no_gate() -> None:
    """Unknown is a point without a value."""
    dark = example(look, "LampLook")(None)
    assert not dark.judge(SWITCHED.stages[0].gate).open
    assert dark.sight.points[0].value is None


def test_a_display_hears_of_the_whole_run(tmp_path: Path, lamp: Driver) -> None:
    """The example of `Progress`, beside the lamp's driver and look."""
    look_of, display = example(look, "LampLook"), example(progress, "Lines")()

    async def watch() -> Look:
        seen: Look = look_of((tmp_path / "lamp").read_text() == "on")
        return seen

    with closing(Journal(tmp_path / "journal", plan_digest(SWITCHED))) as journal:
        journal.append(began())
        run = Application(
            SWITCHED,
            plan_digest(SWITCHED),
            drivers={"host": lamp},
            fences=(),
            journal=journal,
            watch=watch,
            progress=display,
        )
        asyncio.run(run.apply())
    told = [line for line in display.lines if line not in ("lit", "dark")]
    assert told == ["stage 1", "1-0 started", "1-0 done", "open"]


def test_a_compiler_gives_the_same_bytes_for_the_same_data() -> None:
    """The example of `StepCompiler`: one step or more for each target, and none for another."""
    compile_lamps: StepCompiler = example(build, "compile_lamps")
    data = {"hall": {"word": "on"}, "attic": {"word": "off"}}
    made = compile_lamps("write", data)
    assert made == compile_lamps("write", data)
    assert {lamp: [step.payload for step in steps] for lamp, steps in made.items()} == {
        "hall": ["on"],
        "attic": ["off"],
    }


def test_assignments_follow_the_first_line() -> None:
    """The example of `Runnable`, whose values are those at the head of its payload."""
    run = example(grouping, "Run")("hall", "light", "set -eu\nlamp=hall\nlight\nlamp=attic")
    assert grouping.assigned_values(run) == {"lamp": "hall"}
    numbered = example(grouping, "Run")("hall", "light", "set -eu\nsha256=ab\nlamp2=hall\nlight")
    assert grouping.assigned_values(numbered) == {"sha256": "ab", "lamp2": "hall"}


def test_a_proposed_lamp_is_marked_as_a_guess() -> None:
    """The example of `Discovered`."""
    found: discovery.Discovered = example(discovery, "FoundLamp")()
    text = found.yaml(None, "remediate doctor")
    assert (found.unreadable, text.splitlines()[-1]) == ("", "  hall: {}  # guessed")
    assert found.summary(Path("room.yaml")) == ("room.yaml: the name of the lamp is a guess",)


def test_an_echo_is_cut_and_says_so() -> None:
    """The example of `Reach` and `Connection`: what is too much is a field, not an error."""
    reach: Reach = example(connection, "EchoReach")()

    async def answers() -> tuple[Completed, Login]:
        host = await reach.connect("val1")
        done = await host.run("cat", stdin=b"hello", timeout_s=1, max_bytes=4)
        return done, await reach.login("val1")

    done, login = asyncio.run(answers())
    assert (done.stdout, done.truncated, done.exit_status) == (b"hell", True, 0)
    assert not login.hops
    with pytest.raises(HostUnreachable, match="val2: cannot connect"):
        asyncio.run(reach.connect("val2"))
