"""Every command in the documentation is one that exists; those that need no host are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from remediations.engine.catalogue import catalogue
from remediations.engine.plan.plan_file import PLAN_FILE
from remediations.errors import ExitCode
from remediations.machine.config import MachineConfig
from tests.unit.cli.desk import remediate
from tests.unit.docs.pages import (
    PROGRAMS,
    ROOT,
    SHELL,
    Block,
    Written,
    blocks,
    commands,
    inline,
    pages,
    typed,
    written,
)
from tests.unit.docs.reader import Reader, contacts_nobody, missing_lines, parse

BIN = Path(sys.executable).parent
EXAMPLES = ("docs/writing-a-playbook.md", "docs/writing-a-domain.md")
"""Their screens are those of packages of their own: test_example_package.py and _domain.py."""

OF_THE_LAB = ("README.md",)
"""Its screens show the demo, on hosts."""

NAMED = re.compile(r"^[A-Z][A-Z_.-]*$")
"""A placeholder: RUN, HOST, FILE."""

ALL = written()
OURS = [command for command in ALL if command.words[0] == "remediate"]
RUNNABLE = [c for c in OURS if contacts_nobody(c.words) and c.page not in EXAMPLES]
PIPED = [
    line
    for page in pages()
    for block in blocks(page)
    if block.language == "sh"
    for line in block.text.splitlines()
    if line.startswith("remediate ") and "| jq" in line
]
IN_PROSE = [
    Written(page, tuple(words), ())
    for page in pages()
    for text in inline(page)
    if text.startswith(("remediate ", "make ", "pyinfra ", "source <(remediate "))
    for words in typed(text)
]


@cache
def make_targets() -> frozenset[str]:
    makefile = (ROOT / "Makefile").read_text()
    return frozenset(re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, flags=re.MULTILINE))


@cache
def pyinfra_options() -> frozenset[str]:
    helped = subprocess.run([BIN / "pyinfra", "--help"], capture_output=True, text=True, check=True)
    return frozenset(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helped.stdout))


def check_make(words: tuple[str, ...]) -> None:
    targets = [word for word in words[1:] if "=" not in word]
    assert set(targets) <= make_targets(), f"no such target among {targets}"


def check_pyinfra(words: tuple[str, ...]) -> None:
    options = {word for word in words[1:] if word.startswith("-")}
    assert options <= pyinfra_options(), f"pyinfra has no {options - pyinfra_options()}"
    for word in words[1:]:
        if word.endswith(".py") and not NAMED.fullmatch(Path(word).stem):
            domain_and_name = Path(*Path(word).parts[-2:])
            assert (ROOT / "deploys" / domain_and_name).is_file(), f"no deploy {word}"
        if word.startswith("@remediate/inventories/"):
            assert (ROOT / word.removeprefix("@remediate/")).is_file(), f"no inventory {word}"


OF_EXAMPLES = {"sentry-down", "dark"}


def check_remediate(words: tuple[str, ...]) -> None:
    context = parse(words)
    if context is None or context.command.name != "plan":
        return
    playbook = context.params["playbook"]
    if playbook is None:  # all of them
        return
    ours = [found.playbook for found in catalogue(MachineConfig()).playbooks]
    known = {name.lower() for one in ours for name in (one.id, *one.alerts)} | OF_EXAMPLES
    assert playbook.lower() in known or NAMED.fullmatch(playbook), f"no playbook {playbook}"


CHECKS = {"make": check_make, "pyinfra": check_pyinfra, "remediate": check_remediate}


def check(command: Written) -> None:
    CHECKS[command.words[0]](command.words)


def check_all(found: list[Written]) -> None:
    for command in found:
        check(command)


@pytest.mark.parametrize("command", ALL, ids=str)
def test_every_command_exists(command: Written, reader: Reader) -> None:
    """Command, options, choices and number of arguments are those of the program."""
    check(command)


@pytest.mark.parametrize("command", IN_PROSE, ids=str)
def test_every_command_in_the_prose_exists(command: Written, reader: Reader) -> None:
    """There, arguments may be left out."""
    try:
        check(command)
    except click.MissingParameter:
        assert len(command.words) <= 3, "it is nearly whole, and what it lacks is required"


@pytest.mark.parametrize("command", RUNNABLE, ids=str)
def test_what_needs_no_host_is_run(command: Written, reader: Reader) -> None:
    """It ends as its page says, and prints what its page shows, numbers aside."""
    if {"last", PLAN_FILE} & {*command.words}:
        reader.plans()
    done = remediate(*reader.types(command.words))
    healthy = "healthy.json" in command.words or "--from" not in command.words
    differs = command.words[1] == "diff"
    cured = command.words[1:3] == ("whatif", "INC-001")
    well = (healthy or cured) and not differs
    expected = ExitCode.OK if well else ExitCode.CHANGES_PENDING
    assert done.code == expected, done.err
    assert command.page in OF_THE_LAB or missing_lines(command.shown, done.out) == []


@pytest.mark.parametrize("line", PIPED)
def test_what_is_piped_to_jq_gives_something(line: str, reader: Reader) -> None:
    """The member is there, and its name is right."""
    if "last" in line:
        reader.plans()
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() not in ("", "null")
    assert "null" not in done.stdout


def test_there_is_something_to_test() -> None:
    """The search finds blocks, screens, pipes and prose: nothing above passes for being empty."""
    assert {command.words[0] for command in ALL} == {"remediate", "pyinfra", "make"}
    assert len({command.page for command in RUNNABLE}) >= 3
    assert any(command.shown for command in RUNNABLE)
    assert PIPED
    assert len(IN_PROSE) > 20


@pytest.mark.parametrize("page", pages())
def test_no_command_escapes(page: str) -> None:
    """Every line of a page's blocks that begins with a program is one that was looked at, and every
    block says what it is."""
    for block in blocks(page):
        assert block.language, f"{page}: a block without a language: {block.text[:60]!r}"
        for line in block.text.splitlines():
            if line.removeprefix("$ ").split(" ")[0] in PROGRAMS and block.language != "text":
                assert block.language in SHELL, f"{page}: a command in ```{block.language}: {line}"


@pytest.mark.parametrize(
    "line",
    [
        "remediate daignose",
        "remediate diagnose --form seen.json",
        "remediate path deploy",
        "remediate plan INC-099",
        "remediate approve last",
        "remediate show",
        "remediate inventory find val1",
        "X=1 remediate status --all | less",
        "if remediate statsu; then echo well; fi",
        'pyinfra @remediate/x.yaml "$(remediate path deploy)"/chain/start_node.py',
        "pyinfra @remediate/x.yaml deploys/chain/stop_node.py",
        "pyinfra @remediate/x.yaml deploys/chain/start_node.py --dry-run",
        "source <(remediate completion tcsh)",
        "make labs",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    """The search has teeth."""
    found = list(commands(Block("page", "sh", line)))
    assert found
    with pytest.raises((click.UsageError, AssertionError)):
        check_all(found)


def test_a_wrong_screen_is_found() -> None:
    """A line that is not printed, or not in that order, is told; numbers may differ."""
    assert missing_lines(("a 12 b", "…", "c"), "a 7 b\nx\nc\n") == []
    assert missing_lines(("c", "a 12 b"), "a 7 b\nx\nc\n") == ["a 12 b"]
    assert missing_lines(("d",), "a\n") == ["d"]
