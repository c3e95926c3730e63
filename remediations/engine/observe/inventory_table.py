"""One table of an inventory, read strictly: what a system reads its section with.

Every complaint names file and line, what was found there, and what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from ruamel.yaml.comments import CommentedMap

from remediations.errors import UsageError

E = TypeVar("E", bound=StrEnum)
_NAME = re.compile("[a-z][a-z0-9-]{0,31}")
_PROPOSE = "let `remediate inventory discover HOST… --output FILE` propose one"


@dataclass(frozen=True)
class InventoryTable:
    """A mapping of the file at `path`. A key that is not expected is refused by `keys`."""

    path: Path
    content: CommentedMap

    def __contains__(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self.content

    def keys(self, *, required: Iterable[str], optional: Iterable[str], hint: str = "") -> None:
        """Do nothing where all of `required` and none but these and `optional` are there.

        Raises:
            UsageError: one is missing, or strange; `hint` is added for a strange one.
        """
        needed = list(required)
        known = [*needed, *optional]
        for key in self.content:
            if key not in known:
                raise self.wrong(key, f"one of the keys {', '.join(known)}{hint}", shown(key))
        missing = [key for key in needed if key not in self.content]
        if missing:
            raise self.complaint(f"no key {missing[0]}", f"the key {missing[0]}")

    def table(self, key: str) -> InventoryTable:
        """The mapping below a key.

        Raises:
            UsageError: it is something else.
        """
        value = self.content[key]
        if not isinstance(value, CommentedMap):
            raise self.wrong(key, "a mapping")
        return InventoryTable(self.path, value)

    def text(self, key: str, pattern: re.Pattern[str], expected: str) -> str:
        """A text that `pattern` matches as a whole. One with `..` is refused whatever it is for: no
        name needs that, and a path that climbs is not what it looks like.

        Raises:
            UsageError: it is something else; `expected` says what it should be.
        """
        value = self.content[key]
        if not isinstance(value, str) or not pattern.fullmatch(value) or ".." in value:
            raise self.wrong(key, expected)
        return str(value)

    def names(self, key: str, most: int) -> tuple[str, ...]:
        """The names under which something stands in a table of this one, in its order.

        Raises:
            UsageError: there is none, there are more than `most`, or one is no name.
        """
        table = self.table(key)
        if not 1 <= len(table.content) <= most:
            raise self.wrong(key, f"1 to {most} of them, by name")
        for name in table.content:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                expected = "a name of up to 32 small letters, digits and hyphens"
                raise table.wrong(name, expected, str(name)[:80])
        return tuple(map(str, table.content))

    def optional(self, key: str, pattern: re.Pattern[str], expected: str) -> str | None:
        """The same, None where the key is left out.

        Raises:
            UsageError: it is something else.
        """
        return self.text(key, pattern, expected) if key in self else None

    def choice(self, key: str, among: type[E]) -> E:
        """One of the words of an enumeration.

        Raises:
            UsageError: it is something else; lists them.
        """
        try:
            return among(self.content[key])
        except ValueError as error:
            raise self.wrong(key, " | ".join(one.value for one in among)) from error

    def whole_number(self, key: str, least: int, most: int, *, default: int, unit: str) -> int:
        """A whole number from `least` to `most`, or `default` where the key is left out.

        Raises:
            UsageError: it is something else.
        """
        value = self.content.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, f"{unit} from {least} to {most}")
        return int(value)

    def file(self, key: str) -> str | None:
        """The absolute path of a file named relative to the inventory, None where the key is left
        out. Not resolved: whoever opens it judges the links on the way, too.

        Raises:
            UsageError: it is not the name of a file.
        """
        if key not in self:
            return None
        value = self.content[key]
        if not isinstance(value, str) or not value or "\0" in value:
            raise self.wrong(key, "the name of a file")
        try:
            return str((self.path.parent / Path(value).expanduser()).absolute())
        except (OSError, RuntimeError) as error:  # no such user
            raise self.wrong(key, "the name of a file that can be found") from error

    def wrong(self, key: object, expected: str, got: str = "", mend: str = "") -> UsageError:
        """The complaint about the value of a key, or about what `got` says, where the key stands;
        a reader raises it for what only it can judge. `mend` is what may help besides correcting
        the file."""
        # A key that was merged in (`<<`) is on another line: the table's own line must do.
        own = key in (self.content.lc.data or ())
        line = int(self.content.lc.key(key)[0]) + 1 if own else self.line
        told = got or f"{key}: {shown(self.content.get(key))}"
        return complaint(self.path, line, told, expected, mend or _PROPOSE)

    def complaint(self, got: str, expected: str) -> UsageError:
        """The complaint about the table as a whole."""
        return complaint(self.path, self.line, got, expected)

    @property
    def line(self) -> int:
        """Where it begins, from 1."""
        return int(self.content.lc.line or 0) + 1


def complaint(path: Path, line: int, got: str, expected: str, mend: str = _PROPOSE) -> UsageError:
    """The refusal of an inventory; `line` is 0 where it is about the whole file."""
    where = f"{path}:{line}" if line else str(path)
    return UsageError(
        f"{where}: the inventory cannot be used",
        guard="inventory",
        got=got,
        expected=expected,
        next_step=f"correct {where}, or {mend}",
    )


def shown(value: object) -> str:
    """A value on one line, shortened. Of a list or mapping one level is shown: a few aliases of
    aliases are gigabytes as text."""
    if isinstance(value, dict):
        text = f"{{{', '.join(f'{_flat(key)}: {_flat(value[key])}' for key in value)}}}"
    else:
        text = f"[{', '.join(map(_flat, value))}]" if isinstance(value, list) else _flat(value)
    return " ".join(text.split())[:120]


def _flat(value: object) -> str:
    if isinstance(value, Mapping | Set | list | tuple):
        return "…"
    try:
        return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    except ValueError:  # `0xfff…`: more digits than Python writes
        return "a number of thousands of digits"
