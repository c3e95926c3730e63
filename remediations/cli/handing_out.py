"""What `plan --out DIR` leaves for whoever reads, signs or applies the plan elsewhere."""

from __future__ import annotations

from pathlib import Path

from remediations.engine.plan.change import change_digest
from remediations.engine.plan.plan import Plan, plan_digest
from remediations.engine.plan.plan_file import PLAN_FILE
from remediations.engine.plan.rehearsal import Rehearsed
from remediations.engine.runs.store import RunDirectory
from remediations.errors import UsageError
from remediations.files.writing import named_file_error, write_named_file
from remediations.values.wire import canonical

ARCHIVE = "run.tar"
"""The name of the run in the directory: a script need not know the run's own."""
REVIEW = "plan.md"
"""What a pull request shows."""
SHOWN = 4


def check_empty(directory: Path) -> None:
    """Check that nothing is in `directory`: a file that an earlier plan left there would be taken
    for this one's.

    Raises:
        UsageError: something is there, or it cannot be read.
    """
    try:
        found = sorted(one.name for one in directory.iterdir()) if directory.exists() else []
    except OSError as error:
        found = [error.strerror or str(error)]
    if found:
        raise UsageError(
            f"{directory} is not empty",
            guard="--out",
            got=", ".join(found[:SHOWN]) + (" …" if len(found) > SHOWN else ""),
            expected="a directory that does not exist yet, or is empty",
            next_step="name another directory with --out",
        )


def hand_out(
    directory: Path,
    plan: Plan,
    run: RunDirectory | None = None,
    rehearsed: Rehearsed | None = None,
) -> None:
    """Write the plan into `directory`, and the run if one was made of it. The review also tells
    what came of a rehearsal, which is not part of the plan but for what it set in there.

    Raises:
        MachineError: it cannot be written.
        UsageError: the run is too large to travel.
    """
    # Imported here, as below: most plans stay where they are.
    from remediations.cli.rehearsing import rehearsal_markdown
    from remediations.engine.plan.review import review_markdown

    review = review_markdown(plan, plan_digest(plan), change_digest(plan))
    if rehearsed is not None:
        review = f"{review}\n{rehearsal_markdown(rehearsed)}"
    files = {PLAN_FILE: canonical(plan), REVIEW: review.encode()}
    if run is not None:
        from remediations.engine.runs.archive import pack_run

        files[ARCHIVE] = pack_run(run).data
    for name, data in files.items():
        try:
            directory.mkdir(parents=True, exist_ok=True)
            write_named_file(directory / name, data)
        except OSError as error:
            raise named_file_error(
                f"the plan's {name}", directory, error, guard="--out", option="--out"
            ) from error
