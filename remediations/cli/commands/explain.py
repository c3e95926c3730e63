"""`remediate explain [ID]...`: what an id, a class or a state on the screen means, and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from remediations.cli.options import json_option
from remediations.cli.output import CommandResult
from remediations.engine.rules.book import (
    RuleEntry,
    RuleKind,
    find_rules,
    rule_entries,
    similar_names,
)
from remediations.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from remediations.render.document import Block


def _names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completions for a shell: each name once, ignoring the case of what was typed."""
    from click.shell_completion import CompletionItem

    titles = {name: entry.title for entry in rule_entries() for name in entry.names}
    return [
        CompletionItem(name, help=title)
        for name, title in titles.items()
        if name.casefold().startswith(incomplete.casefold())
    ]


@click.command("explain", help="Say what an id or a word on a screen means, and why; or list all.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=_names)
@json_option
def command(names: tuple[str, ...]) -> CommandResult:
    """Exit 0. 2: there is no entry for one of them."""
    found = tuple(dict.fromkeys(entry for name in names for entry in _meant(name)))
    return CommandResult(
        exit_code=ExitCode.OK,
        document=[_document(entry) for entry in found or rule_entries()],
        text=_text(found) if found else _list(),
    )


def _meant(name: str) -> tuple[RuleEntry, ...]:
    found = find_rules(name) or _brought(name)
    if found:
        return found
    close = similar_names(name)
    kinds = "a " + ", ".join(RuleKind)
    raise UsageError(
        "there is no such entry",
        guard="explain",
        got=name or "an empty name",
        expected=f"{', '.join(close)}; or another {kinds[2:]}" if close else kinds,
        next_step=f"remediate explain {close[0]}" if close else "remediate explain",
    )


def _brought(name: str) -> tuple[RuleEntry, ...]:
    """The entries of the installed domains for this name."""
    # Imported here: most names are ours, and completion must not import domains.
    from remediations.engine.catalogue import catalogue
    from remediations.engine.rules.domain_rules import domain_rules
    from remediations.machine.config import load_machine_config

    return find_rules(name, domain_rules(catalogue(load_machine_config()).domains))


def _document(entry: RuleEntry) -> dict[str, str]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "title": entry.title,
        "page": entry.page,
        "text": "\n".join(f"{part.label}: {part.text}" for part in entry.parts),
    }


def _list() -> str:
    groups = [
        "\n".join((kind, *(f"  {entry.id:<20} {entry.title}" for entry in group)))
        for kind, group in groupby(rule_entries(), key=lambda entry: entry.kind)
    ]
    return "\n\n".join(groups) + "\n\nnext: remediate explain ID"


def _text(found: tuple[RuleEntry, ...]) -> str:
    # Imported here: a list or a completion draws nothing.
    from remediations.cli.output import terminal_style
    from remediations.render.terminal import document_text

    style = terminal_style()
    document = tuple(block for entry in found for block in _blocks(entry))
    return document_text(document, width=style.width, colour=style.colour)


def _blocks(entry: RuleEntry) -> tuple[Block, ...]:
    from remediations.render.document import Heading, Labelled

    rows = tuple((part.label, part.text) for part in entry.parts)
    return (
        Heading(2, f"{entry.kind} {entry.id}: {entry.title}"),
        Labelled((*rows, ("page", entry.page))),
    )
