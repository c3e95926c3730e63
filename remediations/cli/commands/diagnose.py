"""`remediate diagnose`: what is wrong, and the evidence for it. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec.structs import replace

from remediations.cli.observing import get_observation, require_inventory
from remediations.cli.options import observation_options
from remediations.cli.output import CommandResult, next_command, terminal_style
from remediations.engine.catalogue import catalogue, find_playbook
from remediations.engine.domain import AnyDomain
from remediations.engine.find.conclude import SEVERITY, conclude
from remediations.engine.find.finding import Finding, Health
from remediations.engine.find.render_text import finding_text
from remediations.engine.observe.observation import failed_systems
from remediations.engine.runs.history import last_unproven
from remediations.errors import ExitCode, UsageError
from remediations.machine.config import MachineConfig, load_machine_config
from remediations.render.formats import format_observed

EXITS = {Health.WELL: ExitCode.OK, Health.UNKNOWN: ExitCode.UNREADABLE}


@click.command("diagnose", help="Read all hosts (read-only) and say what is wrong.")
@click.argument("what", required=False, metavar="[DOMAIN|PLAYBOOK]")
@observation_options
@click.option("--verbose", is_flag=True, help="Also show every reading relied upon.")
def command(
    what: str | None, inventory: Path | None, source: Path | None, save: Path | None, verbose: bool
) -> CommandResult:
    """Exit 0: all is well. 3: something is wrong. 11: too little could be read to conclude."""
    domains = _domains(what, load_machine_config())
    known = require_inventory(inventory) if inventory is not None or source is None else None
    observation = get_observation(known, source, save)
    found = conclude(domains, observation, failed_systems(observation) if what is None else ())
    style, now = terminal_style(), datetime.now(UTC)
    before = [last_unproven(one.resources, now) for one in found]
    texts = [
        finding_text(
            _shown(one.finding),
            width=style.width,
            colour=style.colour,
            verbose=verbose,
            explained_by=one.explained_by,
            notes=(
                ("observed", format_observed(observation.ended, now)),
                *((("last run", past.told(now)),) if past else ()),
            ),
        )
        for one, past in zip(found, before, strict=True)
    ]
    return CommandResult(
        exit_code=worst_exit_code([one.finding for one in found]),
        document=[
            {
                "finding": one.finding,
                "detail": one.detail,
                "explained_by": list(one.explained_by),
                "observed_at": observation.ended,
                "last_run": past,
            }
            for one, past in zip(found, before, strict=True)
        ],
        text="\n\n".join(texts),
    )


def _domains(what: str | None, config: MachineConfig) -> tuple[AnyDomain, ...]:
    """All domains, or the one that is named directly or by one of its playbooks.

    Raises:
        UsageError: there is none of that name.
        Refused: it is installed, but broken, ambiguous or not allowed here.
    """
    found = catalogue(config)
    if what is None:
        return found.domains
    for domain in found.domains:
        if domain.name.casefold() == what.casefold():
            return (domain,)
    installed = find_playbook(what, config)
    if installed is not None:
        return (installed.domain,)
    names = [domain.name for domain in found.domains]
    ids = [one.playbook.id for one in found.playbooks]
    raise UsageError(
        f"there is no domain and no playbook {what!r}",
        guard="domain",
        got=what,
        expected=", ".join([*names, *ids]) or "an installed domain",
        next_step="remediate list",
    )


def _shown(finding: Finding) -> Finding:
    if not finding.playbook:
        return finding
    return replace(finding, next_step=next_command("plan", finding.playbook))


def worst_exit_code(findings: Sequence[Finding]) -> ExitCode:
    """The exit code for findings: the worst health decides."""
    worst = max((finding.health for finding in findings), key=SEVERITY.index)
    return EXITS.get(worst, ExitCode.CHANGES_PENDING)
