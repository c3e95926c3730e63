"""An approval that travels by itself: one file, written where it is signed, read where it counts.

Nothing in it is believed but the signature (`verify_approval`), so it may come over any way.
"""

from __future__ import annotations

from pathlib import Path

from remediations.engine.approve.approval import Approval
from remediations.errors import UsageError
from remediations.files.trusted import MEGABYTE, read_trusted
from remediations.files.writing import named_file_error, write_named_file
from remediations.values.wire import WireError, canonical, decode

APPROVAL_LIMIT = MEGABYTE // 10


def check_approval_path(path: Path) -> None:
    """Check that an approval may be written to `path`: nothing is there, or an approval.

    Raises:
        UsageError: it holds something else, such as a key, which would be lost.
    """
    if not path.is_file():  # what is not a file is refused when it is written
        return
    try:
        with path.open("rb") as file:
            decode(file.read(APPROVAL_LIMIT), Approval)
    except (OSError, WireError) as error:
        raise UsageError(
            f"{path} holds something else, and is not overwritten with an approval",
            guard="--out",
            got="a file that is not an approval",
            expected="a path where nothing is, or an earlier approval",
            next_step="choose another path for --out",
        ) from error


def write_approval(approval: Approval, path: Path) -> None:
    """Write `approval` to `path` as canonical JSON, whole or not at all.

    Raises:
        UsageError: the file holds something else.
        MachineError: it cannot be written.
    """
    check_approval_path(path)
    try:
        write_named_file(path, canonical(approval))
    except OSError as error:
        raise named_file_error(
            "the approval", path, error, guard="approval file", option="--out"
        ) from error


def read_approval(path: Path) -> Approval:
    """The approval in the file `path`: byte for byte as it was written, or not at all.

    Raises:
        UsageError: it cannot be read, is not an approval, or was edited; or others could have
            written it.
    """
    try:
        data = read_trusted(path, limit=APPROVAL_LIMIT).data
        approval = decode(data, Approval)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    except WireError as error:
        raise _unusable(path, str(error)) from error
    if canonical(approval) != data:
        raise _unusable(path, "bytes that are not canonical: it was edited")
    return approval


def _unusable(path: Path, got: str) -> UsageError:
    return UsageError(
        f"{path} is not an approval that can be used",
        guard="approval file",
        got=got,
        expected="an approval, byte for byte as `remediate approve … --out FILE` writes it",
        next_step="get the file again from who signed: something changed it on its way",
    )
