"""Reads a plan's file: byte for byte as this version writes it, or not at all."""

from __future__ import annotations

from pathlib import Path

from remediations.engine.plan.plan import PLAN_FORMAT, Plan
from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.values.wire import WireError, canonical, decode, format_of

PLAN_FILE = "plan.json"
"""The name of the plan in the directory of a run."""
PLAN_LIMIT = 64 * MEGABYTE
"""Bytes; enough for ten thousand hosts with one program each."""


def read_plan(path: Path) -> Plan:
    """Read a plan. It is refused unless it is byte for byte what this version writes.

    Raises:
        UsageError: it cannot be read, is truncated, edited or of another version, or others could
            have written it.
    """
    try:
        data = read_trusted(path, limit=PLAN_LIMIT).data
        version = format_of(data)
        if version != str(PLAN_FORMAT):
            raise unusable_file_error(path, f"plan format {version!r}", f"format {PLAN_FORMAT}")
        plan = decode(data, Plan)
    except OSError as error:
        raise unreadable_file_error(path, error) from error
    except WireError as error:
        raise unusable_file_error(path, str(error)) from error
    if canonical(plan) != data:
        raise unusable_file_error(
            path, "bytes that are not canonical: it was edited", "the file as written"
        )
    return plan


def unusable_file_error(
    path: Path, got: str, expected: str = "a whole, unedited file of this version"
) -> UsageError:
    """The refusal of a file in the directory of a run."""
    return UsageError(
        f"{path} cannot be used",
        guard="file",
        got=got,
        expected=expected,
        next_step="remediate plan (again); a plan is never repaired by hand",
    )


def unreadable_file_error(path: Path, error: OSError) -> UsageError:
    """The refusal of a file of a run that is missing, or may not be read."""
    return UsageError(
        f"{path} cannot be read",
        guard="file",
        got=error.strerror or str(error),
        expected="a file of a run",
        next_step="`remediate status` lists the runs",
    )
