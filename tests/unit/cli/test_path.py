"""`path` and `completion`: what a shell is given to go on with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.cli.commands.completion import VARIABLE
from remediations.cli.main import COMMANDS
from tests.unit.cli.desk import Desk, remediate
from tests.unit.operations.test_plain_path import World

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("deploys", "chain/start_node.py"),
        ("checks chain", "test_nodes.py"),
        ("probe", "sections.sh"),
    ],
)
def test_path(desk: Desk, what: str, holds: str) -> None:
    """One absolute path and nothing else, so that it can stand in another command."""
    done = remediate("path", *what.split())
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    place = Path(done.out.rstrip("\n"))
    assert place.is_absolute()
    directory = place if place.is_dir() else place.parent
    assert (directory / holds).is_file()
    document = remediate("path", *what.split(), "--json").document
    assert document["result"] == {what.split()[0]: str(place)}


def test_path_of_something_else(desk: Desk) -> None:
    """What there is is listed."""
    done = remediate("path", "keys")
    assert done.code == 2
    assert "deploys" in done.err


def test_the_plain_path_from_another_directory(tmp_path: Path) -> None:
    """`pyinfra INVENTORY $(remediate path deploys)/chain/NAME.py`, as the documentation has it."""
    world, elsewhere = World(tmp_path / "world"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    world.stop("val2")
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"pyinfra '@remediate/{world.root}/lab.yaml' "
            "$(remediate path deploys)/chain/start_node.py --limit val2 -y",
        ],
        env={
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            **world.environment,
        },
        cwd=elsewhere,
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert world.acts == {"val2": ["start ve.service"]}


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", "complete -o nosort"),
        ("zsh", "#compdef remediate"),
        ("fish", "complete --no-files"),
    ],
)
def test_completion_script(desk: Desk, shell: str, words: str) -> None:
    """Click's own script for our name, ready for `source`."""
    done = remediate("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert words in done.out
    assert VARIABLE in done.out


def completed(words: str, at: int) -> list[str]:
    """What bash would be offered for the word number `at`."""
    done = subprocess.run(
        [BIN / "remediate"],
        env={**os.environ, VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in done.stdout.splitlines()]


def test_completion_of_commands_and_arguments() -> None:
    """Commands, their subcommands, choices and options."""
    assert completed("remediate ", 1) == list(COMMANDS)
    assert completed("remediate do", 1) == ["doctor"]
    assert completed("remediate inventory ", 2) == ["discover"]
    assert completed("remediate path p", 2) == ["probe"]
    assert "--json" in completed("remediate doctor --", 2)
