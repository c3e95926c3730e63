"""The command that comes next can be copied: it acts on the inventory of this one."""

from __future__ import annotations

import ast
import shlex
from pathlib import Path

import click
import pytest

import remediations.cli
from remediations.cli.main import COMMANDS, cli
from remediations.cli.options import INVENTORY_VARIABLE, inventory_option
from remediations.cli.output import next_command
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.diagnose.explain import playbook_for
from remediations.systems.comet.reading import CometReading
from tests import worlds
from tests.worlds import healthy

ODD = Path("my chains/$(id).yaml")


@click.command()
@inventory_option
def running(inventory: Path | None) -> None:
    """A command that says what comes next."""
    click.echo(next_command("apply", "RUN"))
    click.echo(next_command("plan", "INC-001", inventory=ODD))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    running.main(args=list(arguments), standalone_mode=False)
    return capsys.readouterr().out.splitlines()


def test_an_inventory_that_was_typed_is_typed_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one word of a shell; what comes from the environment is there the next time, too."""
    monkeypatch.delenv(INVENTORY_VARIABLE, raising=False)
    named = f"remediate plan INC-001 --inventory {shlex.quote(str(ODD))}"
    assert said(capsys) == ["remediate apply RUN", named]
    assert said(capsys, "-i", "a b.yaml") == ["remediate apply RUN --inventory 'a b.yaml'", named]
    monkeypatch.setenv(INVENTORY_VARIABLE, "a.yaml")
    assert said(capsys) == ["remediate apply RUN", named]
    assert next_command("apply", "RUN") == "remediate apply RUN"


def test_what_comes_next_takes_an_inventory() -> None:
    """Each command that is written so anywhere has the option that may be added to it."""
    named = set()
    for file in Path(remediations.cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "next_command":
                first = ast.unparse(node.args[0])
                made = first.startswith("*words_to_plan(")
                named.add("plan" if made else ast.literal_eval(first))
    assert named == {
        *("stage", "plan", "approve", "apply", "resume", "stop", "undo", "verify", "report"),
        *("status", "doctor"),
    }
    for name in named & set(COMMANDS):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert "--inventory" in {word for option in command.params for word in option.opts}


@pytest.mark.parametrize(
    ("world", "playbook"),
    [
        (healthy(), None),
        (worlds.stopped(healthy(), "val4"), "node-down"),
        (worlds.stopped(worlds.stopped(healthy(), "val1"), "val2"), "INC-001"),
        (worlds.key_missing(worlds.stopped(healthy(), "val4"), "val4"), None),
    ],
)
def test_a_playbook_comes_next_where_one_may_cure(
    world: CometReading, playbook: str | None
) -> None:
    """Only then is the next step a command to plan; it is not found out from the sentence."""
    finding = diagnose(world)
    assert playbook_for(finding.chain, finding.nodes) == playbook
    assert (finding.next_step == f"remediate plan {playbook}") is (playbook is not None)
    assert ("remediate plan" in finding.next_step) is (playbook is not None)
