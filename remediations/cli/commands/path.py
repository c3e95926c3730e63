"""`remediate path WHAT`: where this installation keeps the files that others may use or read."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.errors import ExitCode, MachineError
from remediations.files.shipped import shipped

WHAT = ("deploys", "probe", "checks")


@click.command("path", help="Print the directory of the deploys or checks, or the probe's file.")
@click.argument("what", type=click.Choice(WHAT))
@json_option
def command(what: str) -> Answer:
    """Exit 0, with one line: for `pyinfra @remediate/FILE $(remediate path deploys)/NAME.py`."""
    path = _place(what)
    if not path.exists():
        raise MachineError(
            f"this installation has no {what}",
            guard=what,
            got=f"{path} does not exist",
            expected="files that belong to the package",
            next_step="install the package again",
        )
    return Answer(exit_code=ExitCode.OK, document={what: str(path)}, text=str(path))


def _place(what: str) -> Path:
    import remediations

    package = Path(remediations.__path__[0]).absolute()
    if what == "probe":
        return package / "systems" / "hosts" / "probe.sh"
    if what == "checks":
        return package / "playbooks" / "chain" / "checks"
    return shipped("deploys").absolute()
