"""Every link leads somewhere, every exit code is one, every page can be found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remediations.errors import ExitCode
from tests.unit.docs.pages import ROOT, anchors, links, pages, prose

ROW = re.compile(r"^\| ([0-9]+) \| ([a-z_]+) \|", re.MULTILINE)
MENTIONED = re.compile(r"\b[Ee]xit (?:code )?([0-9]+)(?:(?:,| or| and) ([0-9]+))*")


@pytest.mark.parametrize("page", pages())
def test_every_link_leads_somewhere(page: str) -> None:
    """The file exists, and the heading in it."""
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), f"{page}: no {link}"
        if anchor:
            known = anchors(str(target.resolve().relative_to(ROOT)))
            assert anchor in known, f"{page}: {link} is none of {sorted(known)}"


@pytest.mark.parametrize("page", pages())
def test_every_exit_code_that_is_named_is_one(page: str) -> None:
    """`exit 5` means one of ours."""
    named = [int(code) for found in MENTIONED.findall(prose(page)) for code in found if code]
    assert set(named) <= {int(code) for code in ExitCode}


def test_the_table_of_exit_codes_is_whole() -> None:
    """Code and name, as they are printed with --json, in order."""
    rows = ROW.findall(pages()["docs/exit-codes.md"])
    assert rows == [(str(int(code)), code.name.lower()) for code in ExitCode]


def test_every_page_is_linked() -> None:
    """From the README, or from a page that is linked there."""
    linked = {
        (Path(page).parent / link.partition("#")[0]).as_posix()
        for page in pages()
        for link in links(page)
    }
    linked = {str((ROOT / name).resolve().relative_to(ROOT)) for name in linked}
    own = {page for page in pages() if page.startswith("docs/") and "/adr/" not in page}
    assert own <= linked
