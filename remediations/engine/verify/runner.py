"""Runs the checks in this process and turns what pytest says into results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.engine.plan.plan import PlannedCheck
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import CheckOutcome, CheckResult, NotVerified

NOT_IN_SUITE = tuple(
    f"-pno:{plugin}" for plugin in ("cacheprovider", "terminal", "xdist", "randomly", "timeout")
)
"""pytest must print and write nothing here, and other people's plugins must not reorder checks."""

MESSAGE_LIMIT = 400
WHOLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
"""How pytest ends when every check was run."""

Heard = Callable[[CheckResult], None]


class _Listener:
    """A pytest plugin that hears the outcome of every planned check, and has no other one run."""

    def __init__(self, heard: Heard, planned: frozenset[str]) -> None:
        self._heard = heard
        self._planned = planned
        self.results: list[CheckResult] = []
        self._marks: dict[str, tuple[str, str, str]] = {}
        self._not_verified: set[str] = set()
        self.interrupted = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Ctrl-C: what was heard so far is not an answer. pytest also ends itself this way, by a
        class of its own, when the checks cannot be loaded."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Remember which check each test is, and on which host. What the plan does not promise is
        not asked: it may be that nobody could tell what it compares with."""
        kept = []
        for item in items:
            mark = item.get_closest_marker("check")
            if mark is None:
                raise pytest.UsageError(f"{item.nodeid} is not a check: it lacks the marker")
            parameters = getattr(getattr(item, "callspec", None), "params", {})
            host = next((str(value) for value in parameters.values()), "")
            self._marks[item.nodeid] = (*mark.args, host)
            if mark.args[0] in self._planned:
                kept.append(item)
        items[:] = kept

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Remember which check said itself that it cannot tell: its report has only words."""
        if call.excinfo is not None and call.excinfo.errisinstance(NotVerified):
            self._not_verified.add(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One result for each test: its call, or the set-up that prevented it."""
        if report.when == "teardown" or (report.when == "setup" and report.passed):
            return
        check, title, host = self._marks[report.nodeid]
        result = CheckResult(
            id=check,
            title=title,
            host=host,
            outcome=_outcome(report, told=report.nodeid not in self._not_verified),
            message=_message(report),
            duration_ms=int(report.duration * 1000),
        )
        self.results.append(result)
        self._heard(result)


def run_checks(given: Given, suite: Path, *, heard: Heard) -> tuple[CheckResult, ...]:
    """All checks of a plan that was applied, each passed to `heard` as it ends.

    A check that the plan promises and that did not run is a result too: unknown. Where pytest did
    not come to its end, that is each of them. An empty answer never means success.

    Raises:
        KeyboardInterrupt: Ctrl-C, which pytest keeps to itself.
    """
    listener = _Listener(heard, frozenset(check.id for check in given.plan.checks))
    ended = pytest.main(
        [
            str(suite),
            "-c",
            "/dev/null",
            f"--rootdir={suite}",
            "--assert=plain",  # the checks' own words, without pytest's comparisons behind them
            *NOT_IN_SUITE,
        ],
        plugins=[listener, given],
    )
    if listener.interrupted:
        raise KeyboardInterrupt
    results = listener.results if ended in WHOLE else []
    ran = {result.id for result in results}
    missing = [_missing(check) for check in given.plan.checks if check.id not in ran]
    for result in missing:
        heard(result)
    return (*results, *missing)


def _missing(check: PlannedCheck) -> CheckResult:
    return CheckResult(
        id=check.id,
        title=check.title,
        host="",
        outcome=CheckOutcome.UNKNOWN,
        message="the plan promises it, and it did not run",
        duration_ms=0,
    )


def _outcome(report: pytest.TestReport, *, told: bool) -> CheckOutcome:
    if report.when == "setup" or not told:
        return CheckOutcome.UNKNOWN
    return CheckOutcome.PASSED if report.passed else CheckOutcome.FAILED


def _message(report: pytest.TestReport) -> str:
    if report.passed:
        return "; ".join(str(text) for name, text in report.user_properties if name == "saw")
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr)
    for kind in ("AssertionError", f"{NotVerified.__module__}.{NotVerified.__name__}"):
        text = text.removeprefix(f"{kind}: ")
    return " ".join(text.split())[:MESSAGE_LIMIT]
