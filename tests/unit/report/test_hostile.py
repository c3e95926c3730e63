"""Every document, every free text of it, every hostile text: it stays text wherever it is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser

import pytest
from rich.cells import cell_len

from remediations.engine.doctor.line import DoctorLine
from remediations.engine.doctor.render_text import doctor_text
from remediations.engine.find.finding import Finding
from remediations.engine.find.render_text import finding_text
from remediations.engine.plan.plan import Plan
from remediations.engine.plan.render_text import plan_text
from remediations.engine.report.html import plan_html, report_html
from remediations.engine.report.markdown import plan_markdown, report_markdown
from remediations.engine.report.report import Report
from remediations.playbooks.chain.discover.proposal import InventoryProposal
from remediations.playbooks.chain.discover.proposal_yaml import proposal_yaml
from tests.hostile import AT, each_hostile, of, record_of
from tests.unit.render import oracle

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xa0\xad\u034f\u061c\u115f\u1160\u180e\u1680\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff\ud800-\udfff\ue000-\uf8ff\u0300-\u036f\u0483-\u0489]"
)
SGR = re.compile(r"\x1b\[[0-9;]*m")

TEXTS: dict[str, Callable[[str, int], str]] = {
    "plan": lambda text, width: plan_text(
        record_of(Plan, of(text)), text, width=width, colour=True
    ),
    "plan whole": lambda text, width: plan_text(
        record_of(Plan, of(text)), text, width=width, colour=True, verbose=True
    ),
    "finding": lambda text, width: finding_text(
        record_of(Finding, of(text)), width=width, colour=True
    ),
    "finding whole": lambda text, width: finding_text(
        record_of(Finding, of(text)), width=width, colour=True, verbose=True
    ),
    "doctor": lambda text, width: doctor_text(
        record_of(tuple[DoctorLine, ...], of(text)), width=width, colour=True, verbose=False
    ),
    "doctor whole": lambda text, width: doctor_text(
        record_of(tuple[DoctorLine, ...], of(text)), width=width, colour=True, verbose=True
    ),
}
PAGES: dict[str, Callable[[str], str]] = {
    "plan": lambda text: plan_html(record_of(Plan, of(text)), text),
    "report": lambda text: report_html(record_of(Report, of(text))),
}
SOURCES: dict[str, Callable[[str], str]] = {
    "plan": lambda text: plan_markdown(record_of(Plan, of(text)), text),
    "report": lambda text: report_markdown(record_of(Report, of(text))),
}


Element = tuple[str, tuple[tuple[str, str | None], ...]]


class Page(HTMLParser):
    """The elements of a page with their attributes, in order, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.said = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


@pytest.mark.parametrize("name", list(TEXTS))
@each_hostile
def test_terminal(text: str, name: str) -> None:
    """Nothing but our colours steers the terminal, nothing hides, and nothing leaves the width."""
    width = 80 if name == "plan whole" else 40
    said = SGR.sub("", TEXTS[name](text, width))
    assert HIDDEN.findall(said) == []
    assert max(cell_len(row.rstrip()) for row in said.split("\n")) <= width


@pytest.mark.parametrize("name", list(PAGES))
@each_hostile
def test_html(text: str, name: str) -> None:
    """The page has the elements and attributes that it has with harmless values: no value is in
    an attribute, and none is markup."""
    source = PAGES[name](text)
    assert HIDDEN.findall(source) == []
    page = Page(source)
    assert structure(page) == harmless_page(name, bool(text.strip()))
    fetching = {"href", "src", "xlink:href", "action", "style", "background", "data", "srcset"}
    assert not [a for _, attributes in page.elements for a, _ in attributes if a in fetching]
    assert not [a for _, attributes in page.elements for a, _ in attributes if a.startswith("on")]


@cache
def harmless_page(name: str, said: bool) -> Counter[Element]:
    """The elements of the page with harmless texts; without any, outputs are left out."""
    return structure(Page(PAGES[name]("word" if said else "")))


@cache
def harmless_source(name: str, said: bool) -> list[tuple[str, str, str]]:
    """The same of the Markdown."""
    return parts(SOURCES[name]("word" if said else ""))


def structure(page: Page) -> Counter[Element]:
    """How often there is which element. Rows of programs and code come and go with the text, and
    points of a plot with its labels."""
    return Counter(
        (tag, tuple((k, v) for k, v in attributes if k not in ("x", "y")))
        for tag, attributes in page.elements
        if tag not in ("span", "code", "em") or (tag == "span" and dict(attributes).get("class"))
    )


@pytest.mark.parametrize("name", list(SOURCES))
@each_hostile
def test_markdown(text: str, name: str) -> None:
    """The document has the parts that it has with harmless values, and nothing in it is live."""
    source = SOURCES[name](text)
    assert HIDDEN.findall(source) == []
    assert oracle.live(source) == []
    assert parts(source) == harmless_source(name, bool(text.strip()))
    outside = re.sub(r"^(`{3,})\w+\n.*?^\1$", "", source, flags=re.DOTALL | re.MULTILINE)
    assert not re.search("<[a-z/!?]", outside, re.IGNORECASE)


def parts(source: str) -> list[tuple[str, str, str]]:
    """The structure but for the outputs of commands, which are left out where they are blank, and
    the note on a program's last line break."""
    source = source.replace("(no line break at the end)\n\n", "")
    return oracle.structure(source)


@each_hostile
def test_proposal(text: str) -> None:
    """What hosts say stays in its comment or its scalar, and is seen there."""
    from ruamel.yaml import YAML

    proposal = record_of(InventoryProposal, lambda number: f"{text}{number}")
    yaml = proposal_yaml(proposal, ssh_config="/etc/ssh", at=AT, next_step="x")
    assert HIDDEN.findall(yaml) == []
    assert list(YAML(typ="safe").load(yaml)) == ["version", "chain", "ssh", "hosts"]


def test_the_page_may_fetch_and_run_nothing() -> None:
    """What a browser would do with a value that got through is forbidden by the page itself."""
    page = Page(PAGES["plan"]("word"))
    (policy,) = (
        attributes["content"]
        for tag, attributes in ((tag, dict(given)) for tag, given in page.elements)
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.split("; ") == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "base-uri 'none'",
        "form-action 'none'",
    ]
