"""The pages of the documentation: their blocks, the commands in them, their headings and links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUNDLE = "./remediate.pyz"
PROGRAMS = ("remediate", BUNDLE, "pyinfra", "make")
BEFORE = ("do", "then", "else", "if", "while", "until", "!", "time", "sudo", "exec")
"""Words of a shell after which a command begins."""
SHELL = ("sh", "text")
"""Blocks that may hold commands: a script, or a screen on which commands follow `$ `."""

_BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    language: str
    text: str


@dataclass(frozen=True)
class Written:
    """A command as somebody would type it, and what the page shows of its output."""

    page: str
    words: tuple[str, ...]
    shown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


@cache
def pages() -> dict[str, str]:
    """Every page by its path in the project."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(found)}


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(page, language, text) for language, text in _BLOCK.findall(pages()[page])]


def prose(page: str) -> str:
    """A page without its blocks."""
    return _BLOCK.sub("", pages()[page])


def inline(page: str) -> list[str]:
    """What stands in single back-ticks outside of blocks."""
    return _INLINE.findall(prose(page))


def links(page: str) -> list[str]:
    """Where the links of a page lead, except to other sites."""
    return [link for link in _LINK.findall(prose(page)) if "://" not in link]


def anchors(page: str) -> set[str]:
    """The names under which a page's headings are linked to, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
        for title in _HEADING.findall(prose(page))
    }


def written() -> list[Written]:
    """Every command in every block, in the order of the pages."""
    return [
        command
        for page in pages()
        for block in blocks(page)
        if block.language in SHELL
        for command in commands(block)
    ]


def commands(block: Block) -> Iterator[Written]:
    """The commands of a block that are ours, those within `$(…)` and `<(…)` too."""
    screen = block.language == "text"
    lines = block.text.replace("\\\n", " ").split("\n")
    for number, line in enumerate(lines):
        if screen and not line.startswith("$ "):
            continue
        shown = _until_the_next(lines[number + 1 :]) if screen else ()
        for words in typed(line.removeprefix("$ ")):
            yield Written(block.page, tuple(words), shown)


def typed(line: str) -> Iterator[list[str]]:
    """What a line of shell runs, of the programs whose command lines are known here."""
    for inner in _SUBSTITUTION.findall(line):
        yield from typed(inner)
    lexer = shlex.shlex(_SUBSTITUTION.sub("SUBSTITUTED", line), posix=True, punctuation_chars=True)
    lexer.wordchars += "@…,:[]{}%"
    words: list[str] = []
    redirected = False
    for word in [*lexer, ";"]:
        if set(word) <= set("();<>|&"):
            redirected = word in ("<", ">", ">>")
            if not redirected:
                if words and words[0] in PROGRAMS:
                    yield _as_installed(words)
                words = []
        elif redirected:
            redirected = False
        elif words or not (_ASSIGNMENT.fullmatch(word) or word in BEFORE):
            words.append(word)


def _as_installed(words: list[str]) -> list[str]:
    """The one file of `make bundle` is all programs: what it is given tells which one is meant."""
    if words[0] != BUNDLE:
        return words
    return ["pyinfra" if words[1].startswith("@") else "remediate", *words[1:]]


def _until_the_next(lines: list[str]) -> tuple[str, ...]:
    shown = []
    for line in lines:
        if line.startswith("$ "):
            break
        shown.append(line)
    return tuple(shown)
