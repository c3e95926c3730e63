"""A value of a domain or a system that the engine carries without knowing its type.

It is typed at both ends and opaque in between, like a predicate of in-toto: the owner of the kind
reads it strictly, and all other code shows, signs, compares and stores it in its canonical form. So
nothing is lost where its owner is not installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import msgspec

from remediations.values.record import Record
from remediations.values.wire import as_tree, form_error

K = TypeVar("K", bound="Kinded")

KIND = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+/[1-9][0-9]{0,3}")
"""Owner, name, and version of the form: `chain.advances/1`."""


_LEAVES = (str, bool, type(None))


class Kinded(Record, frozen=True, kw_only=True):
    """A value with a kind. A change of its form needs a new version in its `KIND`."""

    KIND: ClassVar[str]


class Part(Record, frozen=True, kw_only=True):
    """Such a value in transit: its kind, and the tree that canonical JSON is written from."""

    kind: str
    value: dict[str, Any]

    def __post_init__(self) -> None:
        """Raise a ValueError for a name that is not a kind, or a value that canonical JSON does not
        have. It is digested and shown even where no owner is installed to read it."""
        super().__post_init__()
        if not KIND.fullmatch(self.kind):
            raise ValueError("Expected the name of a kind")
        if not _is_canonical(self.value):
            raise ValueError("Expected texts, true, false, null, lists and objects only")

    @classmethod
    def of(cls, value: Kinded) -> Part:
        """The value as a part."""
        return cls(kind=value.KIND, value=as_tree(value))

    def read(self, kind: type[K]) -> K:
        """The value, read strictly.

        Raises:
            ValueError: it is of another kind, or is not in the canonical form of its kind.
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
    """Whether a tree has no numbers: canonical JSON writes them as strings."""
    if isinstance(tree, dict):
        items: Iterable[object] = tree.values()
    elif isinstance(tree, list):
        items = tree
    else:
        return isinstance(tree, _LEAVES)
    # A loop without a call for each text, as in `wire`.
    for item in items:  # noqa: SIM110 - `all` would be a generator for each of them
        if type(item) is not str and not _is_canonical(item):
            return False
    return True
