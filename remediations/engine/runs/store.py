"""The state directory: one directory for each run, and nothing else (docs/run.md).

$REMEDIATE_HOME/runs/RUN/plan.json          the plan's canonical bytes
                         observation.json   what it was made from
                         inventory.json     the hosts, for the record: what acts reads the live one
                         approvals/N.json
                         journal.jsonl
                         stop.json          while somebody asks a living process to stop it
                         checks.json  checks-2.json …: one for each verification
                         report.md  report.json  report.html
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from remediations.engine.approve.approval import Approval
from remediations.engine.approve.approval_file import APPROVAL_LIMIT
from remediations.engine.observe.digest import portable_inventory
from remediations.engine.observe.observation import Observation, load_observation
from remediations.engine.plan.plan import NAMING, Plan, plan_digest
from remediations.engine.plan.plan_file import (
    PLAN_FILE,
    read_plan,
    unreadable_file_error,
    unusable_file_error,
)
from remediations.engine.runs.records import StopAsked
from remediations.engine.verify.result import CheckResult
from remediations.errors import MachineError, UsageError
from remediations.files.trusted import MEGABYTE, TrustedFile, check_directory, read_trusted
from remediations.files.writing import (
    create_file,
    ensure_private_directory,
    replace_file,
    state_directory_error,
)
from remediations.values.inventory import Inventory
from remediations.values.wire import WireError, canonical, decode

T = TypeVar("T")
NEWEST = "last"
_SECOND = len("20261125-120000")
"""Characters of a run's name that say when it was made."""
RUNS = "runs"
OBSERVATION_FILE, INVENTORY_FILE = "observation.json", "inventory.json"
JOURNAL_FILE = "journal.jsonl"
ARCHIVE_SUFFIX = ".tar"
STOP_FILE = "stop.json"
CHECKS_FILE = "checks.json"
"""The results of the first verification; those of a later one are beside it (`checks_file`)."""
CHECKS_LIMIT = 16 * MEGABYTE
NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
"""The errors of the system that mean that there is no such directory."""
_CHECKS = re.compile(r"checks(?:-([1-9][0-9]{0,5}))?\.json")
_SLUG = re.compile(r"[^a-z0-9]+")


def state_directory() -> Path:
    """$REMEDIATE_HOME, else `remediate` in the XDG state directory."""
    named = os.environ.get("REMEDIATE_HOME")
    if named:
        return Path(named)
    # Imported here: `status` takes 7 ms less without it.
    import platformdirs

    return platformdirs.user_state_path("remediate")


@dataclass(frozen=True, kw_only=True)
class KeptApproval:
    """One approval file in the directory of a run."""

    file: str
    sha256: str
    approval: Approval


@dataclass(frozen=True, kw_only=True)
class KeptChecks:
    """A file with the results of a verification in the directory of a run."""

    file: str
    sha256: str
    results: tuple[CheckResult, ...]


class RunDirectory:
    """The files of one run.

    Plan, observation and approvals are read and checked once; later calls return the same value.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def reference(self) -> str:
        """The argument by which a command names it: its id, or its path if it is elsewhere."""
        inside = self.path.parent == state_directory().absolute() / RUNS
        return self.name if inside else str(self.path)

    @property
    def travels(self) -> bool:
        """Whether it is in an archive (`runs.archived_run`), and can only be read."""
        return False

    @property
    def journal(self) -> Path:
        """The journal's file; absent before the run is applied."""
        return self.path / JOURNAL_FILE

    @cached_property
    def plan(self) -> Plan:
        """The plan, exactly as it was written.

        Raises:
            UsageError: it was edited or truncated, is of another version, or is not trusted.
        """
        return read_plan(self.path / PLAN_FILE)

    @cached_property
    def digest(self) -> str:
        """The digest of the plan."""
        return plan_digest(self.plan)

    @cached_property
    def observation(self) -> Observation:
        """The observation from which the plan was made.

        Raises:
            UsageError: it was edited or truncated, is of another version, or is not trusted.
        """
        return load_observation(self.path / OBSERVATION_FILE)

    @cached_property
    def approvals(self) -> tuple[KeptApproval, ...]:
        """All approvals given so far, valid or not."""
        names = [name for name in _names(self.path / "approvals") if name.endswith(".json")]
        return tuple(self._approval(f"approvals/{name}") for name in names)

    def checks(self) -> tuple[KeptChecks, ...]:
        """The results of each verification, oldest first.

        The journal says which of them a verification wrote (`runs.binding`).
        """
        numbered = {name: _CHECKS.fullmatch(name) for name in _names(self.path)}
        names = {name: int(match[1] or 1) for name, match in numbered.items() if match}
        return tuple(self._checks(name) for name in sorted(names, key=names.__getitem__))

    def add_approval(self, approval: Approval) -> Path:
        """Add an approval. If two people approve at the same time, both are kept.

        Raises:
            MachineError: it cannot be written.
        """
        for number in itertools.count(1):
            target = self.path / "approvals" / f"{number:03}.json"
            if create_file(target, canonical(approval)):
                return target
        raise AssertionError("numbers do not end")

    def ask_stop(self, asked: StopAsked) -> None:
        """Ask the process that applies the run to stop it.

        Raises:
            MachineError: it cannot be written.
        """
        self.write(STOP_FILE, canonical(asked))

    def stop_asked(self) -> StopAsked | None:
        """By whom and why the run is to be stopped; None while nobody asks for it. A file that
        cannot be used stops nothing: anything may end up in a directory."""
        try:
            return self._read(STOP_FILE, StopAsked, APPROVAL_LIMIT)[1]
        except (UsageError, MachineError):
            return None

    def forget_stop(self) -> None:
        """Withdraw what `ask_stop` asked for, when the run is resumed.

        Raises:
            MachineError: it cannot be removed.
        """
        try:
            (self.path / STOP_FILE).unlink(missing_ok=True)
        except OSError as error:
            raise state_directory_error(self.path / STOP_FILE, error) from error

    def write(self, name: str, data: bytes) -> Path:
        """Write a file, whole or not at all.

        Raises:
            MachineError: it cannot be written.
        """
        target = self.path / name
        replace_file(target, data)
        return target

    def _approval(self, name: str) -> KeptApproval:
        file, approval = self._read(name, Approval, APPROVAL_LIMIT)
        return KeptApproval(file=name, sha256=file.sha256, approval=approval)

    def _checks(self, name: str) -> KeptChecks:
        file, results = self._read(name, tuple[CheckResult, ...], CHECKS_LIMIT)
        return KeptChecks(file=name, sha256=file.sha256, results=results)

    def _read(self, name: str, kind: type[T], limit: int) -> tuple[TrustedFile, T]:
        path = self.path / name
        try:
            file = read_trusted(path, limit=limit)
            return file, decode(file.data, kind)
        except OSError as error:
            raise unreadable_file_error(path, error) from error
        except WireError as error:
            raise unusable_file_error(path, str(error)) from error


def checks_file(number: int) -> str:
    """The file with the results of a run's verification of this number, from 1: none of them is
    ever written over another one."""
    return CHECKS_FILE if number == 1 else CHECKS_FILE.replace(".", f"-{number}.")


def create_run(
    plan: Plan, observation: Observation, inventory: Inventory, now: datetime
) -> RunDirectory:
    """A new run for `plan`, named by time, playbook and digest.

    Raises:
        MachineError: the state directory cannot be written.
    """
    slug = _SLUG.sub("-", plan.playbook.lower()).strip("-")
    name = f"{now:%Y%m%d-%H%M%S}-{slug}-{plan_digest(plan)[:NAMING]}"
    run = RunDirectory(state_directory() / RUNS / name)
    for directory in (state_directory(), run.path.parent):
        ensure_private_directory(directory)
    run.write(OBSERVATION_FILE, canonical(observation))
    run.write(INVENTORY_FILE, canonical(portable_inventory(inventory)))
    # Last, because a directory without a plan is not a run (if the machine dies here).
    run.write(PLAN_FILE, canonical(plan))
    return run


def list_runs() -> tuple[RunDirectory, ...]:
    """All runs, oldest first.

    Raises:
        MachineError: the state directory cannot be read, or others may write to it.
    """
    parent = state_directory() / RUNS
    names = _names(parent)
    if names:
        check_directory(parent, refusal=MachineError)
    # One that begins with a dot is being written (`runs.importing`).
    shown = (name for name in names if not name.startswith("."))
    runs = [RunDirectory(parent / name) for name in shown if _is_run(parent / name)]
    return tuple(sorted(runs, key=_made))


def _made(run: RunDirectory) -> tuple[str, int, str]:
    """When a run was made: by the second in its name, which an imported one keeps; of those of one
    second by when its plan was written here, since the digest in the name says nothing of it."""
    try:
        written = (run.path / PLAN_FILE).stat().st_mtime_ns
    except OSError:  # removed meanwhile: whoever reads it is told
        written = 0
    return run.name[:_SECOND], written, run.name


def find_run(name: str) -> RunDirectory:
    """The run called `name`: its id, the beginning or the end of it, `last`, or its directory. A
    directory needs a `/`: one in the current directory is not taken for a run by accident.

    Raises:
        UsageError: there is none, or more than one; lists candidates.
        MachineError: the state directory cannot be read.
    """
    if is_path_name(name) and PLAN_FILE in _names(Path(name)):
        return RunDirectory(Path(name).resolve())
    if name.endswith(ARCHIVE_SUFFIX):
        raise read_only_error(shlex.quote(name), "a file that can only be read")
    every = list_runs()
    if name == NEWEST and every:
        return every[-1]
    exact = [run for run in every if run.name == name]
    fitting = exact or [r for r in every if r.name.startswith(name) or r.name.endswith(name)]
    if len(fitting) == 1:
        return fitting[0]
    shown = ", ".join(run.name for run in (fitting or every)[-5:])
    raise UsageError(
        f"{'no' if not fitting else 'more than one'} run is called {name!r}",
        guard="run",
        got=name,
        expected=shown or "a run: none was planned yet",
        next_step="remediate status" if every else "remediate plan PLAYBOOK --inventory FILE",
    )


def read_only_error(reference: str, got: str) -> UsageError:
    """The refusal to change a run in an archive, or to act on it."""
    return UsageError(
        f"{reference} is a run that travels: it is read, and never changed",
        guard="a run here",
        got=got,
        expected="a run in the state directory of this machine",
        next_step=f"remediate import {reference}",
    )


def is_path_name(name: str) -> bool:
    """Whether it has the form of a path, not of the name of a run."""
    return os.sep in name or name in (os.curdir, os.pardir)


def _is_run(directory: Path) -> bool:
    """Whether it is a run. So is one of another user: using it reports why that is impossible."""
    try:
        return PLAN_FILE in _names(directory)
    except MachineError:
        return True


def _names(directory: Path) -> list[str]:
    """The names in a directory, sorted; none if it does not exist.

    Raises:
        MachineError: it cannot be read, for example because it belongs to another user.
    """
    try:
        return sorted(entry.name for entry in directory.iterdir())
    except OSError as error:
        if error.errno in NOWHERE:
            return []
        raise state_directory_error(directory, error) from error
