"""A plan and a report as one HTML file each: no script, nothing fetched, any colour scheme."""

from __future__ import annotations

from datetime import timedelta

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from remediations.model.quorum import percent
from remediations.plan.essence import guard_rows, programs
from remediations.plan.plan import Plan
from remediations.render.printable import printable
from remediations.render.words import clock, moment, short, span
from remediations.report.plot import heights_plot, power_plot
from remediations.report.report import Report


def plan_html(plan: Plan, digest: str) -> str:
    """The plan as a page of its own."""
    return printable(_environment().get_template("plan.html").render(plan=plan, digest=digest))


def report_html(report: Report) -> str:
    """The report as a page of its own, with both plots."""
    # The SVG is ours: numbers, and names that `plot` has escaped.
    page = (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            plan=report.plan,
            digest=report.digest,
            heights=Markup(heights_plot(report.samples)),  # noqa: S704
            power=Markup(power_plot(report.samples)),  # noqa: S704
        )
    )
    return printable(page)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("remediations.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, moment=moment, short=short, milliseconds=_milliseconds)
    environment.globals.update(percent=percent, programs=programs, guard_rows=guard_rows)
    return environment


def _milliseconds(value: int | None) -> str:
    return "–" if value is None else span(timedelta(milliseconds=value))
