"""A Report as a document: what happened, what ran, what was checked, and the plan as signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from remediations.engine.plan.applicable import without_title
from remediations.engine.plan.document import plan_document
from remediations.engine.plan.grouping import group_by_program
from remediations.engine.report.plot import series_plots
from remediations.engine.report.report import Report, StepRecord
from remediations.engine.report.verification import deciding
from remediations.engine.runs.records import RunState, Start, StepState
from remediations.engine.verify.result import CheckOutcome, CheckResult
from remediations.render.document import (
    Block,
    CodeBlock,
    Document,
    Figure,
    Folded,
    Heading,
    Labelled,
    Notice,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    lower_headings,
)
from remediations.render.formats import format_duration, format_moment, format_time, name_some
from remediations.render.printable import Exact

NOT_STARTED = "not started"
TO_BE_VERIFIED = (RunState.UNVERIFIED, RunState.STOPPED, RunState.UNKNOWN)
RUN_TONES = {
    RunState.VERIFIED: Tone.GOOD,
    RunState.PLANNED: Tone.DOUBT,
    RunState.APPROVED: Tone.DOUBT,
    RunState.RUNNING: Tone.DOUBT,
    RunState.UNDONE: Tone.DOUBT,
}
STEP_TONES = {StepState.DONE.value: Tone.GOOD, NOT_STARTED: Tone.SOFT}


def report_document(report: Report) -> Document:
    """The report, with figures for the forms that can show them."""
    plan = report.plan
    return (
        *(Notice(("not proven: ", doubt)) for doubt in report.doubts),
        Heading(1, (f"{plan.playbook} on {name_some(plan.resources)}: ", _state(report.state))),
        Labelled(_summary(report)),
        *_figures(report),
        *_timeline(report),
        *_checks(report),
        *_verifications(report),
        *_steps(report),
        Heading(2, "The plan, as it was signed"),
        *lower_headings(without_title(plan_document(plan, report.digest)), 1),
    )


def _state(state: RunState) -> Toned:
    return Toned(state, RUN_TONES.get(state, Tone.BAD))


def _summary(report: Report) -> tuple[tuple[str, Words], ...]:
    approvals: list[str | Toned] = []
    for approval in report.approvals:
        approvals += [
            Exact(approval.principal),
            " with ",
            Exact(approval.key_fingerprint),
            f", dated {format_moment(approval.dated)}; ",
        ]
    return (
        ("Plan", report.plan.title),
        ("Outage", _span(report.outage_ms)),
        ("From apply to the last gate", _span(report.apply_to_gate_ms)),
        ("From apply to the last check", _span(report.apply_to_checked_ms)),
        *_checked_again(report),
        ("Run", Exact(report.run)),
        ("Plan digest", Exact(report.digest)),
        (
            "Approved by",
            (*(approvals or ["nobody; "]), "the planner may be the approver in this version"),
        ),
        *_start(report.start),
    )


def _checked_again(report: Report) -> Iterator[tuple[str, Words]]:
    """The state that was found later, beside the one that the run ended with."""
    if report.verifications and report.verifications[-1] != deciding(report.verifications):
        last = report.verifications[-1]
        tone = Tone.GOOD if last.state == "verified" else Tone.BAD
        yield (
            "Checked again",
            (f"{format_moment(last.began)}: ", Toned(last.state, tone), f", {last.message}"),
        )


def _start(start: Start | None) -> Iterator[tuple[str, Words]]:
    """By whom it was applied, and what it was judged by."""
    if start is None:
        return
    yield "Applied by", Exact(str(start.actor))
    for label, anchor in (
        ("Who may approve", start.signers),
        ("Revoked keys", start.revoked),
        ("Inventory", start.inventory),
        ("Where names lead", start.ssh_config),
    ):
        if anchor is None:
            continue
        yield (
            label,
            (
                Exact(anchor.path),
                ", SHA-256 ",
                Exact(anchor.sha256),
                f", named by {anchor.named_by}",
            ),
        )
    for program in start.programs:
        yield (
            program.name,
            (
                Exact(program.path),
                ", ",
                Exact(program.version) if program.version else "version unknown",
                ", SHA-256 ",
                Exact(program.sha256),
            ),
        )


def _figures(report: Report) -> Iterator[Block]:
    for series, plot in series_plots(report.samples, report.proof):
        yield Figure(series.capitalize(), plot)


def _timeline(report: Report) -> Iterator[Block]:
    yield Heading(2, "Timeline")
    yield Table(
        ("Time", "What", "Detail"),
        tuple(
            (
                format_time(event.at),
                event.what if event.good else Toned(event.what, Tone.BAD),
                event.detail,
            )
            for event in report.timeline
        ),
    )


def _checks(report: Report) -> Iterator[Block]:
    yield Heading(2, "Checks")
    verify: Words = "none were run"
    if report.state in TO_BE_VERIFIED:
        verify = ("none were run: ", Exact(f"remediate verify {report.run}"))
    decides = deciding(report.verifications)
    if report.checks and decides is not None and len(report.verifications) > 1:
        proven = ", which proved the run" if decides.state == "verified" else ", the last one"
        yield Paragraph(f"Of the verification of {format_moment(decides.began)}{proven}.")
    yield _check_table(report.checks, verify)
    if report.latest_checks:
        last = report.verifications[-1]
        yield Heading(3, "How things stood later")
        yield Paragraph(
            f"The last verification, {format_moment(last.began)}: {last.state}, {last.message}. It "
            "takes nothing back of the proof above."
        )
        bad = [c for c in report.latest_checks if c.outcome is not CheckOutcome.PASSED]
        yield _check_table(bad, "every check passes")


def _check_table(checks: Sequence[CheckResult], empty: Words) -> Table:
    return Table(
        ("Check", "Host", "Outcome", "What was seen"),
        tuple(
            (
                (Exact(check.id), f" {check.title}"),
                Exact(check.host) if check.host else "all",
                Toned(
                    check.outcome,
                    Tone.GOOD if check.outcome is CheckOutcome.PASSED else Tone.BAD,
                ),
                check.message,
            )
            for check in checks
        ),
        empty=empty,
    )


def _verifications(report: Report) -> Iterator[Block]:
    """A table of all, where there is one that the timeline does not tell in full."""
    told = [report.proof.verification] if report.proof else []
    if list(report.verifications) == told:
        return
    yield Heading(2, "Verifications")
    yield Table(
        ("Began", "Took", "Came to", "Checks"),
        tuple(
            (
                format_moment(one.began),
                format_duration(one.ended - one.began),
                Toned(one.state, Tone.GOOD if one.state == "verified" else Tone.BAD),
                one.message,
            )
            for one in report.verifications
        ),
    )


def _steps(report: Report) -> Iterator[Block]:
    yield Heading(2, "What ran")
    for first, others in group_by_program(report.steps):
        program = CodeBlock(first.payload)
        yield _ran(first)
        yield Folded(f"The program: {program.size}", (program,))
        yield from _said(first)
        for step, values in others:
            yield _ran(step)
            given = (", with ", Exact(values)) if values else ()
            yield Paragraph(("The same program", *given, "."))
            yield from _said(step)


def _ran(step: StepRecord) -> Block:
    how = ""
    if step.exit_status is not None:
        took = f", {step.duration_ms} ms" if step.duration_ms else ""  # 0: nobody measured it
        how = f", exit {step.exit_status}{took}"
    tone = STEP_TONES.get(step.state, Tone.BAD)
    return Heading(
        3,
        (f"Step {step.step} on ", Exact(step.target), ": ", Toned(step.state, tone), how),
    )


def _said(step: StepRecord) -> Iterator[Block]:
    for name, text in (("Output", step.output), ("Errors", step.error_output)):
        if text.strip():
            yield Paragraph(Toned(f"{name}:", Tone.SOFT))
            yield Output(text)


def _span(milliseconds: int | None) -> str:
    return "–" if milliseconds is None else format_duration(timedelta(milliseconds=milliseconds))
