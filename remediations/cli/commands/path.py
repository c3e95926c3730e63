"""`remediate path WHAT`: where this installation has files for other programs and for readers."""

from __future__ import annotations

from pathlib import Path

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.errors import ExitCode, MachineError, UsageError
from remediations.files.shipped import shipped_path

WHAT = ("deploys", "probe", "checks")


@click.command("path", help="Print the directory of the deploys or checks, or the probe's file.")
@click.argument("what", type=click.Choice(WHAT))
@click.argument("domain", required=False)
@json_option
def command(what: str, domain: str | None) -> CommandResult:
    """Exit 0, with one line: `pyinfra @remediate/FILE $(remediate path deploys)/DOMAIN/NAME.py`.

    DOMAIN is the owner of the checks; it may be omitted if only one domain is installed.
    """
    path = _checks(domain) if what == "checks" else _place(what)
    if not path.exists():
        raise MachineError(
            f"this installation has no {what}",
            guard=what,
            got=f"{path} does not exist",
            expected="files that belong to the package",
            next_step="install the package again",
        )
    return CommandResult(exit_code=ExitCode.OK, document={what: str(path)}, text=str(path))


def _place(what: str) -> Path:
    import remediations

    package = Path(remediations.__path__[0]).absolute()
    if what == "probe":
        return package / "systems" / "hosts" / "probe.sh"
    return shipped_path("deploys").absolute()


def _checks(name: str | None) -> Path:
    # Imported here: the other paths need no domain.
    from remediations.engine.catalogue import catalogue
    from remediations.engine.verify.suite import suite_of
    from remediations.machine.config import load_machine_config

    domains = catalogue(load_machine_config()).domains
    found = [one for one in domains if name is None or one.name.casefold() == name.casefold()]
    if len(found) == 1:
        return suite_of(found[0]).absolute()
    raise UsageError(
        "several domains have checks" if found else f"there is no domain {name!r}",
        guard="domain",
        got="none given" if name is None else name,
        expected=", ".join(one.name for one in domains) or "an installed domain",
        next_step="remediate path checks DOMAIN",
    )
