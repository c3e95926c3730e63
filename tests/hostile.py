"""Texts that want to be something else where they are read, and records full of them.

A record is made from its type alone, so a field that is added is attacked without a new test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import pytest
from msgspec import inspect

from remediations.values.part import Part

T = TypeVar("T")

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></code></td></table><h1>approved</h1>",
    "\"><svg onload='x'> ' onmouseover='x",
    "<!-- ]]> --> <![CDATA[x]]> <?php ?>",
    "&lt;b&gt; &#60;b&#62; &amp; &nbsp; & &",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "[red]x[/red] [link=x]y[/link]",
)
LINKS = (
    "[x](javascript:alert(1))",
    "![x](http://evil.example/p.png)",
    "[x][1] [1]: http://evil.example",
    "[1]: http://evil.example 'x'",
    "[^1] [^1]: note",
    "<http://evil.example> <ops@evil.example>",
    "http://evil.example/?q=1 (https://evil.example), ftp://evil.example.",
    "javascript:alert(1) mailto:ops@evil.example xmpp:a@b.example",
    "www.evil.example. www.evil.example/x",
    "ops@evil.example",
    "@ops @org/team, (@ops)",
    "#1 #123, org/repo#1 GH-7 !12 org/repo@0123abc",
    "0123abc 0123456789abcdef0123456789abcdef01234567 1234567",
    ":skull: :+1::100:",
    "[[wiki]] [ ] [x] [!WARNING]",
)
BLOCKS = (
    "# approved",
    "## approved ##",
    "####### x #",
    "#",
    "- x",
    "+ x",
    "* x",
    "-",
    "1. x",
    "1) x",
    "999999999. x",
    "> quoted",
    ">",
    "***",
    "---",
    "___",
    "- - -",
    "===",
    "    code",
    "\tcode",
    "x\n===",
    "x\n---",
    "\n\n# approved\n\n- x",
    "---\ntitle: x\n---",
    "| a | b |\n| --- | --- |\n| c | d |",
    "a|b",
    "a\\|b \\",
    "|",
    ": x",
    "```\n# x\n```",
    "````` ~~~~~",
    "`",
    "``",
    "`a` ``b`` ` c",
    "`a`@ops`b`",
    "~~~\nx",
    "~~gone~~ ~gone~",
    "**bold** __bold__ *it* _it_ a_b_c __a__b",
    "$x$ $$x$$ $`x`$ \\(x\\) \\[x\\]",
    "x  \ny\\\nz",
    "\\",
    "\\\\",
    "\\* \\` \\<b> \\&lt;",
    "\\u{202e} \\u{5c}u{202e} \\x1b",
)
INVISIBLE = (
    "\x1b[2J\x1b[8mhidden\x1b[0m \x9b8m \x07\x08\x7f\x00",
    "\x1b]8;;http://evil.example\x07x\x1b]8;;\x07",
    "abc\rapproved",
    "a\u202eb\u202c \u2066c\u2069 \u200fd \u061ce",
    "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh",
    "a\u115fb\u1160c\u3164d\uffa0e\u034ff\u2800g",
    "a\ufe0fb\U000e0100c\U000e0041\U000e007fd",
    "a\u2061b\u2062c\u2063d\u206ae\ufff9f",
    "a\u2028b\u2029c\x85d\x0be\x0cf",
    "a\u00a0b\u2003c\u3000d\u1680e\u202ff\u205fg",
    "a\ue000b\U000f0000c\ufdd0d\uffffe\u0378f",
    "a\ud800b",
    "a" + "\u0301\u0489\u20dd" * 30,
)
ALIKE = (
    "v\u0430l1",  # CYRILLIC SMALL LETTER A
    "\u0441\u043e\u0440\u0443",  # all of it Cyrillic, like "copy"
    "v\u03b1l1 \u039f\u039a",  # Greek
    "v\u0251l1 \u0131 \u017f \u0138",  # Latin letters that pass for others
    "\uff56\uff41\uff4c\uff11 \U0001d42f\u2170",
    "val\u0661 val\u07c1",  # digits
    "/etc\u2215passwd \u2044 \uff0f a\u2024b a\ua789b \u02d0 \u2010 \u2212",
    "\u05d0\u05d1 1 2 \u0627\u0644 3",
    "\u13aa\u13da \ua4ee",  # Cherokee, Lisu
    "\u4e2d\u6587 caf\xe9",
)
LONG = ("x" * 300, "word " * 80, "\u4e2d" * 150, " " * 90, "")

HOSTILE = (*MARKUP, *LINKS, *BLOCKS, *INVISIBLE, *ALIKE, *LONG)

each_hostile = pytest.mark.parametrize(
    "text", HOSTILE, ids=[ascii(t)[1:25].strip() or "blank" for t in HOSTILE]
)

SEVERAL = 4
"""Elements of a sequence: as many as are shown together."""
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def record_of(kind: type[T], text: Callable[[int], str], several: int = SEVERAL) -> T:
    """A `kind` in which the n-th free text is `text(n)`, nothing is left out, every sequence has
    `several` elements, and every other value differs from its neighbours."""
    return cast("T", _Maker(text, several).value(inspect.type_info(kind), 0))


def of(text: str) -> Callable[[int], str]:
    """The same text everywhere."""
    return lambda _: text


class _Maker:
    def __init__(self, text: Callable[[int], str], several: int) -> None:
        self._text, self._texts, self._numbers, self._parts = text, 0, 0, 0
        self._several = several

    def value(self, kind: inspect.Type, place: int) -> Any:  # noqa: ANN401 - any type's value
        """One value; `place` is that of the element it belongs to, so that enums take turns."""
        match kind:
            case inspect.StructType() if kind.cls is Part:
                return self._part()
            case inspect.StructType():
                return kind.cls(**{f.encode_name: self.value(f.type, place) for f in kind.fields})
            case inspect.StrType():
                self._texts += 1
                return self._text(self._texts)
            case inspect.IntType():
                self._numbers += 1
                return 1000 + self._numbers
            case inspect.BoolType():
                return True
            case inspect.EnumType():
                return list(kind.cls)[place % len(kind.cls)]
            case inspect.LiteralType():
                return kind.values[place % len(kind.values)]
            case inspect.DateTimeType():
                self._numbers += 1
                return AT + timedelta(seconds=self._numbers)
            case inspect.VarTupleType():
                return tuple(self.value(kind.item_type, place) for place in range(self._several))
            case inspect.TupleType():
                return tuple(self.value(item, place) for item in kind.item_types)
            case inspect.UnionType():
                given = [one for one in kind.types if not isinstance(one, inspect.NoneType)]
                return self.value(given[0], place)
        raise TypeError(f"no value of {kind} is known: teach tests/hostile.py")

    def _part(self) -> Part:
        """One with every form that a value of it may have."""
        row = {"name": self._word(), "count": self._number(), "empty": None}
        value = {
            "word": self._word(),
            "number": self._number(),
            "flag": True,
            "words": [self._word(), self._word()],
            "rows": [row, {**row, "name": self._word()}],
            "inner": {"word": self._word()},
        }
        self._parts += 1
        return Part(kind=f"word.part/{self._parts}", value=value)

    def _word(self) -> str:
        self._texts += 1
        return self._text(self._texts)

    def _number(self) -> str:
        """As canonical JSON has it."""
        self._numbers += 1
        return str(1000 + self._numbers)


Step = str | int
Path = tuple[Step, ...]


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every value in a record that is none itself, with the way to it."""
    fields = getattr(value, "__struct_fields__", None)
    if fields is not None:
        for name in fields:
            yield from leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, tuple | list):
        yield path, value
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path, value
