"""A run is undone: what its targets say decides, and what its journal may say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from remediations.engine.apply import carry_out, settle, steps, undo
from remediations.engine.apply.apply import Approved
from remediations.engine.apply.fence_hold import HeldFences
from remediations.engine.apply.receipt import Receipt
from remediations.engine.apply.undo import Undoing
from remediations.engine.plan.plan import Plan, Stage, Undo
from remediations.engine.runs.binding import check_binding
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import Event, FenceTaken, RunState
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.engine.runs.undoing import check_undoable, stages_to_undo
from remediations.errors import Refused, RemediationError, UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.run.events import (
    abandoned,
    began,
    ends,
    resumed,
    run_ends,
    starts,
    undo_began,
    voided,
)
from tests.unit.run.fakes import DONE, RUNNING, FakeDriver, Listener, Scene, failed, lost
from tests.unit.run.plans import command, plan, stage
from tests.unit.run.test_store import INVENTORY
from tests.worlds import healthy


def with_undo(of: Stage, number: int) -> Stage:
    """A stage, each of whose steps is taken back by one on its target."""
    back = (
        Undo(
            undoes=(step.id,),
            steps=(command(step.target, "back", id_=f"{number}-{place}"),),
        )
        for place, step in enumerate(of.steps)
    )
    return replace(of, undo=tuple(back))


PLAN = plan(
    with_undo(stage(1, command("val1"), command("val2")), 4),
    with_undo(stage(2, command("val3")), 3),
)
A, B, C = ("1-0", "val1"), ("1-1", "val2"), ("2-0", "val3")
BACK_C, BACK_A, BACK_B = ("3-0", "val3"), ("4-0", "val1"), ("4-1", "val2")
STARTED = (began(), starts(*A))
STOPPED = (*STARTED, starts(*B), ends("1-0"), ends("1-1", "failed"), run_ends("stopped"))
THROUGH = (*STARTED, ends("1-0"), starts(*B), ends("1-1"), starts(*C), ends("2-0"), run_ends())


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (carry_out, settle):
        monkeypatch.setattr(module, "FIRST_LOOK_S", 0.001)
    monkeypatch.setattr(settle, "ASK_S", 0)
    monkeypatch.setattr(undo, "STOP_PATIENCE_S", 0)
    monkeypatch.setattr(steps, "LISTEN_S", 0.001)
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))


def told(*events: Event, of: Plan = PLAN) -> RunDirectory:
    """A run with this journal."""
    run = create_run(of, sealed(healthy()), INVENTORY, datetime.now(UTC))
    with closing(Journal(run.journal, run.digest)) as journal:
        for event in events:
            journal.append(event)
    return run


def undone(
    run: RunDirectory, driver: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> tuple[Receipt, list[str]]:
    """What comes of it where no guard stands against it, and what was launched."""

    async def pass_all(*_: Any) -> None:  # noqa: ANN401 - whatever the method is given
        pass

    monkeypatch.setattr(Undoing, "_check_guards", pass_all)
    approved = cast("Approved", SimpleNamespace(plan=run.plan, digest=run.digest))
    held = cast("HeldFences", SimpleNamespace(fences=()))

    async def go() -> Receipt:
        with closing(Journal.reopened(run.journal)) as journal:
            entries = read_journal(run.journal)
            journal.append(undo_began())
            undoing = Undoing(run, approved, {"host": driver}, held, journal, Listener())
            return await undoing.undo(entries, cast("Any", None))

    receipt = asyncio.run(go())
    check_binding(run, read_journal(run.journal))
    assert check_journal(run.journal.read_bytes(), canonical(run.plan)).problems == ()
    return receipt, driver.launched()


def test_the_newest_stage_is_taken_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, where the effects are there."""
    receipt, launched = undone(told(*THROUGH), FakeDriver(holds=True), monkeypatch)
    assert receipt.state is RunState.UNDONE
    assert launched == ["val3", "val1", "val2"]


def test_what_is_done_and_not_there_any_more_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What failed may be half there, so it is taken back without asking."""
    receipt, launched = undone(told(*STOPPED), FakeDriver(holds=False), monkeypatch)
    assert receipt.state is RunState.UNDONE
    assert launched == ["val2"]


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (FakeDriver(voids={"val3": RUNNING}, holds=True), "could not be stopped"),
        (FakeDriver(voids={"val3": lost("val3")}, holds=True), "could not be asked"),
        (FakeDriver(holds=lost("val1")), "is not known"),
    ],
)
def test_where_a_target_cannot_tell_nothing_is_undone(
    driver: FakeDriver, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that runs, one that may run, and an effect that cannot be looked for."""
    receipt, launched = undone(told(*STOPPED), driver, monkeypatch)
    assert receipt.state is RunState.STOPPED
    assert said in receipt.message
    assert launched == []


def test_the_first_step_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No older stage is touched then."""
    driver = FakeDriver({"val3": [failed(64, "refused: got x, expected y")]}, holds=True)
    receipt, launched = undone(told(*THROUGH), driver, monkeypatch)
    assert receipt.state is RunState.STOPPED
    assert "refused: got x" in receipt.message
    assert launched == ["val3"]


def test_what_was_not_seen_to_end_is_settled_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal gets what the targets say: one had ended, the others are voided."""
    voids: dict[str, Scene] = {"val1": DONE}
    run = told(*STARTED)
    receipt, launched = undone(run, FakeDriver(voids=voids, holds=True), monkeypatch)
    assert (receipt.state, launched) == (RunState.UNDONE, ["val1"])
    status = run_status(PLAN, read_journal(run.journal), hindrance="", alive=False)
    shown = {step.step: step.state.value for step in status.steps}
    assert shown == {"1-0": "done", "1-1": "voided", "2-0": "voided", "4-0": "done"}


def test_a_second_attempt_goes_on_with_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step happens once."""
    run = told(*THROUGH, undo_began(), starts(*BACK_C, "back"), ends("3-0"))
    receipt, launched = undone(run, FakeDriver(holds=True), monkeypatch)
    assert (receipt.state, launched) == (RunState.UNDONE, ["val1", "val2"])


def refusal(*events: Event, of: Plan = PLAN, after_s: int = 1) -> RemediationError | None:
    run = told(*events, of=of)
    entries = read_journal(run.journal)
    status = run_status(of, entries, hindrance="", alive=False)
    now = entries[0].at + timedelta(seconds=after_s)
    try:
        check_undoable("RUN", of, entries, status, now=now, limit_s=600)
    except RemediationError as error:
        return error
    return None


HELD = FenceTaken(resource="chain/a", number=3, hosts=("val1",))
LOST = (*STOPPED, undo_began(), HELD, run_ends("undone"))
"""Its process was lost before it gave back what it held."""


@pytest.mark.parametrize("events", [STARTED, STOPPED, THROUGH, (*STOPPED, undo_began()), LOST])
def test_what_did_not_come_to_its_goal_may_be_undone(events: Sequence[Event]) -> None:
    assert refusal(*events) is None


@pytest.mark.parametrize(
    ("events", "kind", "guard"),
    [
        ((*STOPPED, abandoned()), UsageError, "an open run"),
        ((*STOPPED, undo_began(), run_ends("undone")), UsageError, "an open run"),
        (
            (*STOPPED, undo_began(), starts(*BACK_A, "back"), ends("4-0", "failed")),
            Refused,
            "a step happens at most once",
        ),
    ],
)
def test_what_can_not_be_undone_any_further(
    events: Sequence[Event], kind: type[RemediationError], guard: str
) -> None:
    """With what to do instead."""
    refused = refusal(*events)
    assert isinstance(refused, kind)
    assert refused.guard == guard
    assert "new plan" in refused.next_step


def test_a_plan_without_a_way_back_says_so() -> None:
    refused = refusal(began(), run_ends("stopped"), of=plan())
    assert isinstance(refused, Refused)
    assert refused.guard == "a way back in the plan"


def test_the_limit_counts_from_the_beginning() -> None:
    refused = refusal(*STOPPED, after_s=601)
    assert isinstance(refused, Refused)
    assert refused.guard == "resume limit"


def test_what_never_began_need_not_be_undone() -> None:
    """Stages newest first; a step that was voided did nothing."""
    run = told(*STARTED, voided(*B), voided(*C))
    entries = read_journal(run.journal)
    from remediations.engine.runs.status import step_states

    found = stages_to_undo(PLAN, step_states(entries))
    assert [(s.stage.number, [u.undoes for u in s.undo]) for s in found] == [(1, [("1-0",)])]


BAD: dict[str, tuple[Sequence[Event], str]] = {
    "takes back, and nobody undid it": ((*STOPPED[:-1], starts(*BACK_A, "back")), "4-0"),
    "goes on while it is undone": ((*STARTED, undo_began(), starts(*B)), "1-1"),
    "goes on after it was undone": (
        (*STOPPED, undo_began(), run_ends("undone"), resumed()),
        "follows the end",
    ),
    "undone after it was abandoned": ((*STOPPED, abandoned(), undo_began()), "follows the end"),
    "takes back twice": (
        (*STOPPED, undo_began(), starts(*BACK_A, "back"), ends("4-0"), starts(*BACK_A, "back")),
        "twice",
    ),
}


@pytest.mark.parametrize("story", BAD.values(), ids=BAD)
def test_stories_that_cannot_be(story: tuple[Sequence[Event], str]) -> None:
    """Found by the package and by the program that stands alone."""
    events, said = story
    run = told(*events)
    with pytest.raises(UsageError) as found:
        check_binding(run, read_journal(run.journal))
    problems = check_journal(run.journal.read_bytes(), canonical(PLAN)).problems
    assert said in found.value.got
    assert any(said in problem for problem in problems)


def test_what_was_never_started_is_not_taken_back() -> None:
    """Only the program that stands alone compares that."""
    run = told(*STARTED, ends("1-0"), run_ends("stopped"), undo_began(), starts(*BACK_B, "back"))
    (problem,) = check_journal(run.journal.read_bytes(), canonical(PLAN)).problems
    assert "takes back what was never started" in problem
