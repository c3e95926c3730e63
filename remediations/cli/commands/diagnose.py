"""`remediate diagnose`: what is wrong, and how we know it. Reads only."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from remediations.cli.answer import Answer
from remediations.cli.next_command import next_command
from remediations.cli.options import reads_the_world
from remediations.cli.terminal import look
from remediations.cli.world import inventory_of, observation_for
from remediations.engine.find.finding import ChainClass, Finding
from remediations.engine.find.render_text import finding_text
from remediations.errors import ExitCode
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.explain import playbook_for
from remediations.systems.comet.reading import comet_reading


@click.command("diagnose", help="Read all hosts (read-only) and say what is wrong.")
@reads_the_world
@click.option("-v", "--verbose", is_flag=True, help="Also show every reading relied upon.")
def command(
    inventory: Path | None, source: Path | None, save: Path | None, verbose: bool
) -> Answer:
    """Exit 0: healthy. 3: something is wrong. 11: too little could be read to conclude."""
    known = inventory_of(inventory) if inventory is not None or source is None else None
    finding = diagnose(comet_reading(observation_for(known, source, save)))
    style = look()
    playbook = playbook_for(finding.chain, finding.nodes)
    shown = replace(finding, next_step=next_command("plan", playbook)) if playbook else finding
    return Answer(
        exit_code=verdict(finding),
        document=finding,
        text=finding_text(shown, width=style.width, colour=style.colour, verbose=verbose),
    )


def verdict(finding: Finding) -> ExitCode:
    """The exit code that a finding amounts to."""
    if finding.chain is ChainClass.UNDETERMINED:
        return ExitCode.UNREADABLE
    if finding.chain is ChainClass.HEALTHY:
        return ExitCode.OK
    return ExitCode.CHANGES_PENDING
