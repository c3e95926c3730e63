"""Runs the checks of a run, keeps their results, writes the report, and says what came of it.

The results are bound to the run by its journal, which keeps their hash and the verdict: only what
is recorded there counts as verified later.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from remediations.cli.anchors import Anchors
from remediations.cli.live import to_stderr
from remediations.cli.output import CommandResult, next_command, terminal_style
from remediations.cli.reporting import write_report
from remediations.engine.runs.journal import Journal, read_journal
from remediations.engine.runs.records import Checked, all_pass
from remediations.engine.runs.status import deciding_verification
from remediations.engine.runs.store import RunDirectory, checks_file
from remediations.engine.verify.course import Course
from remediations.engine.verify.given import Given
from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.engine.verify.runner import run_checks
from remediations.errors import ExitCode, Locked, MachineError, UsageError
from remediations.render.console import BAD, GOOD, columns, draw, heading, text_line
from remediations.render.formats import format_moment
from remediations.render.printable import one_line
from remediations.values.wire import canonical


def prove(
    directory: RunDirectory, given: Given, suite: Path, anchors: Anchors, *, quiet: bool
) -> CommandResult:
    """Run the checks in `suite`. Exit 0: every check passes. 8: one does not, or none could be run.

    Raises:
        MachineError: what they came to could not be recorded; it says what that was.
    """

    course = Course()
    before = deciding_verification(read_journal(directory.journal))
    proven_then = before is not None and before.state == "verified"

    def heard(result: CheckResult) -> None:
        course.heard(result)
        if not quiet and sys.stderr.isatty():
            to_stderr(f"  {result.outcome:<8} {result.id} {result.host} {result.title}")

    def tell(line: str) -> None:
        if not quiet:
            to_stderr(f"  {line}")

    results = run_checks(replace(given, tell=tell, seen=course.seen), suite, heard=heard)
    good = all_pass([result.outcome for result in results])
    verdict = "VERIFIED" if good else "NOT VERIFIED"
    again = next_command("verify", directory.reference)
    try:
        _keep(directory, results, course, good=good)
    except (Locked, MachineError, UsageError) as error:
        raise MachineError(
            f"{verdict}, and this could not be recorded",
            guard=error.guard,
            got=f"{error.what}: {error.got}",
            expected="the checks' results and their record on disk",
            next_step=f"fix that, then `{again}`",
        ) from error
    page, doubts = write_report(directory, anchors)
    reading = f"read {page}" if page else next_command("report", directory.reference)
    return CommandResult(
        exit_code=ExitCode.OK if good else ExitCode.NOT_VERIFIED,
        document={
            "run": directory.name,
            "doubts": list(doubts),
            "checks": results,
            "report": str(page) if page else None,
        },
        text=f"{doubts_text(doubts)}{checks_text(results)}\n\n"
        f"{verdict}: run {directory.name}{_then(before)}\nreport: {page or 'not written'}\n"
        f"next: {reading if good else _after(again, proven_then=proven_then)}",
    )


def _then(before: Checked | None) -> str:
    """What stays true of a run that was verified before, whatever is true now."""
    if before is None or before.state != "verified":
        return ""
    return (
        f"\nit was verified {format_moment(before.began)} ({before.message}) and remains so: this "
        "is the state now"
    )


def _after(again: str, *, proven_then: bool) -> str:
    """Where the checks of a proven run do not pass any more, something happened since."""
    return "`remediate diagnose`" if proven_then else f"`{again}` again; then `remediate diagnose`"


def _keep(
    directory: RunDirectory, results: Sequence[CheckResult], course: Course, *, good: bool
) -> None:
    """Write the results beside earlier ones, then the record that makes them the run's. Killed
    in between, they count as not proven, and the next verification takes their place."""
    data = canonical(tuple(results))
    passed = sum(result.outcome is CheckOutcome.PASSED for result in results)
    with closing(Journal.reopened(directory.journal)) as journal:
        before = read_journal(directory.journal)
        number = 1 + sum(isinstance(entry.event, Checked) for entry in before)
        directory.write(checks_file(number), data)
        journal.append(
            Checked(
                state="verified" if good else "unverified",
                message=f"{passed} of {len(results)} checks pass",
                checks_sha256=hashlib.sha256(data).hexdigest(),
                began=course.began,
                ended=course.ended(results),
                samples=course.samples,
            )
        )


def doubts_text(doubts: Sequence[str]) -> str:
    """What a reader must know first; empty, or lines with a blank one below."""
    return "".join(f"NOT PROVEN: {one_line(doubt)}\n" for doubt in doubts) + (
        "\n" if doubts else ""
    )


def checks_text(results: tuple[CheckResult, ...]) -> str:
    """Failed checks first and whole; passed ones counted by check."""
    style = terminal_style()
    bad = [r for r in results if r.outcome is not CheckOutcome.PASSED]
    passed: dict[tuple[str, str], list[CheckResult]] = {}
    for result in results:
        if result.outcome is CheckOutcome.PASSED:
            passed.setdefault((result.id, result.title), []).append(result)
    rows = [(r.id, r.host or "all", r.outcome.upper(), f"{r.title}: {r.message}") for r in bad]
    rows += [
        (
            check,
            f"{len(group)} host(s)" if group[0].host else "all",
            "passed",
            f"{title}: {group[0].message}",
        )
        for (check, title), group in passed.items()
    ]
    parts = [
        heading(f"checks: {len(results) - len(bad)} of {len(results)} pass"),
        columns(("check", "host", "outcome", "what was seen"), rows),
        text_line("" if not bad else "recovery is not proven", BAD if bad else GOOD),
    ]
    return draw(parts, width=style.width, colour=style.colour)
