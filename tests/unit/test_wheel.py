"""The built wheel, in a fresh environment and another working directory: the same commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from remediations.cli.main import COMMANDS
from tests.unit.cli.desk import Desk
from tests.unit.plan.cases import quorum_lost

ROOT = Path(__file__).resolve().parents[2]


class Installed:
    """An environment with the wheel and this one's packages, but without the checkout."""

    def __init__(self, directory: Path) -> None:
        self.cwd = directory / "elsewhere"
        self.cwd.mkdir()
        self.home = directory / "env"
        wheels = directory / "wheels"
        pip(sys.executable, "wheel", "--no-build-isolation", "-w", str(wheels), str(ROOT))
        (self.wheel,) = wheels.glob("remediations-*.whl")
        venv.create(self.home, symlinks=True, with_pip=False)
        (site,) = self.home.glob("lib/python*/site-packages")
        # It adds packages, and does not read the .pth of the editable installation among them.
        (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
        # Installed beside, not instead of, what is visible through the .pth.
        pip(str(self.home / "bin/python"), "install", "--ignore-installed", str(self.wheel))

    def run(self, *argv: str | Path, code: int = 0) -> str:
        """What a command prints, run from elsewhere with nothing of ours in its environment."""
        done = subprocess.run(
            argv,
            cwd=self.cwd,
            env={
                "PATH": f"{self.home}/bin:/usr/bin:/bin",
                "HOME": str(self.cwd),
                "REMEDIATE_HOME": str(self.cwd / "state"),
            },
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stderr
        return done.stdout


def pip(python: str, action: str, *arguments: str) -> None:
    """pip without any index: what it needs is here already, or it fails."""
    done = subprocess.run(
        [python, "-m", "pip", action, "--no-index", "--no-deps", "--quiet", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"},
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("wheel"))


def test_it_is_the_wheel_that_runs(installed: Installed) -> None:
    """The package lies in the fresh environment: nothing below tests the checkout by mistake."""
    where = installed.run("python", "-c", "import remediations; print(remediations.__file__)")
    assert where.startswith(str(installed.home))


def test_help_and_list(installed: Installed) -> None:
    """All commands, and the playbooks by their entry points."""
    said = installed.run("remediate", "--help")
    assert all(f"  {name} " in said for name in COMMANDS)
    assert "INC-001" in installed.run("remediate", "list")


@pytest.mark.parametrize(
    ("what", "holds"),
    [
        ("deploys", "chain/start_node.py"),
        ("checks chain", "test_nodes.py"),
        ("checks scoring", "test_container.py"),
        ("checks service", "test_workloads.py"),
        ("probe", "probe.sh"),
    ],
)
def test_its_files_are_in_it(installed: Installed, what: str, holds: str) -> None:
    """Deploys, checks and the probe's program are shipped."""
    place = Path(installed.run("remediate", "path", *what.split()).strip())
    assert place.is_relative_to(installed.home)
    directory = place if place.is_dir() else place.parent
    assert (directory / holds).is_file()


def test_its_rules_are_in_it(installed: Installed) -> None:
    """Ids are explained without a checkout, from the pages and from the table of exit codes."""
    assert "guard G29: " in installed.run("remediate", "explain", "G29")
    assert "exit code 8: " in installed.run("remediate", "explain", "not_verified")
    assert "hazard" in installed.run("remediate", "explain")


def test_its_alert_rules_are_in_it(installed: Installed) -> None:
    """Each domain has its file, and all of them are printed."""
    said = installed.run("remediate", "alerts")
    for name in ("ChainHalted", "VEIDScoringErrorRate", "HighErrorRate"):
        assert f"- alert: {name}\n" in said


def test_a_plan_is_compiled(installed: Installed, tmp_path: Path) -> None:
    """From a saved observation to exact commands: pyinfra in children, without a checkout."""
    desk = Desk(tmp_path)
    source = desk.saved(quorum_lost(), "lost")
    arguments = ("plan", "INC-001", "-i", desk.inventory, "--from", source, "--json")
    result = json.loads(installed.run("remediate", *arguments, code=3))["result"]
    (step,) = result["plan"]["stages"][0]["steps"]
    assert step["target"] == "val1"
    assert "systemctl start" in json.dumps(step)


def test_the_probe_can_be_sent(installed: Installed) -> None:
    """All shell programs are there, whole."""
    code = (
        "from remediations.systems.comet.system import COMET\n"
        "from remediations.systems.hosts.program import host_program\n"
        "from remediations.systems.comet.inventory import NodeEntry, Role, with_node\n"
        "from remediations.values.inventory import HostEntry\n"
        "from remediations.engine.observe.observation import Scope\n"
        "from importlib.resources import files\n"
        "entry = with_node(HostEntry(name='v', ssh='v'), NodeEntry(role=Role.FULL))\n"
        "print(len(host_program(entry, Scope.FULL, (COMET,))))\n"
        "print(len(files('remediations.systems.comet').joinpath('subcommands.sh').read_bytes()))\n"
    )
    probe, programs = map(int, installed.run("python", "-c", code).split())
    assert probe > 10_000
    assert programs > 500
