"""`remediate plan PLAYBOOK`: exactly what would be done, shown before anything is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.answer import Answer
from remediations.cli.next_command import next_command
from remediations.cli.options import limit_option, reads_the_world, split_hosts
from remediations.cli.standing import expired
from remediations.cli.terminal import look
from remediations.cli.world import TOOL, inventory_of, observation_for
from remediations.engine.catalogue import named
from remediations.engine.find.conclude import concerned
from remediations.engine.find.finding import Finding
from remediations.engine.find.render_text import finding_text
from remediations.engine.installed_systems import installed_systems
from remediations.engine.plan.build import Maker
from remediations.engine.plan.plan import plan_digest
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.render_text import plan_text
from remediations.engine.runs.store import create
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config
from remediations.render.printable import one_line


@click.command("plan", help="Say exactly what would be done, and keep it as a run to be approved.")
@click.argument("playbook")
@click.option("--branch", help="Which resolution; by default the one that the finding supports.")
@limit_option
@reads_the_world
@click.option("--verbose", is_flag=True, help="Whole commands, and every guard.")
def command(
    playbook: str,
    branch: str | None,
    limit: str | None,
    inventory: Path | None,
    source: Path | None,
    save: Path | None,
    verbose: bool,
) -> Answer:
    """Exit 3: a plan waits for approval. 4: a guard refuses. 0: healthy, nothing to do."""
    installed, only = named(playbook, load_machine_config()), split_hosts(limit)
    hosts, style = inventory_of(inventory), look()
    made = click.get_current_context().with_resource(
        installed_systems(load_machine_config()).workshops()
    )  # ready while hosts are read
    observation = observation_for(hosts, source, save)
    concerned([installed.domain], observation)
    finding = installed.domain.told(installed.domain.situation(observation, only))
    if finding.well and not only and branch is None:
        return Answer(
            exit_code=ExitCode.OK,
            document={"finding": finding, "plan": None, "run": None, "digest": None},
            text=f"nothing to do: {_all_well(finding)}\n"
            + finding_text(finding, width=style.width, colour=style.colour),
        )
    maker = Maker(
        domain=installed.domain,
        playbook=installed.playbook,
        origin=installed.origin(),
        tool=TOOL,
        workshops=made,
    )
    plan = make_plan(maker, branch, observation, only)
    digest = plan_digest(plan)
    text = plan_text(plan, digest, width=style.width, colour=style.colour, verbose=verbose)
    if plan.blocked:
        first = plan.blocked[0]
        ids = " ".join(dict.fromkeys(guard.id for guard in plan.blocked))
        return Answer(
            exit_code=ExitCode.REFUSED,
            document={"plan": plan, "digest": digest, "run": None},
            text=f"{text}\n\nrefused by {len(plan.blocked)} guard(s); nothing was changed, no run "
            f"was made\n`remediate explain {ids}` says why\nnext: {one_line(first.next_step)}",
        )
    run = create(plan, observation, hosts, datetime.now(UTC))
    next_step = next_command("approve", run.name, "--key", "KEY")
    if expired(plan):  # of an observation from before: it can be read, and not be approved
        again = next_command("plan", plan.playbook, inventory=hosts.path)
        next_step = f"{again} (this one has expired)"
    return Answer(
        exit_code=ExitCode.CHANGES_PENDING,
        document={"plan": plan, "digest": digest, "run": run.name},
        text=f"{text}\n\nnothing was changed; the plan waits as run {run.name}\nnext: {next_step}",
    )


def _all_well(finding: Finding) -> str:
    if not finding.noun:
        return f"the {finding.domain} is well"
    return f"the {finding.domain} and every {finding.noun} are well"
