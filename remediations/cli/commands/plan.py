"""`remediate plan PLAYBOOK`: shows exactly what would be done, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from remediations.cli.everything import check_together, show_everything
from remediations.cli.handing_out import check_empty, hand_out
from remediations.cli.inputs import PlanCommand, typed_inputs
from remediations.cli.observing import TOOL, get_observation, require_inventory
from remediations.cli.options import limit_option, observation_options, parse_limit
from remediations.cli.output import CommandResult, TerminalStyle, next_command, terminal_style
from remediations.cli.rehearsing import (
    rehearsal_text,
    rehearse_branch,
    with_rehearsed,
    without_hosts,
)
from remediations.cli.run_status import is_expired
from remediations.engine.catalogue import catalogue, require_playbook
from remediations.engine.find.conclude import Conclusion, concerned_domains, explanations
from remediations.engine.find.finding import Finding
from remediations.engine.installed_systems import installed_systems
from remediations.engine.observe.observation import Observation
from remediations.engine.plan.applicable import why_not
from remediations.engine.plan.build import PlanBuilder
from remediations.engine.plan.change import change_digest
from remediations.engine.plan.inputs import parse_inputs
from remediations.engine.plan.plan import Plan, plan_digest, words_to_plan
from remediations.engine.plan.planning import make_plan
from remediations.engine.plan.rehearsal import Rehearsed
from remediations.engine.runs.history import UnprovenRun, last_unproven
from remediations.engine.runs.store import create_run
from remediations.errors import ExitCode
from remediations.machine.config import load_machine_config
from remediations.render.formats import format_observed
from remediations.render.printable import one_line
from remediations.values.inventory import Inventory

IMPORTS = ("remediations.engine.find.render_text", "remediations.engine.plan.render_text")
"""What draws: imported while hosts are read."""


@click.command(
    "plan",
    cls=PlanCommand,
    help="Show exactly what would be done, and keep it as a run to be approved.",
)
@click.argument("playbook", required=False)
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Show every branch of every playbook, or of PLAYBOOK, and what each needs; make no run.",
)
@click.option("--markdown", is_flag=True, help="With --all: as Markdown, for a ticket.")
@click.option("--branch", help="Which resolution; by default the one that fits the finding.")
@limit_option
@observation_options
@click.option(
    "--rehearse",
    is_flag=True,
    help="First try it on copies, and plan with what came of it; nothing in use changes.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write plan.json, plan.md and run.tar into this directory, new or empty.",
)
@click.option("--verbose", is_flag=True, help="Whole commands, and every guard.")
def command(
    playbook: str | None,
    every: bool,
    markdown: bool,
    branch: str | None,
    limit: str | None,
    inventory: Path | None,
    source: Path | None,
    save: Path | None,
    rehearse: bool,
    out: Path | None,
    verbose: bool,
) -> CommandResult:
    """Exit 3: a plan waits for approval. 4: a guard refuses. 0: healthy, nothing to do."""
    check_together(every, markdown, playbook, bool(branch or rehearse or out or verbose))
    if every:
        hosts = require_inventory(inventory)
        observed = partial(get_observation, hosts, source, save, imports=IMPORTS)
        return show_everything(playbook, observed, parse_limit(limit), paper=markdown)
    assert playbook is not None, "`check_together` refuses that"
    # The compiling children start first: they take 0.3 s, in which the playbook is imported.
    config = load_machine_config()
    compilers = click.get_current_context().with_resource(
        installed_systems(config).step_compilers()
    )
    installed, only = require_playbook(playbook, config), parse_limit(limit)
    inputs = parse_inputs(installed.playbook, typed_inputs())
    if out is not None:
        check_empty(out)
    if rehearse and source is not None:
        raise without_hosts(installed.playbook.id, source)
    hosts, style = require_inventory(inventory), terminal_style()
    observation = get_observation(hosts, source, save, imports=IMPORTS)
    now = datetime.now(UTC)
    concerned_domains([installed.domain], observation)
    situation = installed.domain.situation(observation, only)
    finding = installed.domain.finding(situation)
    past = last_unproven(installed.domain.resources(situation), now)
    if finding.well and not only and not inputs and branch is None:
        return _nothing_to_do(finding, past, style, observation.ended, now)
    maker = PlanBuilder(
        domain=installed.domain,
        playbook=installed.playbook,
        origin=installed.origin(),
        tool=TOOL,
        compilers=compilers,
    )
    made_with = partial(make_plan, maker, branch, observation, only, situation)
    plan, tried = made_with(inputs), None
    if rehearse and not plan.blocked:  # what a guard refuses is not tried either
        tried = rehearse_branch(installed, plan.branch, situation, inputs, hosts)
        plan = made_with(with_rehearsed(inputs, tried))
    first = explanations(installed.domain, finding, catalogue(config).domains, observation)
    shown = _Made(
        plan=plan, observation=observation, hosts=hosts, past=past, tried=tried, first=first
    )
    text = _text_of(shown, style, now, verbose=verbose)
    if plan.blocked:
        return _refused(shown, text, out)
    return _kept(shown, text, out)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A plan and what it was made from; the last run that came to nothing, and what came of a
    rehearsal, if there was one; and what explains the finding, and is to be resolved first."""

    plan: Plan
    observation: Observation
    hosts: Inventory
    past: UnprovenRun | None
    tried: Rehearsed | None
    first: tuple[Conclusion, ...]

    def document(self, run: str | None) -> dict[str, Any]:
        """What --json prints; `run` is the name of the run that was made of it."""
        return {
            "plan": self.plan,
            "digest": plan_digest(self.plan),
            "change": change_digest(self.plan),
            "run": run,
            "last_run": self.past,
            "rehearsal": self.tried,
            "explained_by": [one.name for one in self.first],
        }


def _text_of(made: _Made, style: TerminalStyle, now: datetime, *, verbose: bool) -> str:
    """The plan for people, with the last run and the rehearsal. What cannot be applied says so in
    its first line, before these."""
    # Loaded while hosts are read (`IMPORTS`).
    from remediations.engine.plan.render_text import plan_text

    plan = made.plan
    text = plan_text(
        plan,
        plan_digest(plan),
        width=style.width,
        colour=style.colour,
        verbose=verbose,
        now=now,
        change=change_digest(plan),
    )
    before = [one_line(_explained(one.finding)) for one in made.first]
    before += [one_line(_tried(plan, made.past, now))] if made.past is not None else []
    before += [rehearsal_text(made.tried)] if made.tried is not None else []
    return "\n\n".join((text, *before) if why_not(plan, now) else (*before, text))


def _kept(made: _Made, text: str, out: Path | None) -> CommandResult:
    """The plan as a run that waits for approval, and what to type next."""
    plan = made.plan
    run = create_run(plan, made.observation, made.hosts, datetime.now(UTC))
    if out is not None:
        hand_out(out, plan, run, made.tried)
    next_step = next_command("approve", run.name, "--key", "KEY")
    if is_expired(plan):  # from a saved observation: it can be read, but not be approved
        again = next_command(*words_to_plan(plan), inventory=made.hosts.path)
        next_step = f"{again} (this one has expired)"
    return CommandResult(
        exit_code=ExitCode.CHANGES_PENDING,
        document=made.document(run.name),
        text=f"{text}\n\nnothing was changed; the plan waits as run {run.name}\nnext: {next_step}",
    )


def _nothing_to_do(
    finding: Finding, past: UnprovenRun | None, style: TerminalStyle, read: datetime, now: datetime
) -> CommandResult:
    """No plan, because all is well; `read` is when the observation ended."""
    # Imported here: what is planned is drawn without it.
    from remediations.engine.find.render_text import finding_text

    nothing = dict.fromkeys(("plan", "run", "digest", "change", "rehearsal"))
    known: dict[str, Any] = {"finding": finding, "last_run": past, "explained_by": []}
    evidence = finding_text(
        finding,
        width=style.width,
        colour=style.colour,
        notes=[("observed", format_observed(read, now))],
    )
    text = f"nothing to do: {_all_well(finding)}\n{evidence}"
    return CommandResult(exit_code=ExitCode.OK, document={**known, **nothing}, text=text)


def _refused(made: _Made, text: str, out: Path | None) -> CommandResult:
    """The plan is shown with the guards that refuse it, and no run is made of it."""
    plan = made.plan
    if out is not None:
        hand_out(out, plan)
    first = plan.blocked[0]
    ids = " ".join(dict.fromkeys(guard.id for guard in plan.blocked))
    return CommandResult(
        exit_code=ExitCode.REFUSED,
        document=made.document(None),
        text=f"{text}\n\nrefused by {len(plan.blocked)} guard(s); nothing was changed, no run "
        f"was made\n`remediate explain {ids}` says why\nnext: {one_line(first.next_step)}",
    )


def _explained(finding: Finding) -> str:
    """What is to be resolved before: this plan mends what follows from it."""
    first = next_command("plan", finding.playbook) if finding.playbook else finding.next_step
    return (
        f"WARNING: explained by {finding.domain} ({finding.verdict.upper()}: {finding.headline}). "
        f"Resolve that first, or it comes back: {first}"
    )


def _tried(plan: Plan, past: UnprovenRun, now: datetime) -> str:
    """What the last run came to, and whether this plan would only repeat it."""
    if past.did_the_same_as(plan):
        return (
            f"WARNING: this was tried before, and nothing in this plan differs. {past.told(now)}. "
            "Fix what that says first, or it ends in the same way"
        )
    return f"last run: {past.told(now)}"


def _all_well(finding: Finding) -> str:
    if not finding.noun:
        return f"the {finding.domain} is well"
    return f"the {finding.domain} and every {finding.noun} are well"
