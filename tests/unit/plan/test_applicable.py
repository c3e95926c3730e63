"""A plan that cannot be applied says so in its first line, in every form."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from remediations.engine.plan.applicable import why_not
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.render_text import plan_text
from remediations.engine.plan.review import review_markdown
from remediations.engine.report.html import plan_html
from remediations.engine.report.markdown import plan_markdown
from tests.unit.plan.cases import plan_of, quorum_lost, wrong_clock

GOOD, BLOCKED = plan_of(quorum_lost()), plan_of(wrong_clock(quorum_lost(), "val1"))
LATER = GOOD.expires_at + timedelta(seconds=1)
SOON = GOOD.observed_at + timedelta(seconds=1)


def body(page: str) -> str:
    """The first paragraph or title of a page."""
    inner = page.partition("<body>")[2]
    first = re.split(r"</(?:p|h1)>", inner)[0]
    return " ".join(re.sub(r"<[^>]+>", " ", first).split())


FORMS: dict[str, Callable[[Plan, str], str]] = {
    "Markdown": lambda plan, why: plan_markdown(plan, plan_digest(plan), "", why),
    "review": lambda plan, why: review_markdown(plan, plan_digest(plan), "", why),
    "HTML": lambda plan, why: body(plan_html(plan, plan_digest(plan), "", why)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("why", ["", "it has expired"])
def test_documents(form: str, why: str) -> None:
    """Guards are known to the plan; the rest is told by who reads it."""
    first = FORMS[form](BLOCKED, why).splitlines()[0]
    assert "cannot be applied" in first
    assert why in first or "G37" in first
    told = FORMS[form](GOOD, why).splitlines()[0]
    assert ("cannot be applied: it has expired" in told) == bool(why)


@pytest.mark.parametrize("verbose", [False, True])
def test_text(verbose: bool) -> None:
    """In the first line of 80 columns."""

    def first(plan: Plan, now: datetime | None = None, applied: datetime | None = None) -> str:
        made = partial(plan_text, plan, plan_digest(plan), width=80, colour=False)
        text = made(verbose=verbose, now=now, applied=applied)
        return " ".join(text.splitlines()[:2]).lower()

    assert "cannot be applied: 1 guard of" in first(BLOCKED)
    assert "g37" in first(BLOCKED)
    assert "cannot be applied: it has expired" in first(GOOD, now=LATER)
    assert "cannot be applied: it was applied" in first(GOOD, now=SOON, applied=SOON)
    assert "cannot" not in first(GOOD, now=SOON)


def test_what_decides() -> None:
    """Guards first: such a plan never had a run."""
    assert why_not(GOOD) == ""
    assert why_not(GOOD, SOON) == ""
    assert why_not(BLOCKED, LATER, SOON).endswith("refuses it: G37")
    assert why_not(GOOD, LATER, SOON).startswith("it was applied")
