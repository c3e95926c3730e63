"""What a deploy must know about one container, checked strictly before it reaches a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from remediations.systems.hosts.host_data import described_by
from remediations.systems.hosts.unit_parts import DEPENDANT_UNITS
from remediations.values.lines import parse_number
from remediations.values.names import UNIT

CONTAINER = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
ID = re.compile("([0-9a-f]{64})?")
IMAGE = re.compile("[A-Za-z0-9][A-Za-z0-9._:/@-]{0,299}")
DIGEST = re.compile("sha256:[0-9a-f]{64}")
INVOCATION = re.compile("([0-9a-f]{32})?")
MAX_STOP_S = 3600
DEFAULT_STOP_S = 90
"""systemd's DefaultTimeoutStopSec, used if that of the unit is unknown."""


class PlannedContainerError(ValueError):
    """A value is malformed. The message names the field and the value."""


@dataclass(frozen=True, kw_only=True)
class PlannedContainer:
    """One container as it was when the change was planned.

    `container` is its name, `id` the container that has the name now, "" if it may be any or none.
    `image` is the reference that the unit's command runs, `digest` what that has to mean on the
    host. `invocation` is the systemd invocation that is ended, "" for any. `dependants` are the
    active units that systemd stops with this one, separated by blanks. `port` is where the service
    listens, 0 if nobody says.

    Raises:
        PlannedContainerError: a field does not match its pattern or range.
    """

    unit: str
    container: str
    id: str
    image: str
    digest: str
    invocation: str = ""
    dependants: str = ""
    port: int = 0
    stop_timeout_s: int = 0

    def __post_init__(self) -> None:
        for name, pattern, meaning in (
            ("unit", UNIT, "the name of a systemd service"),
            ("container", CONTAINER, "the name of a container"),
            ("id", ID, "64 lower-case hex digits, or empty"),
            ("image", IMAGE, "the reference of an image"),
            ("digest", DIGEST, "sha256: and 64 lower-case hex digits"),
            ("invocation", INVOCATION, "32 lower-case hex digits, or empty"),
            ("dependants", DEPENDANT_UNITS, "names of units with blanks between them"),
        ):
            value = getattr(self, name)
            if not isinstance(value, str) or not pattern.fullmatch(value):
                raise PlannedContainerError(f"{name} is {value!r}, not {meaning}")
        for name, limit in (("port", 65_535), ("stop_timeout_s", MAX_STOP_S)):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= limit:
                raise PlannedContainerError(f"{name} is {value!r}, not a number up to {limit}")

    @property
    def stop_limit_s(self) -> int:
        """Seconds that the unit may take to stop before systemd kills it."""
        return self.stop_timeout_s or DEFAULT_STOP_S

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> PlannedContainer:
        """What host data describe; keys that are not fields are ignored.

        Raises:
            PlannedContainerError: a field is missing or malformed.
        """
        return described_by(data, cls, PlannedContainerError)

    @classmethod
    def from_words(cls, words: Mapping[str, str]) -> PlannedContainer:
        """What strings describe, as a JSON document has them.

        Raises:
            PlannedContainerError: a field is missing or malformed.
        """
        try:
            numbers = {
                name: parse_number(words[name])
                for name in ("port", "stop_timeout_s")
                if name in words
            }
        except ValueError as error:
            raise PlannedContainerError(f"a field is not a number: {error}") from error
        return cls.from_data({**words, **numbers})
