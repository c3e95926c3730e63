"""`remediate list`: the playbooks that are installed."""

from __future__ import annotations

import click

from remediations.cli.answer import Answer
from remediations.cli.options import json_option
from remediations.errors import ExitCode
from remediations.playbooks.playbook import Playbook, catalogue


@click.command("list", help="List the playbooks and their branches.")
@json_option
def command() -> Answer:
    """The catalogue."""
    playbooks = catalogue()
    return Answer(
        exit_code=ExitCode.OK,
        document=[_document(playbook) for playbook in playbooks],
        text="\n".join(_lines(playbook) for playbook in playbooks)
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


def _lines(playbook: Playbook) -> str:
    head = f"{playbook.id:<10} {playbook.title} (alerts: {', '.join(playbook.alerts)})"
    return "\n".join(
        [head]
        + [f"  {b.name:<24} {b.title}\n  {'':<24} when {b.condition}" for b in playbook.branches]
    )
