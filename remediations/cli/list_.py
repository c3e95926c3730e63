"""`remediate list`: the playbooks that are installed."""

from __future__ import annotations

from collections.abc import Iterator

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.errors import ExitCode
from remediations.playbooks.playbook import Playbook, catalogue
from remediations.render.printable import one_line


@click.command("list", help="List the playbooks and their branches.")
@json_option
def command() -> Answer:
    """The catalogue."""
    playbooks = catalogue()
    return Answer(
        exit_code=ExitCode.OK,
        document=[_document(playbook) for playbook in playbooks],
        text="\n".join(one_line(line) for playbook in playbooks for line in _lines(playbook))
        + "\n\nnext: remediate diagnose --inventory FILE",
    )


def _document(playbook: Playbook) -> dict[str, object]:
    return {
        "id": playbook.id,
        "title": playbook.title,
        "alerts": list(playbook.alerts),
        "branches": [
            {"name": b.name, "title": b.title, "condition": b.condition} for b in playbook.branches
        ],
    }


def _lines(playbook: Playbook) -> Iterator[str]:
    yield f"{playbook.id:<10} {playbook.title} (alerts: {', '.join(playbook.alerts)})"
    for branch in playbook.branches:
        yield f"  {branch.name:<24} {branch.title}"
        yield f"  {'':<24} when {branch.condition}"
