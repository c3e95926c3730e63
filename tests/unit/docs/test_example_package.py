"""The package in docs/writing-a-playbook.md, installed as it stands there, and used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT, Written, blocks, written
from tests.unit.docs.reader import Reader, missing_lines

PAGE = "docs/writing-a-playbook.md"
SCREENS = [c for c in written() if c.page == PAGE and c.words[0] == "remediate"]
WITHOUT_INDEX = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the package of the page was installed into, by pip."""
    source, target = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    for block in blocks(PAGE):
        first, _, rest = block.text.partition("\n")
        if first.startswith("# ") and "." in first:
            path = source / first.removeprefix("# ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(rest)
    assert sorted(p.name for p in source.rglob("*.*")) == ["pyproject.toml", "sentry_down.py"]
    where = ("--target", str(target), str(source))
    pip = [sys.executable, "-m", "pip", "install", *WITHOUT_INDEX, *where]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


def run(words: Sequence[str], site: Path) -> subprocess.CompletedProcess[str]:
    """A command at the reader's desk, with one more package installed."""
    program = "from remediations.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words[1:]],
        env={**os.environ, "PYTHONPATH": f"{site}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", SCREENS, ids=str)
def test_its_screens_are_real(command: Written, installed: Path, reader: Reader) -> None:
    """`list` shows it among the others, and `plan` uses it; both print what the page shows."""
    done = run(command.words, installed)
    assert done.returncode == (3 if "plan" in command.words else 0), done.stderr
    assert command.shown
    assert missing_lines(command.shown, done.stdout) == []


def test_it_keeps_its_word(installed: Path, reader: Reader) -> None:
    """A validator that is down is none of its business: it refuses, and says why."""
    done = run(["remediate", "plan", "sentry-down", "--from", "seen.json"], installed)
    assert done.returncode == 4, done.stderr
    assert "the chain is quorum-lost, not degraded" in done.stderr


def test_what_it_takes_over_is_concluded_once(installed: Path, reader: Reader) -> None:
    """The chain and its copy see the same: nobody reads that twice in an incident."""
    done = run(["remediate", "diagnose", "--from", "seen.json"], installed)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("QUORUM-LOST") == 1


def test_without_it_there_is_no_such_playbook(tmp_path: Path, reader: Reader) -> None:
    """What the screens show comes from that package alone."""
    done = run(["remediate", "plan", "sentry-down", "--from", "full1-down.json"], tmp_path)
    assert done.returncode == 2
    assert "there is no playbook 'sentry-down'" in done.stderr


def test_what_is_quoted_is_in_the_module() -> None:
    """The worked example is the real one, word for word."""
    module = (ROOT / "remediations/playbooks/chain/node_down.py").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    quoted = [block for block in blocks(PAGE) if not block.text.startswith("# ")]
    python = [block.text for block in quoted if block.language == "python"]
    assert len(python) == 3
    assert [text for text in python if text not in module] == []
    (toml,) = (block.text for block in quoted if block.language == "toml")
    assert [line for line in toml.splitlines() if line not in project] == []
