"""Ways to spoil a document: values of another kind, cuts, doubled keys, odd bytes.

A document is JSON. Half of the exchanges keep the kind of the value (another number for a number,
another time for a time), so that many spoilt documents are still read, and meet what comes next.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Tree = Any
"""A JSON value; mypy has no shorter word for it."""

_NUMBER = re.compile(r"-?[0-9]+")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*")

NUMBERS = ("-1", "0", "1", "-9223372036854775808", "9" * 19, "1" + "0" * 30, "9" * 400, "7" * 5000)
TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
    "1970-01-01T00:00:00Z",
    "2026-11-25T12:00:04",
    "2026-11-25T14:00:04+02:00",
)
TEXTS = (
    "",
    "\x00",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202eexe.\u2066",
    "[bold]no markup[/] [/]",
    "{{ 7 * 7 }}<script>",
    "a\r\nb|c`d```",
    "é" * 300,
    "a" * 70_000,
    "💥\u0301",
    "$(reboot); 'x' \"y\" \\",
    "--option",
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from(NUMBERS),
    st.sampled_from(TIMES),
    st.sampled_from(TEXTS),
    st.text(max_size=20),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


class Place(NamedTuple):
    """Where in a tree a value stands."""

    parent: Tree
    key: Any

    def get(self) -> Tree:
        return self.parent[self.key]

    def put(self, value: Tree) -> None:
        self.parent[self.key] = value


def examples(number: int) -> settings:
    """So many examples, however slow the machine is."""
    return settings(
        max_examples=number,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def places(tree: Tree) -> list[Place]:
    """Every place of a tree, in order."""
    found: list[Place] = []
    if isinstance(tree, dict | list):
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        for key in keys:
            found += [Place(tree, key), *places(tree[key])]
    return found


@st.composite
def spoilt(draw: st.DrawFn, document: bytes, most: int = 3) -> bytes:
    """The JSON `document` after one to `most` changes to its values, and sometimes to its bytes."""
    tree = changed(draw, json.loads(document), most)
    data = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(
        "utf-8", "surrogatepass"
    )
    return draw(st.just(data) | mangled(data)) if draw(st.integers(0, 3)) == 0 else data


@st.composite
def edited(draw: st.DrawFn, document: bytes, most: int = 3) -> bytes:
    """The JSON `document` with values exchanged for others of their kind: mostly still read."""
    tree = json.loads(document)
    for _ in range(draw(st.integers(1, most))):
        found = places(tree)
        if found:
            place = draw(st.sampled_from(found))
            place.put(draw(like(place, found)))
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def changed(draw: st.DrawFn, tree: Tree, most: int) -> Tree:
    """The tree after some changes of any kind."""
    for _ in range(draw(st.integers(1, most))):
        found = places(tree)
        if not found:
            return draw(trees)
        draw(st.sampled_from(CHANGES))(draw, found)
    return tree


def like(place: Place, every: list[Place]) -> st.SearchStrategy[Tree]:
    """Values of the kind that stands there: odd ones, or one from elsewhere in the document."""
    value = place.get()
    same = [other.get() for other in every if other.key == place.key]
    elsewhere = st.sampled_from(same).map(copy.deepcopy)
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, list):
        part = st.integers(0, len(value)).map(lambda n: value[:n])
        return st.one_of(st.just([]), part, st.just(value + value), elsewhere)
    if isinstance(value, str) and _TIME.fullmatch(value):
        return st.sampled_from(TIMES) | elsewhere
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return st.sampled_from(NUMBERS) | st.integers(-10, 200).map(str) | elsewhere
    if isinstance(value, str):
        return st.one_of(st.sampled_from(TEXTS), st.text(max_size=20), elsewhere)
    return elsewhere


def _delete(draw: st.DrawFn, found: list[Place]) -> None:
    place = draw(st.sampled_from(found))
    del place.parent[place.key]


def _retype(draw: st.DrawFn, found: list[Place]) -> None:
    draw(st.sampled_from(found)).put(draw(trees))


def _exchange(draw: st.DrawFn, found: list[Place]) -> None:
    place = draw(st.sampled_from(found))
    place.put(draw(like(place, found)))


def _swap(draw: st.DrawFn, found: list[Place]) -> None:
    one, other = draw(st.sampled_from(found)), draw(st.sampled_from(found))
    first, second = copy.deepcopy(one.get()), copy.deepcopy(other.get())
    one.put(second)
    other.put(first)


def _add(draw: st.DrawFn, found: list[Place]) -> None:
    place = draw(st.sampled_from(found))
    value = place.get()
    if isinstance(value, dict):
        value[draw(st.text(max_size=8))] = draw(trees)
    elif isinstance(value, list):
        value.append(draw(trees))


CHANGES: tuple[Callable[[st.DrawFn, list[Place]], None], ...] = (
    _delete,
    _retype,
    _exchange,
    _exchange,
    _swap,
    _add,
)


@st.composite
def mangled(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` cut, with other bytes somewhere, or with what only a text can have wrong."""
    at = draw(st.integers(0, len(data)))
    return draw(
        st.sampled_from(
            (
                data[:at],
                data[at:],
                data[:at] + draw(st.binary(max_size=4)) + data[at + draw(st.integers(0, 4)) :],
                b"\xef\xbb\xbf" + data,
                data.replace(b",", b",\r\n"),
                data + data,
                data + b"\n",
                data.decode("utf-8", "replace").encode("utf-16"),
                data.replace(b'":"', b'":"\\ud800', 1),
                data.replace(b'":"', b'":"\xed\xa0\x80', 1),
                data.replace(b'":"', b'":"\x00', 1),
                data.replace(b"{", b'{"format":"1",', 1),
                data.replace(b"{", b'{"format":' + b"[" * 200_000, 1),
                b"[" * 200_000,
                b'{"a":' * 200_000,
                b'{"format":"1","hosts":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
                b"",
                b"null",
                b"-",
            )
        )
    )
