"""dist/remediate.pyz: one file, a Python without any package, another working directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.cli.main import COMMANDS
from tests.unit.cli.desk import Desk
from tests.unit.operations.test_plain_path import World
from tests.unit.plan.cases import quorum_lost

ROOT = Path(__file__).resolve().parents[2]
BARE_PYTHON = Path(sys.base_prefix) / f"bin/python3.{sys.version_info.minor}"
"""The interpreter that this environment was made from: it sees none of its packages."""


class Bundle:
    """The file, built by the script behind `make bundle`, on a machine that has nothing else."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "dist/remediate.pyz"
        self.cwd = directory / "bastion"
        self.cwd.mkdir()
        subprocess.run(
            [sys.executable, ROOT / "scripts/bundle.py", self.file],
            check=True,
            capture_output=True,
            timeout=120,
        )

    def run(self, *arguments: str | Path, code: int = 0, **environment: str) -> str:
        path = environment.pop("PATH", "/usr/bin:/bin")
        done = subprocess.run(
            [BARE_PYTHON, self.file, *arguments],
            cwd=self.cwd,
            env={"PATH": path, "HOME": str(self.cwd), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle(tmp_path_factory.mktemp("bundle"))


def test_it_is_one_file_that_starts(bundle: Bundle) -> None:
    """Executable as it is, with the interpreter that its compiled packages need."""
    assert os.access(bundle.file, os.X_OK)
    with bundle.file.open("rb") as file:
        assert file.readline() == f"#!/usr/bin/env python3.{sys.version_info.minor}\n".encode()
    said = bundle.run("--help")
    assert all(f"  {name} " in said for name in COMMANDS)
    assert "INC-001" in bundle.run("list")


def test_its_files_are_real_files(bundle: Bundle) -> None:
    """What other programs read lies on the disk, outside of the checkout."""
    for what, holds in (
        ("deploys", "chain/start_node.py"),
        ("probe", ""),
        ("checks chain", "test_nodes.py"),
    ):
        place = Path(bundle.run("path", *what.split()).strip())
        assert (place / holds).is_file()
        assert place.is_relative_to(bundle.cwd)


def test_its_rules_are_in_it(bundle: Bundle) -> None:
    """On a bastion without internet, ids are explained all the same."""
    assert "guard G29: " in bundle.run("explain", "G29")
    assert "exit code 8: " in bundle.run("explain", "8")


def test_a_plan_is_compiled(bundle: Bundle, tmp_path: Path) -> None:
    """The compiling children find pyinfra and the deploys in it."""
    desk = Desk(tmp_path)
    source = desk.saved(quorum_lost(), "lost")
    arguments = ("plan", "INC-001", "-i", desk.inventory, "--from", source, "--json")
    plan = json.loads(bundle.run(*arguments, code=3))["result"]["plan"]
    assert "systemctl start" in json.dumps(plan["stages"][0]["steps"])


def test_the_probe_reaches_for_a_host(bundle: Bundle, tmp_path: Path) -> None:
    """A whole look, over SSH's own settings, that ends at a closed port."""
    (tmp_path / "ssh").write_text("Host *\n HostName 127.0.0.1\n Port 1\n IdentityFile none\n")
    (tmp_path / "i.yaml").write_text(
        "version: 1\nchain: {id: x-1}\nssh: {config: ssh}\nhosts:\n  val1: {role: validator}\n"
    )
    said = bundle.run("doctor", "-i", tmp_path / "i.yaml", "--json", code=3)
    lines = json.loads(said)["result"]["lines"]
    login = next(line for line in lines if (line["subject"], line["topic"]) == ("val1", "login"))
    assert login["found"].startswith("TCP: ")


def test_the_plain_path(bundle: Bundle, tmp_path: Path) -> None:
    """pyinfra, our connector and deploys, and the child that judges, out of the same file."""
    world = World(tmp_path / "world")
    world.stop("val2")
    deploys = bundle.run("path", "deploys").strip()
    bundle.run(
        f"@remediate/{world.root}/lab.yaml",
        f"{deploys}/chain/start_node.py",
        *("--limit", "val2", "-y"),
        PYTHONPATH=world.environment["PYTHONPATH"],
        REMEDIATE_CONFIG=world.environment["REMEDIATE_CONFIG"],
        SHIV_ENTRY_POINT="pyinfra_cli.main:main",
    )
    assert world.acts == {"val2": ["start ve.service"]}
