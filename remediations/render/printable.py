r"""Text from a file or a host, made safe to read: whatever deceives is shown as its code point.

A character that steers the terminal, turns the direction of writing, takes no room, or passes for
another one is written `\u{202e}`. That is evidence, and it cannot be forged: a backslash before
`u{` in the text itself is written `\u{5c}`, so two different texts never look the same.

Two rules, by what the text is for (compare UTS #39, "Unicode Security Mechanisms"):

- What *identifies or runs* (`Exact`, and programs) is shown in ASCII only.
- *Prose* keeps letters of one script and the punctuation that our own sentences use.
"""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import bidirectional, category, name, normalize

PUNCTUATION = frozenset("–—…·→←↳─≥≤×±§°µ“”‘’«»")
"""What prose may use beside ASCII and letters; none of it passes for an ASCII character in a name,
because names are shown in ASCII only."""

_LATIN = frozenset("ßæœøđłðþÆŒØĐŁÐÞ")
"""Latin letters of living orthographies that have no accent to decompose."""
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Hangul letters that show nothing."""
_EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA"})
"""Written together in every Japanese sentence."""
_LETTERS = frozenset({"Lu", "Ll", "Lo"})

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]|\\(?=u\{)")
_NOT_EXACT = re.compile(r"[^\x20-\x7e]|\\(?=u\{)|^ | $|(?<= ) ")
_NOT_PROGRAM = re.compile(r"[^\x20-\x7e]|\\(?=u\{)| (?= *$)|(?<= {40}) ")


class Exact(str):
    """A text that identifies or runs something: a host, a principal, a digest, a path, a unit, a
    command. It is shown in ASCII only, and every blank of it is seen.

    The value itself is not changed; whoever shows it looks at the type. Joined to another text it
    becomes prose, which is shown safely too.
    """

    __slots__ = ()


def shown(text: str) -> str:
    """`text` on one line, by the rule that is right for it."""
    return exact(text) if isinstance(text, Exact) else one_line(text)


def exact(text: str) -> str:
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
    return "\n".join(line if line.isascii() else _prose(line) for line in text.split("\n"))


def program_lines(text: str) -> tuple[str, ...]:
    """The rows of a program, in ASCII. Tabs, blanks at the end of a row, and blanks that would push
    the rest out of sight are shown. A last row without a line break has to be told beside it."""
    rows = text.split("\n")
    if not rows[-1]:
        rows.pop()
    return tuple(_NOT_PROGRAM.sub(_escape, row) for row in rows)


def inert(text: str) -> str:
    """`text` without anything that steers or hides, for output that was made safe before: the
    last line of defence, which leaves escapes as they are."""
    if text.isascii():
        return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", _escape, text)
    return "".join(
        char if char == "\n" or _script(char) is not None else _escaped(char) for char in text
    )


def _escape(match: re.Match[str]) -> str:
    return _escaped(match[0])


def _escaped(char: str) -> str:
    return f"\\u{{{ord(char):x}}}"


def _prose(line: str) -> str:
    """One line; where scripts mix, the letters outside the Latin one are shown as code points."""
    scripts = {_script(char) for char in line} - {"", None}
    allowed = {"", "LATIN"} if len(scripts) > 1 else {"", *scripts}
    return "".join(char if _script(char) in allowed else _escaped(char) for char in line)


@lru_cache(maxsize=8192)
def _script(char: str) -> str | None:
    """The script of a letter; "" for what belongs to none; None for what prose may not hold."""
    if char.isascii():
        return "LATIN" if char.isalpha() else "" if char.isprintable() or char == "\t" else None
    if char in PUNCTUATION:
        return ""
    if category(char) not in _LETTERS or bidirectional(char) != "L" or char in _FILLERS:
        return None
    if normalize("NFKC", char) != char:  # it is another way to write something else
        return None
    script = name(char, "").partition(" ")[0]
    if script == "LATIN" and not (normalize("NFD", char)[0].isascii() or char in _LATIN):
        return None
    return "CJK" if script in _EAST_ASIAN else script or None
