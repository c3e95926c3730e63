"""Which runs may be resumed, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from remediations.engine.runs.records import Event, FenceGiven, FenceTaken, JournalEntry
from remediations.engine.runs.resumption import check_begun, check_resumable, untouched_targets
from remediations.engine.runs.status import run_status
from remediations.errors import Refused, RemediationError, UsageError
from tests.unit.run.events import (
    abandoned,
    began,
    ends,
    resumed,
    run_ends,
    starts,
    stop_asked,
    voided,
)
from tests.unit.run.plans import command, plan, stage

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PLAN = plan(stage(1, command("val1"), command("val2")), stage(2, command("val1", "again")))
LIMIT_S = 600


def journal(*events: Event) -> tuple[JournalEntry, ...]:
    return tuple(
        JournalEntry(number=number, previous="", at=AT, plan="", event=event)
        for number, event in enumerate((began(), *events), 1)
    )


def refusal(*events: Event, after_s: int = 1) -> RemediationError | None:
    """What stands against going on with this run so many seconds after its beginning."""
    entries = journal(*events)
    status = run_status(PLAN, entries, hindrance="", alive=False)
    now = AT + timedelta(seconds=after_s)
    try:
        check_resumable("RUN", entries, status, now=now, limit_s=LIMIT_S)
    except RemediationError as error:
        return error
    return None


A = starts("1-0", "val1")
TAKEN = FenceTaken(resource="chain/a", number=3, hosts=("val1",))
GIVEN = FenceGiven(resource="chain/a", number=3, hosts=("val1",))
AGAIN = FenceTaken(resource="chain/a", number=5, hosts=("val1",))
LATER = FenceGiven(resource="chain/a", number=5, hosts=("val1",))


@pytest.mark.parametrize(
    "events",
    [
        (),
        (A,),
        (A, ends("1-0")),
        (A, ends("1-0", "unknown"), run_ends("stopped")),
        (A, ends("1-0"), run_ends("aborted", "a person")),
        (A, run_ends("unknown", "KeyboardInterrupt"), resumed()),
        (TAKEN, A, ends("1-0"), run_ends()),
        (TAKEN, GIVEN, resumed(), AGAIN, A, ends("1-0"), run_ends()),
    ],
)
def test_what_has_something_left_may_be_resumed(events: tuple[Event, ...]) -> None:
    """Where its process died, where it was stopped, where a gate stayed shut, and where it still
    holds a resource after its last step."""
    assert refusal(*events) is None


@pytest.mark.parametrize(
    ("events", "kind", "guard"),
    [
        ((A, ends("1-0"), run_ends()), UsageError, "an open run"),
        ((TAKEN, A, ends("1-0"), run_ends(), GIVEN), UsageError, "an open run"),
        ((TAKEN, resumed(), AGAIN, run_ends(), LATER), UsageError, "an open run"),
        ((A, run_ends("stopped"), abandoned()), UsageError, "an open run"),
        ((A, ends("1-0", "failed"), run_ends("stopped")), Refused, "a step happens at most once"),
        ((stop_asked(), voided("1-1", "val2")), Refused, "a step happens at most once"),
    ],
)
def test_what_can_never_get_through_may_not(
    events: tuple[Event, ...], kind: type[RemediationError], guard: str
) -> None:
    """All was done, it was given up, or a step of it can never be done: with what to do instead."""
    refused = refusal(*events)
    assert isinstance(refused, kind)
    assert refused.guard == guard
    assert "remediate" in refused.next_step


def test_the_limit_counts_from_the_beginning() -> None:
    """Not from the last attempt: what people approved grows old all the same."""
    events = (A, run_ends("stopped"), resumed())
    assert refusal(*events, after_s=LIMIT_S) is None
    late = refusal(*events, after_s=LIMIT_S + 1)
    assert isinstance(late, Refused)
    assert late.guard == "resume limit"
    assert "601 s ago" in late.got
    assert "600 s" in late.expected


def test_what_was_not_begun_is_not_resumed() -> None:
    with pytest.raises(UsageError) as refused:
        check_begun("RUN", (), "resume")
    assert refused.value.next_step == "remediate status RUN"


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ((), {"val1", "val2"}),
        ((A,), {"val2"}),
        ((A, ends("1-0"), starts("1-1", "val2")), set()),
    ],
)
def test_targets_that_nothing_was_done_to(events: tuple[Event, ...], left: set[str]) -> None:
    """A target whose first step may have run is not one of them, whatever it has left to do."""
    assert untouched_targets(PLAN, journal(*events)) == left
