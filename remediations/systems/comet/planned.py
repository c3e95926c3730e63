"""What a deploy must know of one node, checked by strict patterns before it reaches a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from remediations.values.lines import parse_number
from remediations.values.names import HOME, UNIT

USER = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,31})?")
ADDRESS = re.compile(r"([0-9A-F]{40})?")
INVOCATION = re.compile(r"([0-9a-f]{32})?")

MAX_HEIGHT = 10**18
"""Heights are below this, so that every shell can compare them (18 digits)."""
MAX_ROUND = 2**31
LAST_STEP = 3
MAX_STOP_TIMEOUT_S = 3600
DEFAULT_STOP_TIMEOUT_S = 90
"""systemd's DefaultTimeoutStopSec, where the unit's own is unknown."""


NUMBERS = ("sign_height", "sign_round", "sign_step", "stop_timeout_s")


class PlannedNodeError(ValueError):
    """A value does not have the form that its kind has. The message names field and value."""


@dataclass(frozen=True, kw_only=True)
class PlannedNode:
    """One node as it was when the change was planned.

    `address` is the consensus address of its key, "" for a node that never had a key. The sign
    state (height, round, step) is the lowest that may be found. `user` is "" for root.
    `invocation` is the systemd invocation that a restart is to end, "" where it does not matter.

    Raises:
        PlannedNodeError: a field does not match its pattern or range.
    """

    unit: str
    home: str
    user: str
    address: str
    sign_height: int
    sign_round: int
    sign_step: int
    stop_timeout_s: int = DEFAULT_STOP_TIMEOUT_S
    invocation: str = ""

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("unit", UNIT, "the name of a systemd service"),
            ("home", HOME, "an absolute path of plain characters"),
            ("user", USER, "a user name"),
            ("address", ADDRESS, "40 upper-case hex digits, or empty"),
            ("invocation", INVOCATION, "32 lower-case hex digits, or empty"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")
        for name, limit in (
            ("sign_height", MAX_HEIGHT),
            ("sign_round", MAX_ROUND),
            ("sign_step", LAST_STEP + 1),
            ("stop_timeout_s", MAX_STOP_TIMEOUT_S + 1),
        ):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < limit:
                raise PlannedNodeError(f"{name} is {value!r}, not a number from 0 to {limit - 1}")

    @property
    def stop_limit_s(self) -> int:
        """Seconds the unit may take to stop before systemd kills it."""
        return self.stop_timeout_s or DEFAULT_STOP_TIMEOUT_S

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedNode:
        """The node that host data describe; keys that are no field are somebody else's.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        names = {field.name for field in fields(cls)}
        try:
            return cls(**{key: data[key] for key in data if key in names})  # type: ignore[arg-type]  # checked in __post_init__
        except TypeError as error:
            raise PlannedNodeError(f"host data are incomplete: {error}") from error

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedNode:
        """The node that a JSON document describes, in which numbers are decimal strings.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        try:
            numbers = {name: parse_number(words[name]) for name in NUMBERS if name in words}
        except ValueError as error:
            raise PlannedNodeError(f"a field is not a number: {error}") from error
        return cls.from_data({**words, **numbers})
