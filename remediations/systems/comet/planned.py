"""What a deploy must know about one node, checked strictly before it reaches a shell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from remediations.systems.comet.sign_state import SignStep
from remediations.systems.hosts.host_data import described_by
from remediations.values.lines import parse_number
from remediations.values.names import HOME, UNIT

USER = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]{0,31})?")
ADDRESS = re.compile(r"([0-9A-F]{40})?")
INVOCATION = re.compile(r"([0-9a-f]{32})?")
COPY = re.compile(r"([0-9a-f]{64})?")
APP_HASH = re.compile(r"([0-9A-F]{2}){0,64}")

MAX_HEIGHT = 10**18
"""Heights are below this: numbers of 18 digits can be compared by every shell."""
MAX_ROUND = 2**31
MAX_STOP_TIMEOUT_S = 3600
DEFAULT_STOP_TIMEOUT_S = 90
"""systemd's DefaultTimeoutStopSec, used if that of the unit is unknown."""


T = TypeVar("T")
NUMBERS = (
    "sign_height",
    "sign_round",
    "sign_step",
    "stop_timeout_s",
    "stands_at",
    "settings_off",
)


class PlannedNodeError(ValueError):
    """A value is malformed. The message names the field and the value."""


@dataclass(frozen=True, kw_only=True)
class PlannedNode:
    """One node as it was when the change was planned.

    `address` is the consensus address of its key, "" for a node that never had a key. The sign
    state on the host must not be lower than height, round and step. `user` is "" for root.
    `invocation` is the systemd invocation that a stop or restart ends, "" if it may be any.
    `stands_at` is the height at which it stands, where that decides, else 0; `header_hash` is the
    app hash in the header of that block, which is the application's *before* it. `settings_off` is
    1 where it is started only if no setting forbids that on the host by now (`configure.py`).
    `copy` is the SHA-256 of the copy whose databases it must have, "" for its own.

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
    stands_at: int = 0
    header_hash: str = ""
    settings_off: int = 0
    copy: str = ""

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("unit", UNIT, "the name of a systemd service"),
            ("home", HOME, "an absolute path of plain characters"),
            ("user", USER, "a user name"),
            ("address", ADDRESS, "40 upper-case hex digits, or empty"),
            ("invocation", INVOCATION, "32 lower-case hex digits, or empty"),
            ("header_hash", APP_HASH, "pairs of upper-case hex digits, or empty"),
            ("copy", COPY, "a SHA-256 in lower-case hex, or empty"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedNodeError(f"{name} is {value!r}, not {meaning}")
        for name, limit in (
            ("sign_height", MAX_HEIGHT),
            ("sign_round", MAX_ROUND),
            ("sign_step", SignStep.PRECOMMIT + 1),
            ("stop_timeout_s", MAX_STOP_TIMEOUT_S + 1),
            ("stands_at", MAX_HEIGHT),
            ("settings_off", 2),
        ):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < limit:
                raise PlannedNodeError(f"{name} is {value!r}, not a number from 0 to {limit - 1}")

    @property
    def stop_limit_s(self) -> int:
        """Seconds that the unit may take to stop before systemd kills it."""
        return self.stop_timeout_s or DEFAULT_STOP_TIMEOUT_S

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedNode:
        """The node that host data describe.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, data)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedNode:
        """The node that strings describe, as a JSON document has them.

        Raises:
            PlannedNodeError: a field is missing or malformed.
        """
        return described(cls, with_numbers(words, NUMBERS))


def described(kind: Callable[..., T], data: Mapping[str, object]) -> T:
    """The value of `kind`, a dataclass, that host data describe; keys that are not fields are
    ignored, and the fields check themselves.

    Raises:
        PlannedNodeError: a field is missing or malformed.
    """
    return described_by(data, kind, PlannedNodeError)


def with_numbers(words: Mapping[str, str], numbers: Iterable[str]) -> Mapping[str, object]:
    """The words with these fields as the decimal numbers that they are.

    Raises:
        PlannedNodeError: one is not a number.
    """
    try:
        return {**words, **{name: parse_number(words[name]) for name in numbers if name in words}}
    except ValueError as error:
        raise PlannedNodeError(f"a field is not a number: {error}") from error
