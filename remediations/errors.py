"""Everything that can go wrong, in one tree, each leaf with the exit code it ends the process with.

RemediationError
├── UsageError            2   the command line, a file or an inventory is not usable as given
├── Refused               4   a guard blocked: nothing was changed
├── ApprovalError         5   the approval is missing, invalid, expired or for something else
├── WorldChanged          6   deciding facts no longer hold: nothing was changed
├── PartlyApplied         7   a step failed after another one acted: stopped safely
├── Aborted               9   a person stopped the run
├── Locked               10   another run holds the resource, or the plan was applied already
├── Unreadable           11   too little of the world could be read to conclude anything
└── MachineError         12   this machine cannot (disk, state directory, missing program)

Every error says what it got, what it expected and the next command to run. One place prints them
(`remediations.cli.exits`), as text or as JSON.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The documented exit codes (docs/exit-codes.md). The same with and without `--json`."""

    OK = 0
    USAGE = 2
    CHANGES_PENDING = 3
    REFUSED = 4
    APPROVAL = 5
    WORLD_CHANGED = 6
    PARTLY_APPLIED = 7
    NOT_VERIFIED = 8
    ABORTED = 9
    LOCKED = 10
    UNREADABLE = 11
    MACHINE = 12
    BUG = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class RemediationError(Exception):
    """One refusal or failure, with everything an operator needs to go on.

    `guard` names the rule that refused ("G29", "strict host keys", "inventory"); `got` and
    `expected` are short values; `next_step` is a command or an action, in the imperative.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, what: str, *, guard: str, got: str, expected: str, next_step: str) -> None:
        super().__init__(what)
        self.what = what
        self.guard = guard
        self.got = got
        self.expected = expected
        self.next_step = next_step

    def __str__(self) -> str:
        return (
            f"{self.what}\n  guard     {self.guard}\n  got       {self.got}\n"
            f"  expected  {self.expected}\n  next      {self.next_step}"
        )


class UsageError(RemediationError):
    """The command line, a file or an inventory is not usable as given."""

    exit_code = ExitCode.USAGE


class Refused(RemediationError):
    """A guard blocked, or could not be evaluated. Nothing was changed."""

    exit_code = ExitCode.REFUSED


class ApprovalError(RemediationError):
    """The approval is missing, invalid, expired, or signs something else."""

    exit_code = ExitCode.APPROVAL


class WorldChanged(RemediationError):
    """What decided the plan no longer holds. Nothing was changed."""

    exit_code = ExitCode.WORLD_CHANGED


class PartlyApplied(RemediationError):
    """A step failed after something was done; no later step was started."""

    exit_code = ExitCode.PARTLY_APPLIED


class Aborted(RemediationError):
    """A person stopped the run."""

    exit_code = ExitCode.ABORTED


class Locked(RemediationError):
    """Another run holds the resource, or this plan was applied before."""

    exit_code = ExitCode.LOCKED


class Unreadable(RemediationError):
    """Too little of the world could be read to conclude anything."""

    exit_code = ExitCode.UNREADABLE


class MachineError(RemediationError):
    """This machine cannot do it: disk, state directory, or a missing program."""

    exit_code = ExitCode.MACHINE
