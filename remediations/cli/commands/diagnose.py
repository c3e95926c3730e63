"""`remediate diagnose`: what is wrong, and the evidence for it. Read-only."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from remediations.cli.exits import wants_json
from remediations.cli.observing import (
    check_someone_answered,
    get_observation,
    hosts_of,
    open_looks,
    require_inventory,
)
from remediations.cli.options import observation_options
from remediations.cli.output import CommandResult, terminal_style
from remediations.engine.entry_points import DOMAINS, own_modules
from remediations.engine.find.conclude import Conclusion, conclude
from remediations.engine.observe.observation import Observation, Scope, failed_systems
from remediations.errors import UsageError
from remediations.machine.config import load_machine_config

if TYPE_CHECKING:
    from remediations.cli.watching import WatchDisplay
    from remediations.engine.domain import AnyDomain

IMPORTS = ("remediations.cli.conclusions",)
"""With our domains: imported while hosts are read. It takes 0.13 s, half of what passed before the
first host was dialled, and nothing of it is needed before the hosts have answered."""
WATCH = "--watch"
PAUSE_S = 10
"""Seconds between two looks of a watch."""
LONGEST_PAUSE_S = 3600


class DiagnoseCommand(click.Command):
    """Takes the seconds of `--watch` only after a `=`: what follows a blank is the domain."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, with the usual pause for a `--watch` alone."""
        return super().parse_args(ctx, [f"{WATCH}={PAUSE_S}" if a == WATCH else a for a in args])


class WatchOption(click.Option):
    """Its help has no blank before the `=` either."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The name with its seconds, and the help."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(" [=", "[="), record[1])


@click.command(
    "diagnose", cls=DiagnoseCommand, help="Read all hosts (read-only) and say what is wrong."
)
@click.argument("what", required=False, metavar="[DOMAIN|PLAYBOOK]")
@observation_options
@click.option("--verbose", is_flag=True, help="Also show every reading relied upon.")
@click.option(
    WATCH,
    "pause",
    cls=WatchOption,
    type=click.IntRange(1, LONGEST_PAUSE_S),
    metavar="[=SECONDS]",
    help=f"Look again and again, {PAUSE_S} s after each look, until all is well.",
)
def command(
    what: str | None,
    inventory: Path | None,
    source: Path | None,
    save: Path | None,
    verbose: bool,
    pause: int | None,
) -> CommandResult:
    """Exit 0: all is well. 3: something is wrong. 11: too little could be read to conclude."""
    if pause is not None:
        _check_watch(what, source, save)
    config = load_machine_config()

    @cache
    def domains() -> tuple[AnyDomain, ...]:
        # Imported here, and below: see IMPORTS.
        from remediations.cli.conclusions import named_domains

        return named_domains(what, config)

    def concluded(observation: Observation) -> Sequence[Conclusion]:
        failed = failed_systems(observation) if what is None else ()
        return conclude(domains(), observation, failed)

    if what is not None:
        domains()  # a name that nobody knows is refused before anybody is asked
    known = require_inventory(inventory) if inventory is not None or source is None else None
    if pause is None or known is None:
        imports = (*own_modules(DOMAINS), *IMPORTS)
        observation = get_observation(known, source, save, imports=imports)
        from remediations.cli.conclusions import Diagnosis, conclusions_result

        seen = Diagnosis(found=concluded(observation), at=observation.ended)
        return conclusions_result(seen, terminal_style(), verbose=verbose)
    # Imported here: usually nobody watches.
    from remediations.cli.watching import watch

    def answered(observation: Observation) -> Sequence[Conclusion]:
        check_someone_answered(observation, known)
        return concluded(observation)

    return watch(
        lambda: open_looks(known, Scope.FULL),
        lambda: hosts_of(known),
        answered,
        display_of(verbose=verbose),
        seconds=pause,
    )


def display_of(*, verbose: bool) -> WatchDisplay:
    """How a watch is shown: documents, a screen, or lines where a screen cannot be redrawn."""
    from remediations.cli.log import logs_to_stderr
    from remediations.cli.watch_lines import ChangeLines, DocumentLines
    from remediations.cli.watch_screen import WatchScreen

    if wants_json():
        return DocumentLines()
    dumb = os.environ.get("TERM", "") in ("", "dumb", "unknown")
    if dumb or not sys.stdout.isatty() or logs_to_stderr():
        return ChangeLines()
    return WatchScreen(terminal_style, verbose=verbose)


def _check_watch(what: str | None, source: Path | None, save: Path | None) -> None:
    """Refuse what cannot be watched.

    Raises:
        UsageError: an observation is given or to be saved, or the seconds do not follow a `=`.
    """
    if source is not None:
        raise _unwatchable(
            "a saved observation does not change",
            got=f"--from {source}",
            expected=f"{WATCH} alone, which reads the hosts, or --from alone",
            next_step=f"`remediate diagnose --from {source}`, or `remediate diff` for two of them",
        )
    if save is not None:
        raise _unwatchable(
            "a watch makes many observations, and --save names one file",
            got=f"--save {save}",
            expected=f"{WATCH} or --save",
            next_step=f"remediate diagnose --save {save}",
        )
    if what is not None and what.isdecimal():
        raise _unwatchable(
            f"the seconds of {WATCH} follow a `=`",
            got=f"{WATCH} {what}",
            expected=f"{WATCH}={what}",
            next_step=f"remediate diagnose {WATCH}={what}",
        )


def _unwatchable(what: str, *, got: str, expected: str, next_step: str) -> UsageError:
    return UsageError(what, guard=WATCH, got=got, expected=expected, next_step=next_step)
