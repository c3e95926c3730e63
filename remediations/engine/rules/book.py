"""All entries, and which of them a word means."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from remediations.engine.rules.entry import RuleEntry, RuleKind, parse_exit_codes, parse_rules
from remediations.files.shipped import shipped_path

EXIT_CODES = "docs/exit-codes.md"
PAGES: dict[RuleKind, str] = {
    RuleKind.GUARD: "docs/rules/guards.md",
    RuleKind.CHECK: "docs/rules/checks.md",
    RuleKind.CLASS: "docs/rules/classes.md",
    RuleKind.CONDITION: "docs/rules/conditions.md",
    RuleKind.HAZARD: "docs/rules/hazards.md",
    RuleKind.STATE: "docs/rules/states.md",
}
_LONGEST = 40
"""Characters of an unknown word that are compared: no id is longer."""


@cache
def rule_entries() -> tuple[RuleEntry, ...]:
    """Every entry, page by page.

    Raises:
        UsageError: this installation lacks a page.
    """
    found = [
        entry
        for kind, page in PAGES.items()
        for entry in parse_rules(kind, page, shipped_path(page).read_text(encoding="utf-8"))
    ]
    return (
        *found,
        *parse_exit_codes(EXIT_CODES, shipped_path(EXIT_CODES).read_text(encoding="utf-8")),
    )


def find_rules(word: str, among: Iterable[RuleEntry] | None = None) -> tuple[RuleEntry, ...]:
    """The entries called so, in whatever case: a class and a condition may share a name. `among`
    others than ours, where they are given."""
    key = _key(word)
    all_ = rule_entries() if among is None else among
    return tuple(entry for entry in all_ if key in map(_key, entry.names))


def similar_names(word: str) -> tuple[str, ...]:
    """Names that `word` may have been meant to be, the closest first."""
    from difflib import get_close_matches

    names = {_key(name): name for entry in rule_entries() for name in entry.names}
    return tuple(names[key] for key in get_close_matches(_key(word)[:_LONGEST], names, n=4))


def _key(name: str) -> str:
    """Screens write classes in capitals, and JSON writes not_verified."""
    return name.casefold().replace("_", "-")
