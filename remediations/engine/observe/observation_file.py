"""The file of an observation (`--save`, `--from`, a run's observation.json)."""

from __future__ import annotations

from pathlib import Path

from remediations.engine.observe.observation import (
    OBSERVATION_FORMAT,
    OBSERVATION_LIMIT,
    Observation,
)
from remediations.errors import MachineError, UsageError
from remediations.files.trusted import read_trusted
from remediations.files.writing import write_named_file
from remediations.values.wire import WireError, canonical, decode, format_of

YEARS = range(2000, 2900)
"""What a clock of ours may show: a plan is good for a while from then on."""


def save_observation(observation: Observation, path: Path) -> None:
    """Write `observation` to `path` as canonical JSON, whole or not at all.

    Raises:
        MachineError: the file cannot be written.
    """
    try:
        write_named_file(path, canonical(observation) + b"\n")
    except OSError as error:
        raise MachineError(
            f"the observation cannot be written to {path}",
            guard="observation file",
            got=error.strerror or str(error),
            expected="a path that can be written, where nothing or a regular file stands",
            next_step="choose another path for --save",
        ) from error


def load_observation(path: Path) -> Observation:
    """The observation in the file `path`.

    Raises:
        UsageError: it cannot be read, is no observation, or is one of another format.
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
        f"{path} is no observation that can be used",
        guard="observation file",
        got=got[:300],
        expected=f"an observation of format {OBSERVATION_FORMAT}, as `--save` writes it",
        next_step="observe again: remediate diagnose --inventory INVENTORY --save FILE",
    )
