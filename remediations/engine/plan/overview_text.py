"""What could be done now, as a document for text and Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from remediations.engine.plan.applicable import first_line
from remediations.engine.plan.document import impact_words
from remediations.engine.plan.overview import PlanOverview, PossibleBranch, ProposedChange
from remediations.engine.plan.plan import VALID_FOR
from remediations.render.document import (
    Block,
    Document,
    Heading,
    Labelled,
    Output,
    Paragraph,
    Table,
    Tone,
    Toned,
    Words,
    exact_names,
)
from remediations.render.formats import count_of, format_observed
from remediations.render.printable import Exact


def overview_document(overview: PlanOverview, now: datetime) -> Document:
    """First what can be done, each with what one chooses by; then what cannot, and why. `now` says
    how old it is: a plan made from this observation has expired where it is too old."""
    old = now >= overview.observed_at + VALID_FOR
    return (
        *first_line("what was observed is too old for a plan, read again" if old else ""),
        Heading(1, _title(overview)),
        *(
            Paragraph((Toned(one.verdict.upper(), Tone.STRONG), f": {one.headline}"))
            for one in overview.domains
        ),
        Paragraph(
            f"Observed {format_observed(overview.observed_at, now)}. "
            "Nothing was changed, no run was made."
        ),
        *(block for one in overview.fitting for block in _fitting(one)),
        *_others(overview),
    )


def _title(overview: PlanOverview) -> str:
    able = [one for one in overview.fitting if one.change is not None and not one.change.refused]
    if not overview.fitting:
        return "no branch of any playbook fits"
    fit = "fits" if len(overview.fitting) == 1 else "fit"
    refused = len(overview.fitting) - len(able)
    more = f", {refused} of them refused by guards" if refused else ""
    return f"{count_of(len(overview.fitting), 'branch', 'branches')} {fit}{more}"


def _fitting(one: PossibleBranch) -> Iterator[Block]:
    change = one.change
    assert change is not None
    cannot = Toned("REFUSED ", Tone.BAD)
    first: tuple[str | Toned, ...] = (cannot,) if change.refused else ()
    yield Heading(2, (*first, Exact(one.playbook), " / ", Exact(one.branch), f": {one.title}"))
    yield Labelled(tuple(_rows(one, change)))
    yield Output(one.next_step)


def _rows(one: PossibleBranch, change: ProposedChange) -> Iterator[tuple[str, Words]]:
    if one.chosen:
        yield "Chosen", ("by ", Exact(f"remediate plan {one.playbook}"), " without --branch")
    yield "Does", change.title
    on = count_of(len(change.targets), "target")
    yield "On", (f"{on} in {count_of(change.stages, 'stage')}: ", *exact_names(change.targets))
    yield "Risk", f"{change.risk}: {change.worst_case}"
    for impact in change.impacts:
        yield impact.measure.capitalize(), impact_words(impact)
    taken = str(change.measured) if change.measured is not None else "not measured"
    yield "Takes", f"{taken}; its gates wait at most {count_of(change.gates_s, 'second')}"
    yield "Needs", "one approval" if not change.refused else "first what its guards say"
    for guard in change.refused:
        subject = f" {guard.subject}" if guard.subject else ""
        yield (
            f"Guard {guard.id}{subject}",
            (
                Toned(guard.outcome.upper(), Tone.BAD),
                f" got {guard.got}; expected {guard.expected}; ",
                f"next: {guard.next_step}",
            ),
        )
    if not change.refused:
        yield "Guards", f"all {change.guards} pass"
    for warning in change.warnings:
        yield "Warning", warning
    for given in one.inputs:
        yield "May take", given


def _others(overview: PlanOverview) -> Iterator[Block]:
    rows = tuple(
        (Exact(f"{one.playbook} / {one.branch}"), one.why_not)
        for one in overview.branches
        if one.change is None
    )
    if rows:
        yield Heading(2, f"{count_of(len(rows), 'branch', 'branches')} not now")
        yield Table(("Branch", "Because"), rows)
