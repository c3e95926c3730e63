"""The HTML pages: one file each, no script, nothing fetched, whatever hosts are called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.apply.look import Sight
from remediations.engine.plan.plan import Plan
from remediations.engine.report.html import plan_html, report_html
from remediations.engine.report.report import Report
from remediations.playbooks.chain.baseline import ChainNodes
from tests import worlds
from tests.unit.plan.cases import DIGEST, missing, plan_of, quorum_lost
from tests.unit.render.golden import same_as_golden
from tests.unit.report.journal import report
from tests.worlds import healthy

GOLDEN = Path(__file__).parent / "golden"
LIMIT = 300_000
NASTY = "<script>alert('&')</script>"


def of_many() -> Plan:
    """A plan for 100 validators, 40 of which are started with programs of 120 lines."""
    hosts = [f"val{i}" for i in range(1, 41)]
    plan = plan_of(missing(healthy((10,) * 100), *hosts))
    (stage,) = plan.stages
    long = tuple(replace(c, payload=c.payload + "true # a line\n" * 120) for c in stage.steps)
    return replace(plan, stages=(replace(stage, steps=long),))


def pages() -> dict[str, str]:
    return {
        "plan": plan_html(plan_of(quorum_lost()), DIGEST),
        "report": report_html(report()),
        "stopped": report_html(report(good=False)),
    }


@pytest.mark.parametrize("name", ["plan", "report", "stopped"])
def test_page_is_golden(name: str) -> None:
    """The page is what it was when somebody last looked at it."""
    same_as_golden(GOLDEN / f"{name}.html", pages()[name])


@pytest.mark.parametrize("name", ["plan", "report", "stopped"])
def test_page_needs_no_other_file(name: str) -> None:
    """No script, nothing fetched from anywhere, small."""
    page = pages()[name]
    assert "<script" not in page
    assert re.search(r"((src|href)=|@import|url\()", page) is None
    attributes = re.findall(r'<[^>]*"(https?://[^"]*)"', page)
    assert attributes in ([], ["http://www.w3.org/2000/svg"] * 3)
    assert len(page.encode()) < LIMIT


def test_hundred_validators_stay_small() -> None:
    """A program that many hosts run stands in the page once, with the values of each host."""
    plan = of_many()
    page = plan_html(plan, DIGEST)
    addresses = {node.host: node.address for node in plan.part(ChainNodes).nodes}
    assert len(page.encode()) < LIMIT
    assert page.count("<span>true # a line\n</span>" * 120) == 1
    for host in plan.targets[1:]:
        assert f"<td><code>{host}</code></td><td><code>" in page
        assert f"address={addresses[host]}" in page


def nasty() -> Report:
    """A report in which host names, moods and outputs want to be markup."""
    good = report()
    subject = replace(good.plan.finding.subjects[0], name=NASTY, cause=NASTY)
    finding = replace(good.plan.finding, subjects=(subject,), explanation=NASTY)
    samples = []
    for sample in good.samples:
        points = tuple(
            replace(p, series=f"{NASTY}{p.series}", subject=f"{NASTY}{p.subject}")
            for p in sample.sight.points
        )
        marks = tuple(
            replace(m, series=f"{NASTY}{m.series}", label=NASTY) for m in sample.sight.marks
        )
        samples.append(replace(sample, sight=Sight(headline=NASTY, points=points, marks=marks)))
    step = replace(good.steps[0], target=NASTY, output=NASTY, payload=NASTY)
    return replace(
        good,
        run=NASTY,
        plan=replace(good.plan, title=NASTY, finding=finding),
        samples=tuple(samples),
        steps=(step,),
        timeline=tuple(replace(e, what=NASTY, detail=NASTY) for e in good.timeline),
        checks=tuple(replace(c, message=NASTY) for c in good.checks),
    )


def test_markup_in_names_is_text() -> None:
    """Whatever comes from hosts is escaped, in tables and in plots."""
    page = report_html(nasty())
    assert "<script" not in page
    assert "&lt;script&gt;alert(" in page
    assert page.count("&lt;script&gt;") > 20


def test_unseen_outcome_is_shown() -> None:
    """Where no check ran, the page says how to run them."""
    assert "remediate verify 20261125-120100-inc-001-e9fcfc74" in pages()["stopped"]


def test_blocked_plan_shows_what_is_next() -> None:
    """Each guard that does not pass stands with its next step."""
    world = worlds.configured(quorum_lost(), "val1", adaptive_sync=True)
    page = plan_html(replace(plan_of(quorum_lost()), guards=()), DIGEST)
    assert "Next:" not in page
    blocked = plan_of(world)
    told = plan_html(blocked, DIGEST).count('<span class="strong">Next:</span>')
    assert told == len(blocked.blocked) > 0
