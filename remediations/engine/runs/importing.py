"""Takes a run that travelled into the state directory of this machine: whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from remediations.engine.runs.archive import (
    RunManifest,
    check_together,
    pack_run,
    read_archive,
)
from remediations.engine.runs.archived_run import fill_directory
from remediations.engine.runs.store import RUNS, RunDirectory, state_directory
from remediations.errors import UsageError
from remediations.files.writing import (
    ensure_private_directory,
    state_directory_error,
    sync_directory,
)

SHOWN = 8
"""How many files that differ are named."""


def import_run(path: Path, sha256: str | None = None) -> tuple[RunDirectory, bool]:
    """The run that was in the archive `path`, and whether it is new here. One that is here already,
    with the same files, is left as it is.

    Raises:
        UsageError: the archive cannot be used, or another state of the run is here.
        MachineError: the state directory cannot be written.
    """
    packed, files = read_archive(path, sha256)
    state = state_directory().absolute()
    run = RunDirectory(state / RUNS / packed.manifest.run)
    if os.path.lexists(run.path):
        _check_same(run, packed.manifest)
        return run, False
    for directory in (state, run.path.parent):
        ensure_private_directory(directory)
    _place(run, files, packed.manifest)
    return run, True


def _place(run: RunDirectory, files: Mapping[str, bytes], manifest: RunManifest) -> None:
    """Write the directory under another name, check it there, and rename it."""
    fresh = run.path.with_name(f".{run.name}.{os.getpid()}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fill_directory(fresh, files)
        check_together(RunDirectory(fresh), manifest)
        fresh.rename(run.path)
        sync_directory(run.path.parent)
    except OSError as error:
        raise state_directory_error(run.path, error) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _check_same(run: RunDirectory, manifest: RunManifest) -> None:
    """Refuse another state of a run that is here: which of the two is the newer one, and whether
    they grew apart, nobody can say by looking at them."""
    here = {one.name: one.sha256 for one in pack_run(run).manifest.files}
    brought = {one.name: one.sha256 for one in manifest.files}
    differing = [
        name for name in dict.fromkeys((*here, *brought)) if here.get(name) != brought.get(name)
    ]
    if differing:
        raise UsageError(
            f"the run {run.name} is here already, in another state",
            guard="one directory of a run",
            got=", ".join(differing[:SHOWN]) + (" …" if len(differing) > 8 else ""),
            expected="the same files, or no such run",
            next_step=f"take an approval into it with `remediate approvals {run.name} --add FILE`; "
            f"or look at both (`remediate status FILE`), and move {run.path} away",
        )
