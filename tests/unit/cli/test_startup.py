"""What a command must not load: nobody waits for SSH to be told where a run stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.cli import observing
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import quorum_lost

HEAVY = (
    "asyncio",
    "asyncssh",
    "gevent",
    "jinja2",
    "kubernetes",
    "logging",
    "paramiko",
    "pyinfra",
    "pytest",
    "remediations.playbooks",
    "remediations.systems.comet.proof",
    "remediations.reach",
    "remediations.engine.report",
    "rich",
    "ruamel",
)
NEEDED = {"status": {"ruamel"}, "status last": {"ruamel"}, "explain G29": {"rich"}}
"""YAML only where a signature has to be verified, by the list that the inventory names; what draws
only where something is drawn."""
REPORT_MODULES = """
import sys
from remediations.cli.main import main
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


def loaded(home: Path, *arguments: str, code: int = 0) -> frozenset[str]:
    """The modules of a command that ended with `code`, told by a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT_MODULES, *arguments],
        env={**os.environ, "REMEDIATE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code, done.stderr
    return frozenset(done.stderr.split())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory with one approved run."""
    desk = Desk(tmp_path)
    home = tmp_path / "home"
    monkeypatch.setenv("REMEDIATE_HOME", str(home))
    source = desk.saved(quorum_lost(), "lost")
    assert remediate("plan", "INC-001", "-i", desk.inventory, "--from", source).code == 3
    monkeypatch.setenv("REMEDIATE_INVENTORY", str(desk.inventory))
    assert remediate("approve", "last", "--key", desk.key, "--yes").code == 0
    return home


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "status",
        "status last",
        "status --help",
        "path deploys",
        "completion bash",
        "explain",
        "explain G29",
    ],
)
def test_quick_commands_load_nothing_heavy(home: Path, command: str) -> None:
    """No SSH, no pyinfra, no playbooks, no event loop."""
    found = loaded(home, *command.split())
    assert "remediations.cli.main" in found
    needed = NEEDED.get(command, set())
    assert {name for name in HEAVY if name in found} <= needed


@pytest.mark.parametrize(
    ("command", "later"),
    [
        ("diagnose", {"rich", "remediations.playbooks"}),
        ("apply", {"jinja2", "pytest", "svg", "remediations.engine.report.html"}),
    ],
)
def test_what_is_needed_later_is_not_loaded_before_hosts_are_dialled(
    command: str, later: set[str]
) -> None:
    """What concludes, draws, checks and reports is imported while hosts are read."""
    program = f"import sys, remediations.cli.commands.{command}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert not later & set(done.stdout.split())


def test_what_cannot_be_imported_meanwhile_is_left_to_whoever_needs_it() -> None:
    """Nobody waits for it in vain, and the command that reads does not fail by it."""
    observing.import_quietly(("remediations.not_there", "remediations.cli.conclusions"))
    assert "remediations.cli.conclusions" in sys.modules


def test_a_saved_observation_is_read_without_ssh(home: Path) -> None:
    """`diagnose --from` works in the middle of an incident, where nobody is to be contacted."""
    saved = next(home.glob("runs/*/observation.json"))
    found = loaded(home, "diagnose", "--from", str(saved), code=3)
    assert "remediations.engine.observe.observe" in found
    assert not found & {"asyncssh", "paramiko", "pyinfra", "remediations.reach.ssh"}
    assert "remediations.cli.watching" not in found
    assert not loaded(home, "diff", str(saved), str(saved)) & {"asyncssh", "paramiko", "pyinfra"}
