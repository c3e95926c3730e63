"""All entries, and which of them a word means."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from remediations.engine.rules.entry import Entry, Kind, entries_of, exit_codes_of
from remediations.files.shipped import shipped

EXIT_CODES = "docs/exit-codes.md"
PAGES: dict[Kind, str] = {
    Kind.GUARD: "docs/rules/guards.md",
    Kind.CHECK: "docs/rules/checks.md",
    Kind.CLASS: "docs/rules/classes.md",
    Kind.CONDITION: "docs/rules/conditions.md",
    Kind.HAZARD: "docs/rules/hazards.md",
    Kind.STATE: "docs/rules/states.md",
}
_LONGEST = 40
"""Characters of an unknown word that are compared: no id is longer."""


@cache
def entries() -> tuple[Entry, ...]:
    """Every entry, page by page.

    Raises:
        UsageError: this installation lacks a page.
    """
    found = [
        entry
        for kind, page in PAGES.items()
        for entry in entries_of(kind, page, shipped(page).read_text(encoding="utf-8"))
    ]
    return (*found, *exit_codes_of(EXIT_CODES, shipped(EXIT_CODES).read_text(encoding="utf-8")))


def meant_by(word: str, among: Iterable[Entry] | None = None) -> tuple[Entry, ...]:
    """The entries called so, in whatever case: a class and a condition may share a name. `among`
    others than ours, where they are given."""
    key = _key(word)
    all_ = entries() if among is None else among
    return tuple(entry for entry in all_ if key in map(_key, entry.names))


def close_to(word: str) -> tuple[str, ...]:
    """Names that `word` may have been meant to be, the closest first."""
    from difflib import get_close_matches

    names = {_key(name): name for entry in entries() for name in entry.names}
    return tuple(names[key] for key in get_close_matches(_key(word)[:_LONGEST], names, n=4))


def _key(name: str) -> str:
    """Screens write classes in capitals, and JSON writes not_verified."""
    return name.casefold().replace("_", "-")
