"""What a word on the command line names: a run of this machine, one that travels, or the file of a
plan."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import read_plan
from remediations.engine.runs.history import check_newest, check_open
from remediations.engine.runs.store import ARCHIVE_SUFFIX, RunDirectory, find_run, is_path_name

PLAN_SUFFIX = ".json"


@dataclass(frozen=True, kw_only=True)
class OpenedPlan:
    """A plan, with the run that it belongs to; None for a plan's file, which has nothing else.
    `reference` is the word by which a command names it."""

    plan: Plan
    run: RunDirectory | None
    reference: str

    @property
    def digest(self) -> str:
        """The digest of the plan."""
        return plan_digest(self.plan)

    def check_open(self) -> None:
        """Check that there is something to approve, as far as the files of this machine say.

        Raises:
            ApprovalError: it was applied, or is superseded.
        """
        if self.run is not None:
            check_open(self.run)
        else:
            check_newest(self.plan, self.reference, "")


def open_run(name: str) -> RunDirectory:
    """The run called `name`, or in the file `name`, which ends in .tar: to be read only, by the
    command that runs.

    Raises:
        UsageError: there is none, or it cannot be used.
        MachineError: the state directory cannot be read, or there is no space to unpack a file.
    """
    if not name.endswith(ARCHIVE_SUFFIX):
        return find_run(name)
    # Imported here: most commands are given a run of this machine.
    from remediations.engine.runs.archived_run import unpacked_run

    return click.get_current_context().with_resource(unpacked_run(Path(name)))


def open_plan(name: str) -> OpenedPlan:
    """The plan in the file `name`, which ends in .json or has a `/` in it, or of the run.

    Raises:
        UsageError: there is none, or it cannot be used.
        MachineError: the state directory cannot be read.
    """
    packed = name.endswith(ARCHIVE_SUFFIX)
    file = is_path_name(name) and not packed and os.path.isfile(name)  # noqa: PTH113 - any name
    if name.endswith(PLAN_SUFFIX) or file:
        return OpenedPlan(plan=read_plan(Path(name)), run=None, reference=shlex.quote(name))
    run = open_run(name)
    return OpenedPlan(plan=run.plan, run=run, reference=run.reference)
