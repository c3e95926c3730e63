r"""Makes text from a file or a host safe to read: deceptive characters are shown as code points.

A character that controls the terminal, changes the direction of writing, has no width, or looks
like another one is written `\u{202e}`. This cannot be forged: a backslash before `u{` in the text
itself is written `\u{5c}`, so two different texts never look the same.

There are two rules, depending on the purpose of the text (compare UTS #39, "Unicode Security
Mechanisms"):

- Text that *identifies or runs* something (`Exact`, and programs) is shown in ASCII only.
- *Prose* keeps Latin letters with accents, and the punctuation that our own sentences use. Letters
  of other scripts are shown as code points, even if a whole word is in one script: most of the
  Latin alphabet can be imitated with Cyrillic letters alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, name, normalize

PUNCTUATION = frozenset("–…·→↳─")
"""Characters besides ASCII and letters that our own texts use, and that prose may contain."""

_LATIN = frozenset("ßæœøđłðþÆŒØĐŁÐÞ")
"""Latin letters in use today that do not decompose into a letter and an accent."""
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\\(?=u\{)")
_NOT_EXACT = re.compile(r"[^\x20-\x7e]|\\(?=u\{)|^ | $|(?<= ) ")
_ROOM = 40
"""The most consecutive blanks in a program; more would push what follows out of sight."""
_NOT_PROGRAM = re.compile(rf"[^\x20-\x7e]|\\(?=u\{{)| {{{_ROOM + 1},}}")


class Exact(str):
    """A text that identifies or runs something: a host, a principal, a digest, a path, a unit, a
    command. It is shown in ASCII only, and all of its blanks are visible.

    The value itself is not changed; the code that shows it looks at the type. Concatenation with
    another text makes it prose, which is safe as well.
    """

    __slots__ = ()


def printable_line(text: str) -> str:
    """`text` on one line, by the rule for its type."""
    return ascii_line(text) if isinstance(text, Exact) else one_line(text)


def ascii_line(text: str) -> str:
    """`text` in ASCII on one line. Leading, trailing and repeated blanks are made visible: HTML and
    Markdown would drop them."""
    return _NOT_EXACT.sub(_escape, text)


def one_line(text: str) -> str:
    """Prose on one line, so that a value cannot look like the next label."""
    return printable(text).replace("\n", r"\u{a}").replace("\t", r"\u{9}")


def printable(text: str) -> str:
    """Prose of one or more lines; line feeds and tabs are kept."""
    text = _STEERING.sub(_escape, text)
    if text.isascii():
        return text
    return "".join(char if char == "\n" or _is_prose(char) else _escaped(char) for char in text)


def program_lines(text: str) -> tuple[str, ...]:
    """The lines of a program, in ASCII. Tabs, trailing blanks, and blanks that would push the rest
    out of sight are made visible. The caller has to say if the last line has no line break."""
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()
    return tuple(map(_program_row, rows))


def _program_row(row: str) -> str:
    text = row.rstrip(" ")
    return _NOT_PROGRAM.sub(_seen, text) + _escaped(" ") * (len(row) - len(text))


def _seen(match: re.Match[str]) -> str:
    """A character as its code point; in a run of blanks, only those beyond the limit."""
    blanks = match[0].count(" ")
    return " " * _ROOM + _escaped(" ") * (blanks - _ROOM) if blanks else _escape(match)


def escape_controls(text: str) -> str:
    """`text` with control and invisible characters escaped, for output that was made safe before:
    the last line of defence, which leaves existing escapes as they are."""
    if text.isascii():
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", _escape, text)
    return "".join(char if char == "\n" or _is_prose(char) else _escaped(char) for char in text)


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


@lru_cache(maxsize=8192)
def _is_prose(char: str) -> bool:
    """Whether prose may contain it: ASCII, our punctuation, or a Latin letter with accents that is
    not a compatibility form of another character."""
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
