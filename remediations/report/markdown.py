"""A plan and a report as Markdown, for tickets and reviews."""

from __future__ import annotations

from datetime import timedelta

from remediations.model.quorum import percent
from remediations.plan.essence import guard_rows, programs
from remediations.plan.plan import Outcome, Plan, Stage
from remediations.render.printable import printable
from remediations.render.words import clock, moment, span
from remediations.report.report import CommandRecord, Report


def plan_markdown(plan: Plan, digest: str) -> str:
    """The plan: facts, guards, stages with their exact commands, checks."""
    lines = [
        f"# {plan.title}",
        "",
        *_summary(plan, digest),
        *(f"\n> **Warning:** {text}" for text in plan.warnings),
        "",
        f"## Finding\n\n{plan.finding.explanation}",
        "",
        "## Guards",
        "",
        *_guards(plan),
        *(line for stage in plan.stages for line in _stage(stage)),
        "",
        "## Facts that decided",
        "",
        *_table(
            ("Fact", "Value", "May", "Source"),
            [(f.name, f.value, f.rule, f.source) for f in plan.facts],
        ),
        "",
        "## Checks afterwards",
        "",
        *(f"- {c.id} {c.title}" for c in plan.checks),
        "",
    ]
    return printable("\n".join(lines))


def _summary(plan: Plan, digest: str) -> list[str]:
    return _table(
        ("", ""),
        [
            ("Playbook", f"{plan.playbook} / {plan.branch}"),
            ("Chain", f"{plan.chain_id}, {plan.finding.chain} at height {plan.finding.height}"),
            ("Power", f"{plan.finding.online_power} of {plan.finding.total_power} votes"),
            ("Risk", f"{plan.risk}: {plan.worst_case}"),
            ("Observed", f"{moment(plan.observed_at)}, expires {moment(plan.expires_at)}"),
            ("Digest", f"`{digest}`"),
            ("Approvals", f"{plan.approvals_needed} (the planner may be the approver)"),
        ],
    )


def _guards(plan: Plan) -> list[str]:
    return _table(
        ("Guard", "Host", "Outcome", "Got", "Expected", "Next"),
        [
            (
                f"{g.id} {g.title}",
                g.host or "all",
                g.outcome.upper(),
                g.got,
                g.expected,
                "" if g.outcome is Outcome.PASS else g.next_step,
            )
            for g in guard_rows(plan)
        ],
    )


def _stage(stage: Stage) -> list[str]:
    power = stage.power
    lines = [
        "",
        f"## Stage {stage.number}: {stage.title}",
        "",
        f"{stage.why}.",
        "",
        f"Power: {power.before} → at worst {power.worst} → {power.after} of {power.total} "
        f"({percent(power.after, power.total)}). Gate: {stage.gate.title}, at most "
        f"{stage.gate.timeout_s} s.",
    ]
    for command, others in programs(stage.commands):
        lines += [
            "",
            f"On `{command.host}` ({command.operation}, at most "
            f"{command.timeout_s} s, {command.fidelity}):",
            "",
            *_code(command.text),
            "",
            f"Undo: {command.undo}",
        ]
        if others:
            lines += ["", f"On {len(others)} more hosts, the same program with:", ""]
            lines += _table(("Host", "Values"), [(c.host, f"`{own}`") for c, own in others])
    return lines


def report_markdown(report: Report) -> str:
    """The report: what happened, what ran, what was checked."""
    lines = [
        f"# {report.plan.playbook} on {report.plan.chain_id}: {report.state}",
        "",
        *_table(
            ("", ""),
            [
                ("Run", report.run),
                ("Plan", f"{report.plan.title} (`{report.digest}`)"),
                ("Halted for", _span(report.halted_ms)),
                ("From apply to the next block", _span(report.apply_to_block_ms)),
                (
                    "Approved by",
                    "; ".join(f"{a.principal} ({a.key_fingerprint})" for a in report.approvals)
                    or "nobody",
                ),
            ],
        ),
        "",
        "## Timeline",
        "",
        *_table(
            ("Time", "What", "Detail"),
            [
                (clock(e.at), e.what if e.good else f"**{e.what}**", e.detail)
                for e in report.timeline
            ],
        ),
        "",
        "## Checks",
        "",
        *_table(
            ("Check", "Host", "Outcome", "What was seen"),
            [(f"{c.id} {c.title}", c.host or "all", c.outcome, c.message) for c in report.checks],
        ),
        "",
        "## Commands",
    ]
    for first, others in programs(report.commands):
        lines += [*_ran(first), *_code(first.text), *_said(first)]
        for command, own in others:
            with_ = f", with `{own}`" if own else ""
            lines += [*_ran(command), f"The same program{with_}.", *_said(command)]
    lines += [
        "",
        "---",
        "",
        "# The plan",
        "",
        plan_markdown(report.plan, report.digest).replace("\n## ", "\n### "),
    ]
    return printable("\n".join(lines))


def _ran(command: CommandRecord) -> list[str]:
    how = f"{command.state}"
    if command.exit_status is not None:
        how += f", exit {command.exit_status}, {command.duration_ms} ms"
    return ["", f"### Stage {command.stage}, `{command.host}`: {how}", ""]


def _said(command: CommandRecord) -> list[str]:
    lines = []
    for name, text in (("stdout", command.output), ("stderr", command.error_output)):
        if text.strip():
            lines += ["", f"{name}:", "", *_code(text, "text")]
    return lines


def _span(milliseconds: int | None) -> str:
    return "–" if milliseconds is None else span(timedelta(milliseconds=milliseconds))


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """A pipe table; cells lose their line breaks and escape their pipes."""

    def row(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return [row(header), "|" + " --- |" * len(header), *(row(cells) for cells in rows)]


def _code(text: str, language: str = "sh") -> list[str]:
    """A fenced block, with a fence longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return [f"{fence}{language}", text.rstrip("\n"), fence]
