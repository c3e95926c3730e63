"""Takes secrets out of text, in whatever encoding they got into it. Pure.

`redacted` looks for each secret as it is, in base64 (also within a longer text, at any of the three
alignments), in hex, percent-encoded, and escaped as in JSON or Python, each also nested in another,
and across line breaks. It looks at several *views* of the text (without line breaks, without
escapes, …), each of which knows where in the text its bytes are from.

It is the second line of defence: a secret is a `Secret` from its source on, and gets into no text.
What was transformed otherwise (compressed, encrypted, hashed, cut in pieces) it cannot find.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from remediations.values.secret import Secret

_SHORTEST_ENCODED = 4
"""Characters of an encoding, below which chance would find it everywhere."""
_DEPTH = 3
"""How many transformations a text is looked through: JSON within JSON within a wrapped line."""

# Each begins where a run of such characters begins, or a long run would be tried from all of them.
_BREAK = re.compile(rb"(?<![ \t])[ \t]*(?:\r\n|\r|\n)[ \t]*")
# A log, a quoted mail, a table or a source text puts more than blanks around a line break.
_DECORATED = re.compile(
    rb"""(?<!["'\\ \t|>#*])["'\\ \t|>#*]*(?:\xe2\x94\x82[ \t]*)?(?:\r\n|\r|\n)"""
    rb"""(?:[ \t]*\xe2\x94\x82)?[ \t|>#*]*["']*"""
)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_FORM_BLANK = re.compile(rb"\+")
_ESCAPE = re.compile(
    rb"\\(?:(?P<pair>u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2})"
    rb"|u(?P<unit>[0-9A-Fa-f]{4})|x(?P<byte>[0-9A-Fa-f]{2})|(?P<char>.))",
    re.DOTALL,
)
_BETWEEN_HEX = re.compile(rb"(?<=[0-9A-Fa-f])[:,\s-]\s*(?:0x)?(?=[0-9A-Fa-f])")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"0": b"\0"}
_BASE64 = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")


@dataclass(frozen=True)
class _View:
    """Bytes, and for each of them where what it stands for begins and ends in the text."""

    data: bytes
    starts: list[int]
    ends: list[int]

    def changed(self, pattern: re.Pattern[bytes], to: Callable[[re.Match[bytes]], bytes]) -> _View:
        """With each match replaced; what replaces it stands for all of the match."""
        data, starts, ends, at = bytearray(), list[int](), list[int](), 0
        for match in pattern.finditer(self.data):
            new = to(match)
            data += self.data[at : match.start()] + new
            starts += self.starts[at : match.start()]
            starts += [self.starts[match.start()]] * len(new)
            ends += self.ends[at : match.start()]
            ends += [self.ends[match.end() - 1]] * len(new)
            at = match.end()
        if not at:
            return self
        data += self.data[at:]
        return _View(bytes(data), starts + self.starts[at:], ends + self.ends[at:])

    def span(self, start: int, end: int) -> tuple[int, int]:
        """What bytes of it stand for in the text."""
        return self.starts[start], self.ends[end - 1]


def redacted(text: str, secrets: Iterable[Secret]) -> str:
    """`text` with what stands for a secret in the place of each of them."""
    found: dict[tuple[int, int], str] = {}
    wanted = [one for one in secrets if one]
    if not wanted or not text:
        return text
    for data, way in _texts(text.encode("utf-8", "surrogatepass")):
        if here := _present(data, wanted):
            # Where the bytes are from is worked out for the few texts that have something.
            view = _view(text, way)
            for secret in here:
                for span in _spans(view, secret):
                    found.setdefault(span, str(secret))
    return _replaced(text, found)


def _texts(data: bytes) -> Iterator[tuple[bytes, _Way]]:
    """The text as it is, and as it is after up to three transformations, each once, with those."""
    seen = {data}
    latest: list[tuple[bytes, _Way]] = [(data, ())]
    yield data, ()
    for _ in range(_DEPTH):
        former, latest = latest, []
        for text, way in former:
            for step, (pattern, to) in enumerate(_TRANSFORMATIONS):
                new = pattern.sub(to, text)
                if new not in seen:
                    seen.add(new)
                    latest.append((new, (*way, step)))
                    yield latest[-1]


def _present(data: bytes, secrets: Iterable[Secret]) -> list[Secret]:
    """The secrets that stand in it."""
    in_hex = (data.lower(), _BETWEEN_HEX.sub(b"", data).lower())
    found = []
    for secret in secrets:
        value = secret.reveal()
        needles = itertools.chain(_as_it_is(value), (one for one, _, _ in _as_base64(value)))
        as_hex = value.hex().encode()
        if any(one in data for one in needles) or any(as_hex in one for one in in_hex):
            found.append(secret)
    return found


def _view(text: str, way: _Way) -> _View:
    """The text after these transformations, with where its bytes are from."""
    data, starts = bytearray(), list[int]()
    for at, char in enumerate(text):
        encoded = char.encode("utf-8", "surrogatepass")
        data += encoded
        starts += [at] * len(encoded)
    view = _View(bytes(data), starts, [start + 1 for start in starts])
    for step in way:
        view = view.changed(*_TRANSFORMATIONS[step])
    return view


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match["byte"]:
        return bytes([int(match["byte"], 16)])
    if match["char"]:
        return _LETTERS.get(match["char"], match["char"])
    units = bytes.fromhex((match["unit"] or match["pair"].replace(b"\\u", b"")[1:]).decode())
    return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")


_TRANSFORMATIONS: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    (_BREAK, lambda _: b""),
    (_DECORATED, lambda _: b""),
    (_PERCENT, lambda match: bytes([int(match[1], 16)])),
    (_FORM_BLANK, lambda _: b" "),
    (_ESCAPE, _unescaped),
)
_Way = tuple[int, ...]
"""Which transformations, in order."""


def _spans(view: _View, secret: Secret) -> Iterator[tuple[int, int]]:
    """Where in the text the secret stands, as this view shows it."""
    value = secret.reveal()
    for needle in _as_it_is(value):
        yield from itertools.starmap(view.span, _positions(view.data, needle))
    for needle, before, after in _as_base64(value):
        for start, end in _positions(view.data, needle):
            yield view.span(*_with_neighbours(view.data, start, end, before, after))
    yield from _in_hex(view, value)


def _with_neighbours(
    data: bytes, start: int, end: int, before: bool, after: bool
) -> tuple[int, int]:
    """With the characters at both ends that hold bits of the secret and of what is beside it, and
    with the padding."""
    if before and start and data[start - 1] in _BASE64:
        start -= 1
    if after and end < len(data) and data[end] in _BASE64:
        end += 1
    while end < len(data) and data[end] == ord("="):
        end += 1
    return start, end


def _as_it_is(value: bytes) -> set[bytes]:
    """As bytes, as text of one byte a character, and as a line that was unwrapped."""
    forms = {value, value.decode("latin-1").encode()}
    forms |= {_BREAK.sub(b"", one) for one in forms}
    return {one for one in forms if one}


def _as_base64(value: bytes) -> Iterator[tuple[bytes, bool, bool]]:
    """What base64 of any text has that contains the secret, at each alignment, with whether the
    characters before and after it are partly of the secret."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + value)
        first, bits = -(-8 * before // 6), 8 * (before + len(value))
        needle = encoded[first : bits // 6]
        if len(needle) >= _SHORTEST_ENCODED:
            for form in {needle, needle.translate(bytes.maketrans(b"+/", b"-_"))}:
                yield form, before > 0, bits % 6 > 0


def _in_hex(view: _View, value: bytes) -> Iterator[tuple[int, int]]:
    needle = value.hex().encode()
    if len(needle) < _SHORTEST_ENCODED:
        return
    for form in (view, view.changed(_BETWEEN_HEX, lambda _: b"")):
        yield from itertools.starmap(form.span, _positions(form.data.lower(), needle))


def _positions(data: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    at = data.find(needle)
    while at >= 0:
        yield at, at + len(needle)
        at = data.find(needle, at + 1)


def _replaced(text: str, found: dict[tuple[int, int], str]) -> str:
    """Spans that overlap are one; of those the first says which secret it is."""
    pieces, at = list[str](), 0
    merged = list[tuple[int, int, str]]()
    for (start, end), shown in sorted(found.items()):
        if merged and start < merged[-1][1]:
            first, former, kept = merged[-1]
            merged[-1] = (first, max(former, end), kept)
        else:
            merged.append((start, end, shown))
    for start, end, shown in merged:
        pieces += [text[at:start], shown]
        at = end
    return "".join((*pieces, text[at:]))
