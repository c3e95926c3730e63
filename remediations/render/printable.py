r"""Text from a file or a host, made safe to read: whatever deceives is shown as its code point.

A character that steers the terminal, turns the direction of writing, takes no room, or passes for
another one is written `\u{202e}`. That is evidence, and it cannot be forged: a backslash before
`u{` in the text itself is written `\u{5c}`, so two different texts never look the same.

Two rules, by what the text is for (compare UTS #39, "Unicode Security Mechanisms"):

- What *identifies or runs* (`Exact`, and programs) is shown in ASCII only.
- *Prose* keeps Latin letters, with their accents, and the punctuation that our own sentences use.
  Letters of other scripts are shown as code points even where a whole word is of one script: most
  of the Latin alphabet can be written in Cyrillic letters alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, name, normalize

PUNCTUATION = frozenset("–…·→↳─")
"""What our own sentences and drawings use beside ASCII and letters, and prose may hold as it is."""

_LATIN = frozenset("ßæœøđłðþÆŒØĐŁÐÞ")
"""Latin letters of living orthographies that have no accent to decompose."""
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\\(?=u\{)")
_NOT_EXACT = re.compile(r"[^\x20-\x7e]|\\(?=u\{)|^ | $|(?<= ) ")
_ROOM = 40
"""So many blanks may stand in a row of a program; more would push what follows out of sight."""
_NOT_PROGRAM = re.compile(rf"[^\x20-\x7e]|\\(?=u\{{)| {{{_ROOM + 1},}}")


class Exact(str):
    """A text that identifies or runs something: a host, a principal, a digest, a path, a unit, a
    command. It is shown in ASCII only, and every blank of it is seen.

    The value itself is not changed; whoever shows it looks at the type. Joined to another text it
    becomes prose, which is shown safely too.
    """

    __slots__ = ()


def printable_line(text: str) -> str:
    """`text` on one line, by the rule that is right for it."""
    return ascii_line(text) if isinstance(text, Exact) else one_line(text)


def ascii_line(text: str) -> str:
    """`text` in ASCII on one line. Blanks at its ends, and each after another, are shown too:
    HTML and Markdown would drop them."""
    return _NOT_EXACT.sub(_escape, text)


def one_line(text: str) -> str:
    """Prose on one line: a value may not look like the next label."""
    return printable(text).replace("\n", r"\u{a}").replace("\t", r"\u{9}")


def printable(text: str) -> str:
    """Prose of one or more lines; line feeds and tabs are kept."""
    text = _STEERING.sub(_escape, text)
    if text.isascii():
        return text
    return "".join(char if char == "\n" or _is_prose(char) else _escaped(char) for char in text)


def program_lines(text: str) -> tuple[str, ...]:
    """The rows of a program, in ASCII. Tabs, blanks at the end of a row, and blanks that would push
    the rest out of sight are shown. A last row without a line break has to be told beside it."""
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()
    return tuple(map(_program_row, rows))


def _program_row(row: str) -> str:
    text = row.rstrip(" ")
    return _NOT_PROGRAM.sub(_seen, text) + _escaped(" ") * (len(row) - len(text))


def _seen(match: re.Match[str]) -> str:
    """A character as its code point; of a run of blanks only those that are too many."""
    blanks = match[0].count(" ")
    return " " * _ROOM + _escaped(" ") * (blanks - _ROOM) if blanks else _escape(match)


def escape_controls(text: str) -> str:
    """`text` without anything that steers or hides, for output that was made safe before: the
    last line of defence, which leaves escapes as they are."""
    if text.isascii():
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", _escape, text)
    return "".join(char if char == "\n" or _is_prose(char) else _escaped(char) for char in text)


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


@lru_cache(maxsize=8192)
def _is_prose(char: str) -> bool:
    """Whether prose may hold it as it is: ASCII, our punctuation, a letter that is a Latin one with
    its accents and is not another way to write something else."""
    if char.isascii():
        return char.isprintable() or char == "\t"
    if char in PUNCTUATION or char in _LATIN:
        return True
    return (
        category(char) in ("Lu", "Ll")
        and name(char, "").startswith("LATIN ")
        and normalize("NFD", char)[0].isascii()
        and normalize("NFKC", char) == char
    )
