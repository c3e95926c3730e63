"""Every defence of the threat model names a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "docs" / "threat-model.md"
_NAMED = re.compile(r"`((?:unit|lab|property)/\w[\w/]*\.py)?(?:::(\w+))?`")


def named() -> list[tuple[Path, str]]:
    """Every file that the page names, with the test in it, "" for all; `::test` is of the file
    before it."""
    found: list[tuple[Path, str]] = []
    for match in _NAMED.finditer(PAGE.read_text()):
        if match[1] or match[2]:
            file = TESTS / match[1] if match[1] else found[-1][0]
            found.append((file, match[2] or ""))
    return found


def test_each_named_test_is_there() -> None:
    missing = [
        f"{file.relative_to(TESTS)}::{name}"
        for file, name in named()
        if not file.is_file() or not re.search(rf"^ *(def|class) {name}\b", file.read_text(), re.M)
        if name or not file.is_file()
    ]
    assert missing == []
    assert len(named()) > 50


def test_each_defence_names_one() -> None:
    """The last cell of a row says by which test it is held, or that it is the one above."""
    rows = [line for line in PAGE.read_text().splitlines() if line.count("|") == 4]
    held = [row.split("|")[3].strip() for row in rows if "---" not in row]
    unheld = [c for c in held if c not in ("test", "the same") and not _NAMED.search(c)]
    assert unheld == []
