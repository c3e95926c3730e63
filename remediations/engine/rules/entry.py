"""One entry of a page of rules, and how a page is read.

An entry is a heading with the id alone, so that its link (`docs/rules/guards.md#g29`) outlives a
better title; then the title, then a list of parts, each with its label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_ENTRY = re.compile(r"^## (\S+)\n\n(.+)\n\n((?:- .+\n(?:  .+\n)*)+)", re.MULTILINE)
_PART = re.compile(r"^- \*\*(\w+):\*\* (.+(?:\n  .+)*)", re.MULTILINE)
_EXIT_CODE = re.compile(r"^\| ([0-9]+) \| ([a-z_]+) \| (.+) \| (.+) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_EMPHASIS = re.compile(r"(?<![*\w])\*([^*`\n]+)\*(?![*\w])")


class RuleKind(StrEnum):
    """What an entry is about."""

    GUARD = "guard"
    CHECK = "check"
    CLASS = "class"
    CONDITION = "condition"
    HAZARD = "hazard"
    STATE = "state"
    EXIT_CODE = "exit code"


@dataclass(frozen=True, kw_only=True)
class RulePart:
    """One labelled paragraph: "says", "why", "seen", "do", "unknown"."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RuleEntry:
    """One rule. `names` are the words by which it is found, `page` its place in the project."""

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
    """The rows of the table of exit codes, each found by its number and by its name."""
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
    """Markdown as a sentence: links to other sites are shown, those within the pages are words."""
    return _EMPHASIS.sub(r"\1", _LINK.sub(_shown, " ".join(text.split())))


def _shown(link: re.Match[str]) -> str:
    words, target = link.groups()
    if "://" not in target:
        return words
    return target if words in target else f"{words} <{target}>"
