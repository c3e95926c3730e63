"""A value of a domain or a system that the engine carries and does not know.

It is typed at both ends and opaque in between, as in-toto carries predicates: whoever owns the kind
reads it strictly, and everybody else shows, signs, compares and keeps it in its canonical form. So
nothing of it is lost where its owner is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import msgspec

from remediations.values.record import Record
from remediations.values.wire import as_tree, form_error

K = TypeVar("K", bound="Kinded")

KIND = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+/[1-9][0-9]{0,3}")
"""Who owns it, what it is, and the version of its form: `chain.advances/1`."""


class Kinded(Record, frozen=True, kw_only=True):
    """A value with a kind. A form that changes has another version in its `KIND`."""

    KIND: ClassVar[str]


class Part(Record, frozen=True, kw_only=True):
    """Such a value on its way: its kind, and the tree that canonical JSON is written from."""

    kind: str
    value: dict[str, Any]

    def __post_init__(self) -> None:
        """Refuse what is not the name of a kind, and what canonical JSON does not have, with a
        ValueError: nobody may be installed who reads it, and it is digested and shown all the same.
        """
        super().__post_init__()
        if not KIND.fullmatch(self.kind):
            raise ValueError("Expected the name of a kind")
        if not _is_canonical(self.value):
            raise ValueError("Expected texts, true, false, null, lists and objects only")

    @classmethod
    def of(cls, value: Kinded) -> Part:
        """The value, sealed for the way."""
        return cls(kind=value.KIND, value=as_tree(value))

    def read(self, kind: type[K]) -> K:
        """The value again, strictly.

        Raises:
            ValueError: it is of another kind, or has another form than its kind says.
        """
        if self.kind != kind.KIND:
            raise ValueError(f"{self.kind} is not {kind.KIND}")
        try:
            value = msgspec.convert(self.value, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError(f"{self.kind}: {form_error(error)}") from None
        if as_tree(value) != self.value:
            raise ValueError(f"{self.kind}: the value is not in its canonical form")
        return value


def check_order(parts: Sequence[Part]) -> None:
    """Do nothing where each kind is there once, in the order of kinds: the same parts have one
    digest.

    Raises:
        ValueError: they are not.
    """
    if any(one.kind >= next_one.kind for one, next_one in pairwise(parts)):
        raise ValueError("Expected each kind of part once, in order")


def _is_canonical(tree: object) -> bool:
    """Whether a tree has no numbers: canonical JSON writes them as texts."""
    if isinstance(tree, dict):
        return all(map(_is_canonical, tree.values()))
    if isinstance(tree, list):
        return all(map(_is_canonical, tree))
    return tree is None or isinstance(tree, str | bool)
