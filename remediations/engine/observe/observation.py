"""The Observation: everything that was read in one look, frozen.

The engine knows when, with which inventory and over which logins the hosts were read. What was read
is one part for each system, which only that system understands (`values.part`).

A plan is made from a full observation only: `apply` reads again what decides, not what merely
describes, so anything left out at planning time would never be noticed afterwards.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import ClassVar, TypeVar

from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import named_file_error, write_named_file
from remediations.values.login import Login
from remediations.values.part import Kinded, Part, check_order
from remediations.values.record import Moment, Record
from remediations.values.wire import WireError, canonical, decode, format_of

K = TypeVar("K", bound=Kinded)

OBSERVATION_FORMAT = 4
OBSERVATION_LIMIT = 256 * MEGABYTE
"""Bytes of its file; enough for ten thousand hosts."""
YEARS = range(2000, 2900)
"""The years in which the clock of the bastion may be: a plan's expiry is computed from it."""


_OBSERVATION_HAS = {"format", "tool", "scope", "began", "ended", "inventory_digest"}
"""Members that distinguish an observation of any version from other documents."""


class Scope(StrEnum):
    """How much was read: everything, or only what decides. `apply` reads only what decides
    again."""

    FULL = "full"
    DECIDING = "deciding"


class Observation(Record, frozen=True, kw_only=True):
    """One look at an inventory. `began` and `ended` are the bastion's clock, UTC.

    `logins` has one entry for each host, in the inventory's order: where its name led. `parts` are
    sorted by kind, and each kind occurs at most once.
    """

    format: int
    tool: str
    scope: Scope
    began: Moment
    ended: Moment
    inventory_digest: str
    logins: tuple[Login, ...]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """Raise a ValueError if the parts are not sorted, or a kind occurs twice."""
        super().__post_init__()
        check_order(self.parts)

    def part(self, kind: str) -> Part | None:
        """The part of that kind; None if no such system was read."""
        return next((part for part in self.parts if part.kind == kind), None)

    def read(self, kind: type[K]) -> K:
        """What the system of that kind read.

        Raises:
            UsageError: it is missing, or its form is different from what this version writes.
        """
        part = self.part(kind.KIND)
        if part is None:
            raise unusable_part_error(kind.KIND, "an observation without it")
        try:
            return part.read(kind)
        except ValueError as error:
            raise unusable_part_error(kind.KIND, str(error)) from error


def unusable_part_error(kind: str, got: str) -> UsageError:
    """The refusal of an observation whose part of that kind cannot be used."""
    return UsageError(
        f"the observation has no {kind} that can be used",
        guard="observation",
        got=got[:300],
        expected=f"a part {kind}, as this version writes it",
        next_step="observe again: remediate diagnose --inventory INVENTORY --save FILE",
    )


class FailedSystem(Record, frozen=True, kw_only=True):
    """A system that raised while it was read: its name, the kind of its part, and the error.

    A remote system must never raise (engine.system). One from another package that does must not
    keep the others from being read, and must not be passed over silently.
    """

    name: str
    kind: str
    reason: str


class FailedSystems(Kinded, frozen=True, kw_only=True):
    """All systems that failed. An observation in which none failed does not have this part."""

    KIND: ClassVar[str] = "engine.unread/1"

    systems: tuple[FailedSystem, ...]


def failed_systems(observation: Observation) -> tuple[FailedSystem, ...]:
    """The systems that failed in this observation.

    Raises:
        UsageError: the part that lists them is malformed.
    """
    if observation.part(FailedSystems.KIND) is None:
        return ()
    return observation.read(FailedSystems).systems


def missing_readings(observation: Observation) -> str:
    """What is missing for a plan to be made from it; "" if nothing is."""
    if observation.format != OBSERVATION_FORMAT:
        return f"format {observation.format}, not {OBSERVATION_FORMAT}"
    if observation.scope is not Scope.FULL:
        return f"a {observation.scope} reading: versions of programs were not read"
    names = [login.host for login in observation.logins]
    if len(set(names)) < len(names):
        return "a host that was read twice"
    if observation.ended < observation.began:
        return "an end before its beginning"
    return ""


def check_save(path: Path) -> None:
    """Check that an observation may be written to `path`: nothing is there, or an observation of
    any version, or an empty file.

    Raises:
        UsageError: it holds something else, such as an inventory, which would be lost.
    """
    if not path.is_file():  # what is not a file is refused when it is written
        return
    try:
        with path.open("rb") as file:
            data = file.read(OBSERVATION_LIMIT)
        head = decode(data, object) if data else None
        lost = data and not (isinstance(head, dict) and head.keys() >= _OBSERVATION_HAS)
    except (OSError, WireError):
        lost = True
    if lost:
        raise UsageError(
            f"{path} holds something else, and is not overwritten with an observation",
            guard="--save",
            got="a file that is not an observation",
            expected="a path where nothing is, or an earlier observation",
            next_step="choose another path for --save",
        )


def save_observation(observation: Observation, path: Path) -> None:
    """Write `observation` to `path` as canonical JSON, whole or not at all. An earlier
    observation is replaced, and nothing else.

    Raises:
        UsageError: the file holds something else.
        MachineError: the file cannot be written.
    """
    check_save(path)
    try:
        write_named_file(path, canonical(observation) + b"\n")
    except OSError as error:
        raise named_file_error(
            "the observation", path, error, guard="observation file", option="--save"
        ) from error


def load_observation(path: Path) -> Observation:
    """The observation in the file `path`.

    Raises:
        UsageError: it cannot be read, is not an observation, or has another format.
    """
    try:
        data = read_trusted(path, limit=OBSERVATION_LIMIT).data
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    try:
        version = format_of(data)
        if version != str(OBSERVATION_FORMAT):
            raise _unusable(path, f"format {version!r}")
        observation = decode(data, Observation)
    except WireError as error:
        raise _unusable(path, str(error)) from error
    for moment in (observation.began, observation.ended):
        if moment.year not in YEARS:
            raise _unusable(path, f"it was made in the year {moment.year}")
    return observation


def _unusable(path: Path, got: str) -> UsageError:
    return UsageError(
        f"{path} is not an observation that can be used",
        guard="observation file",
        got=got[:300],
        expected=f"an observation of format {OBSERVATION_FORMAT}, as `--save` writes it",
        next_step="observe again: remediate diagnose --inventory INVENTORY --save FILE",
    )
