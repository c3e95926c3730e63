"""A plan and a report as one HTML file each: no script, nothing fetched, any colour scheme."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from remediations.engine.plan.document import plan_document
from remediations.engine.plan.plan import Plan
from remediations.engine.report.document import report_document
from remediations.engine.report.report import Report
from remediations.render.document import (
    NO_LINE_BREAK,
    CodeBlock,
    Document,
    Figure,
    Output,
    Toned,
    word_parts,
)
from remediations.render.formats import name_some, short_digest
from remediations.render.printable import Exact, printable, printable_line, program_lines


def plan_html(plan: Plan, digest: str, change: str = "", cannot: str = "") -> str:
    """The plan as a page of its own. `change` is its change digest, `cannot` why it cannot be
    applied."""
    document = plan_document(plan, digest, change=change, cannot=cannot)
    return page(f"Plan {short_digest(digest)}: {plan.title}", document)


def report_html(report: Report) -> str:
    """The report as a page of its own, with its plots."""
    title = f"{report.plan.playbook} on {name_some(report.plan.resources)}: {report.state}"
    return page(title, report_document(report))


def page(title: str, document: Document) -> str:
    """Any document as a page of its own."""
    return _environment().get_template("page.html").render(title=title, document=document)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("remediations.engine.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters.update(
        kind=lambda block: type(block).__name__.lower(),
        parts=word_parts,
        rows=_rows,
        text_of=_text_of,
        drawing=_drawing,
    )
    environment.tests.update(
        exact=lambda part: isinstance(part, Exact), toned=lambda part: isinstance(part, Toned)
    )
    environment.globals.update(no_line_break=NO_LINE_BREAK)
    return environment


def _finalized(value: object) -> object:
    """What every `{{ … }}` passes before it is escaped: no template can forget to ask for it."""
    return (
        printable_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )


def _rows(program: CodeBlock) -> list[Markup]:
    return [Markup.escape(row) for row in program_lines(program.text)]


def _text_of(output: Output) -> Markup:
    return Markup.escape(printable(output.text))


def _drawing(figure: Figure) -> Markup:
    return Markup(figure.svg)  # noqa: S704 - numbers and our own words, and names escaped by `plot`
