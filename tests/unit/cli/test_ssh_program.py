"""Whatever asks a host asks it by the ssh of the machine configuration, if that is root's alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from remediations.cli.anchors import Anchors
from remediations.engine.verify.given import Given
from remediations.errors import MachineError, UsageError
from remediations.values.wire import canonical
from tests.unit.cli.desk import Desk, remediate
from tests.unit.plan.cases import plan_of, quorum_lost

NOWHERE = """Host *
  HostName 127.0.0.1
  Port 1
  IdentityFile none
  UserKnownHostsFile none
  GlobalKnownHostsFile none
"""


class Machine:
    """A machine whose configuration names an ssh that leaves a trace of `-G`."""

    def __init__(self, path: Path) -> None:
        self.trace = path / "trace"
        self.ssh = path / "bin" / "ssh"
        self.ssh.parent.mkdir(mode=0o755)
        self.ssh.write_text(
            f'#!/bin/sh\n[ "$1" = -G ] && touch {self.trace}\nexec /usr/bin/ssh "$@"\n'
        )
        self.ssh.chmod(0o755)
        (path / "config.toml").write_text(f'ssh = "{self.ssh}"\n')
        (path / "config.toml").chmod(0o644)
        self.ssh_config = path / "ssh_config"
        self.ssh_config.write_text(NOWHERE)
        self.inventory = path / "inventory.yaml"
        self.inventory.write_text(
            "version: 1\nchain: {id: x-1}\nssh: {config: ssh_config}\nhosts:\n"
            "  val1: {role: validator}\n"
        )

    def words(self, command: str) -> tuple[str | Path, ...]:
        inventory = ("--inventory", self.inventory)
        return {
            "diagnose": ("diagnose", *inventory),
            "plan": ("plan", "INC-001", *inventory),
            "doctor": ("doctor", *inventory),
            "discover": ("inventory", "discover", "val1", "--ssh-config", self.ssh_config),
        }[command]


@pytest.fixture
def machine(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    path = Path(mkdtemp())
    path.chmod(0o755)
    monkeypatch.setenv("REMEDIATE_CONFIG", str(path / "config.toml"))
    yield Machine(path)
    shutil.rmtree(path)


COMMANDS = pytest.mark.parametrize("command", ["diagnose", "plan", "doctor", "discover"])


@COMMANDS
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program of root")
def test_ssh_that_is_named_is_the_one_that_is_started(machine: Machine, command: str) -> None:
    remediate(*machine.words(command))
    assert machine.trace.exists()


@COMMANDS
def test_ssh_that_others_could_have_written_is_not_started(machine: Machine, command: str) -> None:
    """By no command; the doctor says it as a finding."""
    machine.ssh.chmod(0o777)
    done = remediate(*machine.words(command), "--json")
    assert not machine.trace.exists()
    assert done.code == (3 if command == "doctor" else 12)
    if command != "doctor":
        error = done.document["error"]
        assert isinstance(error, dict)
        assert error["guard"] == "ssh"
        return
    result = done.document["result"]
    assert isinstance(result, dict)
    lacking = [line for line in result["lines"] if line["state"] == "lack"]
    assert "ssh" in {line["topic"] for line in lacking}
    assert {line["subject"] for line in result["lines"]} <= {"this machine", "inventory"}


@COMMANDS
def test_ssh_config_that_others_could_have_written_runs_nothing(
    machine: Machine, command: str
) -> None:
    ran = machine.trace.with_name("ran")
    machine.ssh_config.write_text(f'Match exec "touch {ran}"\n{NOWHERE}')
    machine.ssh_config.chmod(0o666)
    if os.geteuid():
        (machine.inventory.parent / "config.toml").write_text("")
    done = remediate(*machine.words(command), "--json")
    assert not ran.exists()
    assert done.code == (3 if command == "doctor" else 2)
    assert f"others may write {machine.ssh_config}" in done.out


def test_checks_are_given_no_other_way(machine: Machine) -> None:
    """Neither by `verify`, nor where pytest is started by hand."""
    plan = plan_of(quorum_lost())
    anchors = Anchors(plan, machine.inventory)
    machine.ssh.chmod(0o777)
    with pytest.raises(MachineError):
        _ = anchors.resolver
    run = machine.inventory.parent / "run"
    run.mkdir()
    (run / "plan.json").write_bytes(canonical(plan))
    with pytest.raises(MachineError):
        Given.from_files(run, machine.inventory)


def test_ssh_config_is_an_anchor(machine: Machine) -> None:
    """With the SHA-256 of the bytes that ssh gets; where none is named there is none."""
    if os.geteuid():
        (machine.inventory.parent / "config.toml").write_text("")
    anchors = Anchors(plan_of(quorum_lost()), machine.inventory)
    used = anchors.ssh_config_used
    assert used is not None
    assert used.path == str(machine.ssh_config)
    assert used.named_by == f"the inventory {machine.inventory}"
    config = anchors.resolver.config
    assert config is not None
    assert used.sha256 == config.sha256
    machine.ssh_config.unlink()
    with pytest.raises(UsageError):
        _ = Anchors(plan_of(quorum_lost()), machine.inventory).ssh_config_used
