"""The rules that `explain` shows: how a page of rules is read, all entries, and lookup by name.

An entry is a heading with the id alone, so that its link (`docs/rules/guards.md#g29`) survives a
better title; then the title, then a list of labelled parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from remediations.files.shipped import shipped_path

_ENTRY = re.compile(r"^## (\S+)\n\n(.+)\n\n((?:- .+\n(?:  .+\n)*)+)", re.MULTILINE)
_PART = re.compile(r"^- \*\*([\w ]+):\*\* (.+(?:\n  .+)*)", re.MULTILINE)
_EXIT_CODE = re.compile(r"^\| ([0-9]+) \| ([a-z_]+) \| (.+) \| (.+) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_EMPHASIS = re.compile(r"(?<![*\w])\*([^*`\n]+)\*(?![*\w])")


class RuleKind(StrEnum):
    """What an entry explains."""

    GUARD = "guard"
    CHECK = "check"
    CLASS = "class"
    CONDITION = "condition"
    HAZARD = "hazard"
    STATE = "state"
    EXIT_CODE = "exit code"


@dataclass(frozen=True, kw_only=True)
class RulePart:
    """One labelled paragraph; the label is "says", "compares with", "fails when", "why", "seen",
    "do" or "unknown"."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RuleEntry:
    """One rule. `names` are the words under which it is found, `page` is its place in the
    project."""

    kind: RuleKind
    id: str
    title: str
    names: tuple[str, ...]
    page: str
    parts: tuple[RulePart, ...]


def parse_rules(kind: RuleKind, page: str, text: str) -> Iterator[RuleEntry]:
    """The entries of a page, in order."""
    for name, title, parts in _ENTRY.findall(text):
        yield RuleEntry(
            kind=kind,
            id=name,
            title=_plain(title),
            names=(name,),
            page=f"{page}#{name.lower()}",
            parts=tuple(
                RulePart(label=label.lower(), text=_plain(said))
                for label, said in _PART.findall(parts)
            ),
        )


def parse_exit_codes(page: str, text: str) -> Iterator[RuleEntry]:
    """The rows of the table of exit codes. Each is found by its number and by its name."""
    for code, name, meaning, changed in _EXIT_CODE.findall(text):
        yield RuleEntry(
            kind=RuleKind.EXIT_CODE,
            id=code,
            title=name,
            names=(code, name),
            page=page,
            parts=(
                RulePart(label="says", text=_plain(meaning)),
                RulePart(label="changed", text=_plain(changed)),
            ),
        )


def _plain(text: str) -> str:
    """Markdown as plain text. Of a link to another site the address is kept, of others the
    words."""
    return _EMPHASIS.sub(r"\1", _LINK.sub(_shown, " ".join(text.split())))


def _shown(link: re.Match[str]) -> str:
    words, target = link.groups()
    if "://" not in target:
        return words
    return target if words in target else f"{words} <{target}>"


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
        UsageError: a page is missing from this installation.
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
    """The entries of that name, in any case: a class and a condition may share a name. They are
    looked up in `among`, or in our own entries if that is None."""
    key = _key(word)
    all_ = rule_entries() if among is None else among
    return tuple(entry for entry in all_ if key in map(_key, entry.names))


def similar_names(word: str) -> tuple[str, ...]:
    """Names that are similar to `word`, the closest first."""
    from difflib import get_close_matches

    names = {_key(name): name for entry in rule_entries() for name in entry.names}
    return tuple(names[key] for key in get_close_matches(_key(word)[:_LONGEST], names, n=4))


def _key(name: str) -> str:
    """The form in which names are compared: screens have capitals, JSON has underscores."""
    return name.casefold().replace("_", "-")
