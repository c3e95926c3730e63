"""Runs the checks of a run, keeps their results, writes the report, and says what came of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from remediations.cli.anchors import Anchors
from remediations.cli.answer import Answer
from remediations.cli.live import to_stderr
from remediations.cli.options import as_typed
from remediations.cli.reporting import report_of, write_files
from remediations.cli.terminal import look
from remediations.errors import ExitCode
from remediations.model.wire import canonical
from remediations.render.console import BAD, GOOD, columns, drawn, heading, line
from remediations.render.printable import one_line
from remediations.run.store import RunDirectory
from remediations.verify.given import Given
from remediations.verify.result import CheckOutcome, CheckResult
from remediations.verify.runner import run_checks


def prove(directory: RunDirectory, given: Given, anchors: Anchors, *, quiet: bool) -> Answer:
    """Exit 0: every check passes. 8: one does not, or none could be run."""

    def heard(result: CheckResult) -> None:
        if not quiet and sys.stderr.isatty():
            to_stderr(f"  {result.outcome:<8} {result.id} {result.host} {result.title}")

    results = run_checks(given, heard=heard)
    directory.write("checks.json", canonical(results))
    report = report_of(directory, anchors)
    page = write_files(directory, report)
    good = bool(results) and all(r.outcome is CheckOutcome.PASSED for r in results)
    code = ExitCode.OK if good else ExitCode.NOT_VERIFIED
    verdict = "VERIFIED" if good else "NOT VERIFIED"
    again = as_typed(f"remediate verify {directory.called}")
    next_step = f"read {page}" if good else f"`{again}` again; then `remediate diagnose`"
    return Answer(
        exit_code=code,
        document={
            "run": directory.name,
            "doubts": list(report.doubts),
            "checks": results,
            "report": str(page),
        },
        text=f"{doubts_text(report.doubts)}{checks_text(results)}\n\n"
        f"{verdict}: run {directory.name}\nreport: {page}\nnext: {next_step}",
    )


def doubts_text(doubts: Sequence[str]) -> str:
    """What a reader must know first; empty, or lines with a blank one below."""
    return "".join(f"NOT PROVEN: {one_line(doubt)}\n" for doubt in doubts) + (
        "\n" if doubts else ""
    )


def checks_text(results: tuple[CheckResult, ...]) -> str:
    """Failed checks first and whole; passed ones counted by check."""
    style = look()
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
        line("" if not bad else "recovery is not proven", BAD if bad else GOOD),
    ]
    return drawn(parts, width=style.width, colour=style.colour)
