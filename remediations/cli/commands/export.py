"""`remediate export RUN [FILE]`: a run as one file, for another machine. Contacts no host."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from remediations.cli.options import json_option, run_argument
from remediations.cli.output import CommandResult
from remediations.engine.runs.archive import RunManifest, pack_run, write_archive
from remediations.engine.runs.store import ARCHIVE_SUFFIX, JOURNAL_FILE, find_run
from remediations.errors import ExitCode
from remediations.render.formats import count_of
from remediations.render.printable import one_line


@click.command("export", help="Write RUN as one FILE, to be read, signed and applied elsewhere.")
@run_argument
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(run: str, file: Path | None) -> CommandResult:
    """Exit 0. 2: the files of the run are not what was written."""
    directory = find_run(run)
    packed = pack_run(directory)
    path = file or Path(f"{directory.name}{ARCHIVE_SUFFIX}")
    write_archive(packed, path)
    shown = one_line(shlex.quote(str(path)))
    return CommandResult(
        exit_code=ExitCode.OK,
        document={"manifest": packed.manifest, "digest": packed.sha256, "file": str(path)},
        text=f"exported {directory.name} to {shown}\n"
        f"sha256    {packed.sha256}\n"
        f"contains  {contents(packed.manifest)}\n"
        f"next: where it is needed, `remediate import {shown}`; or `remediate show {shown}`",
    )


def contents(manifest: RunManifest) -> str:
    """What is in an archive, in one sentence. The journal of a run names who applied it, and the
    files by which it was judged: that is what it is for, and whoever gets it should know."""
    names = [one.name for one in manifest.files]
    approvals = sum(name.startswith("approvals/") for name in names)
    said = f"plan, observation, inventory, {count_of(approvals, 'approval')}"
    if JOURNAL_FILE not in names:
        return f"{said}; nothing of this machine"
    return f"{said}, the journal, which names who applied it and by which files it was judged"
