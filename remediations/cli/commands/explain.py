"""`remediate explain [ID]...`: what an id, a class or a state on a screen means, and why."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.engine.rules.book import close_to, entries, meant_by
from remediations.engine.rules.entry import Entry, Kind
from remediations.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from remediations.render.document import Block


def _names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers: each name once, in whatever case its beginning was typed."""
    from click.shell_completion import CompletionItem

    titles = {name: entry.title for entry in entries() for name in entry.names}
    return [
        CompletionItem(name, help=title)
        for name, title in titles.items()
        if name.casefold().startswith(incomplete.casefold())
    ]


@click.command("explain", help="Say what an id or a word on a screen means, and why; or list all.")
@click.argument("names", metavar="[ID]...", nargs=-1, shell_complete=_names)
@json_option
def command(names: tuple[str, ...]) -> Answer:
    """Exit 0; 2 where one of them is not explained."""
    found = tuple(dict.fromkeys(entry for name in names for entry in _meant(name)))
    return Answer(
        exit_code=ExitCode.OK,
        document=[_document(entry) for entry in found or entries()],
        text=_text(found) if found else _list(),
    )


def _meant(name: str) -> tuple[Entry, ...]:
    found = meant_by(name) or _brought(name)
    if found:
        return found
    close = close_to(name)
    kinds = "a " + ", ".join(Kind)
    raise UsageError(
        "there is no such entry",
        guard="explain",
        got=name or "an empty name",
        expected=f"{', '.join(close)}; or another {kinds[2:]}" if close else kinds,
        next_step=f"remediate explain {close[0]}" if close else "remediate explain",
    )


def _brought(name: str) -> tuple[Entry, ...]:
    """What the domains that are installed say of it."""
    # Not at the top: most words are ours, and whoever completes them imports no domain.
    from remediations.engine.catalogue import catalogue
    from remediations.engine.rules.brought import brought
    from remediations.machine.config import load_machine_config

    return meant_by(name, brought(catalogue(load_machine_config()).domains))


def _document(entry: Entry) -> dict[str, str]:
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
        for kind, group in groupby(entries(), key=lambda entry: entry.kind)
    ]
    return "\n\n".join(groups) + "\n\nnext: remediate explain ID"


def _text(found: tuple[Entry, ...]) -> str:
    # Not at the top: whoever lists or completes must not pay for what draws.
    from remediations.cli.terminal import look
    from remediations.render.terminal import document_text

    style = look()
    document = tuple(block for entry in found for block in _blocks(entry))
    return document_text(document, width=style.width, colour=style.colour)


def _blocks(entry: Entry) -> tuple[Block, ...]:
    from remediations.render.document import Heading, Labelled

    rows = tuple((part.label, part.text) for part in entry.parts)
    return (
        Heading(2, f"{entry.kind} {entry.id}: {entry.title}"),
        Labelled((*rows, ("page", entry.page))),
    )
