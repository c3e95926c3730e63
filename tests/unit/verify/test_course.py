"""What a verification keeps of its own course: when its checks ended, and what they saw."""

from __future__ import annotations

from collections.abc import Callable

from remediations.engine.apply.look import Sight
from remediations.engine.runs.records import Checked
from remediations.engine.verify.course import MOST_SAMPLES, Course
from remediations.engine.verify.result import CheckOutcome, CheckResult
from tests.unit.run.events import seen


class Clock:
    """Seconds that pass as often as somebody asks."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def result(check: str, host: str = "", message: str = "") -> CheckResult:
    return CheckResult(
        id=check,
        title="",
        host=host,
        outcome=CheckOutcome.PASSED,
        message=message,
        duration_ms=0,
    )


def saw(value: int | None) -> Callable[[], Sight]:
    return lambda: seen(value).sight


def seconds(course: Course) -> list[tuple[int, int | None]]:
    """When each sample was seen, after the beginning, and its one value."""
    return [
        (round((one.at - course.began).total_seconds()), one.sight.points[0].value)
        for one in course.samples
    ]


def test_each_change_is_kept_with_the_last_look_before_it() -> None:
    """A height that stood still for four looks is level in the plot, not a slow rise."""
    course = Course(elapsed_s=Clock())
    for height in (113, 113, 113, 113, 114, 115, 115):
        course.seen(saw(height))
    assert seconds(course) == [(1, 113), (4, 113), (5, 114), (6, 115), (7, 115)]


def test_a_look_that_fails_costs_its_own_sample_only() -> None:
    """The check that made it does not hear of it."""

    def broken() -> Sight:
        raise RuntimeError("a bug in what is only shown")

    course = Course()
    course.seen(saw(1))
    course.seen(broken)
    course.seen(saw(2))
    assert [value for _, value in seconds(course)] == [1, 2]


def test_looks_without_end_stay_one_record() -> None:
    """The first ones and the newest."""
    course = Course(elapsed_s=Clock())
    for height in range(MOST_SAMPLES + 10):
        course.seen(saw(height))
    assert len(course.samples) == MOST_SAMPLES
    assert seconds(course)[-1] == (MOST_SAMPLES + 10, MOST_SAMPLES + 9)


def test_only_results_that_count_have_an_end() -> None:
    """Of checks that did not come to their end, what was heard before is left out, also where it
    looks the same."""
    course = Course(elapsed_s=Clock())
    heard = [result("P1"), result("P2", "val1"), result("P2", "val1")]
    for one in heard:
        course.heard(one)
    assert course.ended(()) == ()
    ended = course.ended([heard[0], heard[2]])
    assert [(one.id, one.host) for one in ended] == [("P1", ""), ("P2", "val1")]
    assert [(one.at - course.began).total_seconds() for one in ended] == [1, 3]


def test_what_it_keeps_makes_a_record() -> None:
    """Whatever the order of looks and ends."""
    course = Course()
    one = result("P1")
    course.seen(saw(1))
    course.heard(one)
    course.seen(saw(2))
    record = Checked(
        state="verified",
        message="",
        checks_sha256="",
        began=course.began,
        ended=course.ended([one]),
        samples=course.samples,
    )
    assert [check.id for check in record.ended] == ["P1"]
    assert len(record.samples) == 2
