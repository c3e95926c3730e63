"""A run that did not get through and is taken up again: what its journal may say, and what not.

Three readers judge each story: the one of the package, the one that compares with the plan, and the
stand-alone checker.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.runs.binding import check_binding
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.journal_check import check_journal
from remediations.engine.runs.records import Event, RunState, StepState
from remediations.engine.runs.status import run_status
from remediations.engine.runs.store import RunDirectory, create_run
from remediations.errors import UsageError
from remediations.systems.comet.reading import sealed
from remediations.values.wire import canonical
from tests.unit.run.events import (
    abandoned,
    began,
    checked,
    ends,
    resumed,
    run_ends,
    starts,
    stop_asked,
    voided,
)
from tests.unit.run.plans import command, plan, stage
from tests.unit.run.test_store import INVENTORY
from tests.worlds import healthy

PLAN = plan(stage(1, command("val1"), command("val2")), stage(2, command("val3")))
A, B, C = ("1-0", "val1"), ("1-1", "val2"), ("2-0", "val3")
STARTED = (began(), starts(*A))
THROUGH = (*STARTED, ends("1-0"), starts(*B), ends("1-1"), starts(*C), ends("2-0"), run_ends())


def told(directory: Path, *events: Event) -> RunDirectory:
    """A run with this journal."""
    run = create_run(PLAN, sealed(healthy()), INVENTORY, datetime.now(UTC))
    with closing(Journal(run.journal, run.digest)) as journal:
        for event in events:
            journal.append(event)
    return run


def doubts(run: RunDirectory) -> list[str]:
    """What the readers say against a journal: the package's two, then the stand-alone one."""
    found = []
    try:
        check_binding(run, read_journal(run.journal))
    except UsageError as error:
        found.append(error.got.partition(": ")[2] or error.got)
    report = check_journal(run.journal.read_bytes(), canonical(PLAN))
    return found + [problem.partition(": ")[2] for problem in report.problems]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))


GOOD: dict[str, tuple[Sequence[Event], RunState, str]] = {
    "died, and went on": (
        (*STARTED, resumed(), ends("1-0"), starts(*B), ends("1-1"), starts(*C), ends("2-0"),
         run_ends()),
        RunState.UNVERIFIED,
        "done done done",
    ),
    "a step that never started is announced again": (
        (*STARTED, resumed(), starts(*A), ends("1-0"), starts(*B)),
        RunState.UNKNOWN,
        "done unknown planned",
    ),
    "stopped at a gate, resumed twice": (
        (*STARTED, ends("1-0"), run_ends("stopped"), resumed(), run_ends("stopped"), resumed(),
         starts(*B), ends("1-1"), run_ends("aborted", "by a person")),
        RunState.ABORTED,
        "done done planned",
    ),
    "an unknown end is told later": (
        (*STARTED, ends("1-0", "unknown"), run_ends("stopped"), resumed(), ends("1-0")),
        RunState.UNKNOWN,
        "done planned planned",
    ),
    "checked while it was stopped, and resumed": (
        (*STARTED, run_ends("stopped"), checked("unverified"), resumed(), ends("1-0")),
        RunState.UNKNOWN,
        "done planned planned",
    ),
    "stopped by somebody after its process died": (
        (*STARTED, stop_asked(), ends("1-0"), voided(*B), voided(*C), run_ends("aborted", "so")),
        RunState.ABORTED,
        "done voided voided",
    ),
    "abandoned, and looked at later": (
        (*STARTED, run_ends("stopped"), stop_asked(), voided(*B), abandoned(),
         checked("unverified")),
        RunState.ABANDONED,
        "unknown voided planned",
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", GOOD.values(), ids=GOOD)
def test_stories_that_can_be(tmp_path: Path, story: tuple[Sequence[Event], RunState, str]) -> None:
    """All readers agree, and the last record of a step is its state."""
    events, state, steps = story
    run = told(tmp_path, *events)
    assert doubts(run) == []
    status = run_status(PLAN, read_journal(run.journal), hindrance="", alive=False)
    assert (status.state, " ".join(s.state for s in status.steps)) == (state, steps)


BAD: dict[str, tuple[Sequence[Event], str]] = {
    "resumed after all was done": ((*THROUGH, resumed()), "follows the end"),
    "abandoned after all was done": ((*THROUGH, abandoned()), "follows the end"),
    "resumed after it was abandoned": (
        (*STARTED, run_ends("stopped"), abandoned(), resumed()),
        "follows the end",
    ),
    "goes on without being resumed": (
        (*STARTED, run_ends("stopped"), ends("1-0")),
        "the run was not resumed",
    ),
    "a done step runs again": (
        (*STARTED, ends("1-0"), run_ends("stopped"), resumed(), starts(*A)),
        "twice",
    ),
    "a failed step runs again": (
        (*STARTED, ends("1-0", "failed"), run_ends("stopped"), resumed(), starts(*A)),
        "twice",
    ),
    "announced twice in one attempt": (
        (*STARTED, resumed(), starts(*A), starts(*A)),
        "twice",
    ),
    "announced again without being resumed": ((*STARTED, starts(*A)), "twice"),
    "a known end is told again": ((*STARTED, ends("1-0"), ends("1-0")), "ended twice"),
    "voided after it had started": ((*STARTED, stop_asked(), voided(*A)), "voided after"),
    "runs after it was voided": (
        (*STARTED, stop_asked(), voided(*B), resumed(), starts(*B)),
        "twice",
    ),
}


@pytest.mark.parametrize("story", BAD.values(), ids=BAD)
def test_stories_that_cannot_be(tmp_path: Path, story: tuple[Sequence[Event], str]) -> None:
    """The package refuses the files, and the stand-alone checker calls it wrong."""
    events, said = story
    run = told(tmp_path, *events)
    found = doubts(run)
    assert len(found) >= 2
    assert said in found[0]


def test_the_checker_tells_who_resumed(tmp_path: Path) -> None:
    """And the last end, not the first one."""
    story = (*STARTED, run_ends("stopped"), resumed(message="by bob"), run_ends("aborted", "x"))
    data = told(tmp_path, *story).journal.read_bytes()
    lines = check_journal(data).lines
    assert any(line.startswith("resumed ") and line.endswith(" by bob") for line in lines)
    assert [line.split()[-1] for line in lines if line.startswith("ended ")] == ["aborted"]
    without_end = b"".join(data.splitlines(keepends=True)[:-1])
    assert check_journal(without_end).exit_status == 3


def test_a_step_of_a_running_process_is_started(tmp_path: Path) -> None:
    """Not unknown: somebody follows it."""
    entries = read_journal(told(tmp_path, *STARTED, resumed(), starts(*A)).journal)
    status = run_status(PLAN, entries, hindrance="", alive=True)
    assert (status.state, status.steps[0].state) == (RunState.RUNNING, StepState.STARTED)
