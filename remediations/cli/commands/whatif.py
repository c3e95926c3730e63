"""`remediate whatif [PLAYBOOK]`: what would happen, without doing anything. Read-only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from remediations.cli.observing import get_observation, require_inventory
from remediations.cli.options import observation_options
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.catalogue import Installed, catalogue, require_playbook
from remediations.engine.domain import AnyDomain
from remediations.engine.find.conclude import concerned_domains
from remediations.engine.find.finding import Health
from remediations.engine.whatif.projection import WORSE, Projection, Projector
from remediations.engine.whatif.render_text import projection_text
from remediations.engine.whatif.suppose import parse_supposition, projected
from remediations.errors import ExitCode, RemediationError, UsageError
from remediations.machine.config import load_machine_config
from remediations.render.formats import format_observed

EXITS = {Health.DOWN: ExitCode.CHANGES_PENDING, Health.UNKNOWN: ExitCode.UNREADABLE}


class WhatIfCommand(click.Command):
    """Has the options of the installed domains, too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Ours, and one for each setting of a domain."""
        return [*super().get_params(ctx), *_settings()]


def _settings() -> list[click.Parameter]:
    """The options of domains. Where they cannot be told, the command itself says why."""
    try:
        projectors = _projectors(catalogue(load_machine_config()).domains)
    except RemediationError:
        return []
    settings = {one.name: one for _, projector in projectors for one in projector.settings}
    return [
        click.Option([f"--{one.name}"], metavar=one.metavar, help=one.help)
        for one in settings.values()
    ]


def _projectors(domains: Sequence[AnyDomain]) -> list[tuple[AnyDomain, Projector]]:
    """The domains that can tell, with how."""
    return [(domain, domain.whatif()) for domain in domains if domain.whatif is not None]


@click.command(
    "whatif",
    cls=WhatIfCommand,
    help="Say what would happen if hosts stopped, links broke, or PLAYBOOK ran (read-only).",
)
@click.argument("playbook", required=False)
@click.option("--stop", multiple=True, metavar="HOST[,HOST]", help="These hosts stop.")
@click.option("--cut", multiple=True, metavar="A:B[,A:B]", help="These links break.")
@click.option("--branch", help="Which branch of PLAYBOOK; by default the one that fits.")
@observation_options
def command(
    playbook: str | None,
    stop: tuple[str, ...],
    cut: tuple[str, ...],
    branch: str | None,
    inventory: Path | None,
    source: Path | None,
    save: Path | None,
    **settings: str | None,
) -> CommandResult:
    """Exit 0: it goes on after every stage. 3: it is down after one. 11: that cannot be told."""
    given = {name: text for name, text in settings.items() if text is not None}
    _ask_something(playbook, branch, [*stop, *cut, *given])
    config = load_machine_config()
    installed = require_playbook(playbook, config) if playbook is not None else None
    candidates = [installed.domain] if installed is not None else catalogue(config).domains
    able = _able(_projectors(candidates), installed)
    known = require_inventory(inventory) if inventory is not None or source is None else None
    observation = get_observation(known, source, save)
    asked = concerned_domains([domain for domain, _ in able], observation)
    supposed = parse_supposition(stop, cut, given, [login.host for login in observation.logins])
    book = installed.playbook if installed is not None else None
    found = [
        projected(domain, projector, observation, supposed, book, branch)
        for domain, projector in able
        if domain in asked
    ]
    return _answer(found, observation.ended)


def _ask_something(playbook: str | None, branch: str | None, supposed: Sequence[str]) -> None:
    """Refuse a question that supposes nothing.

    Raises:
        UsageError: nothing is supposed, or a branch without its playbook.
    """
    if branch is not None and playbook is None:
        raise UsageError(
            "a branch belongs to a playbook",
            guard="--branch",
            got=f"--branch {branch}, and no playbook",
            expected="PLAYBOOK --branch BRANCH",
            next_step="`remediate list` shows the playbooks with their branches",
        )
    if playbook is None and not supposed:
        raise UsageError(
            "nothing is supposed",
            guard="whatif",
            got="no host, no link, no playbook",
            expected="--stop HOST, --cut A:B, or a playbook",
            next_step="`remediate whatif --help` shows what can be asked",
        )


def _able(
    found: list[tuple[AnyDomain, Projector]], installed: Installed | None
) -> list[tuple[AnyDomain, Projector]]:
    """Those domains, if there is one.

    Raises:
        UsageError: there is none.
    """
    if found:
        return found
    raise UsageError(
        "no domain that could be asked says what would happen",
        guard="domain",
        got=installed.domain.name if installed is not None else "no domain",
        expected="an installed domain that projects",
        next_step="`remediate list` shows what is installed",
    )


def _answer(found: Sequence[Projection], read: datetime) -> CommandResult:
    style, now = terminal_style(), datetime.now(UTC)
    worst = max((one.worst for one in found), key=WORSE.index)
    return CommandResult(
        exit_code=EXITS.get(worst, ExitCode.OK),
        document=list(found),
        text="\n\n".join(
            projection_text(
                one,
                width=style.width,
                colour=style.colour,
                notes=[("observed", format_observed(read, now))],
            )
            for one in found
        ),
    )
