"""Figure 2: the same reads by pyinfra and by Ansible, which neither diagnose nor plan."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.cost import Contestant, Cost, NotDoneError, interleaved
from tests.bench.estate import Estate, estate
from tests.bench.figure import Figure, Line
from tests.bench.sshd import Way
from tests.lab.cache import built_once

ANSIBLE = "ansible-core==2.19.14"
AHEAD = 1.0
DEPLOY = """\
from pyinfra import host
from pyinfra.api import FactBase


class Reading(FactBase):
    def command(self):
        return {text!r}


assert host.get_fact(Reading)
"""
ANSIBLE_CFG = """\
[defaults]
host_key_checking = True
forks = {forks}
local_tmp = {tmp}
interpreter_python = none
[ssh_connection]
ssh_args = -F {config} -o ControlMaster=auto -o ControlPersist=5s
control_path_dir = {control}
"""
FORKS = 50
"""Ansible's default of 5 would make it four times slower; beyond 50 it gains nothing here."""


def measure(names: int, rounds: int, way: Way) -> Figure:
    """The figure: `remediate plan` against both, each a whole process."""
    notes = [
        "pyinfra: a deploy that gets one fact; Ansible: -m raw, "
        f"{FORKS} forks, no gathering; both only read",
    ]
    with estate(names, way) as made:
        contestants = {
            "plan": made.remediate("plan", "INC-001"),
            "diagnose": made.remediate("diagnose"),
            "pyinfra": _pyinfra(made),
        }
        missing = ""
        try:
            contestants["Ansible"] = _ansible(made)
        except (NotDoneError, OSError) as error:
            missing = f"Ansible is not measured: {error}"
        costs = interleaved(contestants, rounds)
    if missing:
        notes.append(missing)
    lines = [
        line
        for peer in ("pyinfra", "Ansible")
        if peer in costs
        for ours in ("diagnose", "plan")
        for line in _beside(f"{names} names, `{ours}`", costs[ours], peer, costs[peer])
    ]
    return Figure(
        id="2",
        title="The same reads by pyinfra and Ansible",
        rounds=rounds,
        lines=tuple(lines),
        notes=tuple(notes),
    )


def _beside(what: str, ours: Cost, peer: str, theirs: Cost) -> Iterator[Line]:
    for unit, value, other, most in (
        ("s CPU", ours.cpu_s, theirs.cpu_s, None),
        ("s", ours.wall_s, theirs.wall_s, AHEAD),
    ):
        yield Line(what=what, value=value, unit=unit, peer=peer, peer_value=other, goal=most)


def _command(made: Estate) -> str:
    """The same program and command, without standard input, which neither of them hands over."""
    text = base64.b64encode((made.path / "program").read_bytes()).decode()
    return f"echo {text} | base64 -d | {{ {(made.path / 'command').read_text()}; }}"


def _pyinfra(made: Estate) -> Contestant:
    inventory = made.path / "hosts.py"
    data = {"ssh_config_file": str(made.path / "ssh_config")}
    names = [f"val{number}" for number in range(1, made.names + 1)]
    inventory.write_text(f"hosts = ({names!r}, {data!r})\n")
    deploy = made.path / "read.py"
    deploy.write_text(DEPLOY.format(text=_command(made)))
    pyinfra = Path(sys.executable).with_name("pyinfra")
    argv = (str(pyinfra), "-y", str(inventory), str(deploy))
    return Contestant(argv=argv, env=made.environment, before=made.renew)


def _ansible(made: Estate) -> Contestant:
    """Raises: NotDoneError, OSError: it cannot be installed."""
    python = built_once(f"bench-{ANSIBLE}", _install) / "venv/bin/python"
    control = made.path / "cp"
    control.mkdir()
    settings = made.path / "ansible.cfg"
    settings.write_text(
        ANSIBLE_CFG.format(
            forks=min(FORKS, made.names),
            tmp=made.path / "ansible",
            config=made.path / "ssh_config",
            control=control,
        )
    )
    inventory = made.path / "hosts.ini"
    inventory.write_text("".join(f"val{n}\n" for n in range(1, made.names + 1)))
    argv = (
        *(str(python), "-m", "ansible", "adhoc", "all", "-i", str(inventory)),
        *("-m", "raw", "-a", _command(made)),
    )
    environment = {**made.environment, "ANSIBLE_CONFIG": str(settings), "LC_ALL": "C.UTF-8"}
    environment.pop("PYTHONPATH")

    def alone() -> None:
        """Each time with cold masters, as somebody has who is called at night."""
        made.renew()
        for master in control.iterdir():
            subprocess.run(
                ["ssh", "-O", "exit", "-o", f"ControlPath={master}", "val1"], capture_output=True
            )

    return Contestant(argv=argv, env=environment, before=alone)


def _install(directory: Path) -> None:
    for argv in (
        [sys.executable, "-m", "venv", str(directory / "venv")],
        [str(directory / "venv/bin/python"), "-m", "pip", "install", "--quiet", ANSIBLE],
    ):
        done = subprocess.run(argv, capture_output=True, text=True, env=dict(os.environ))
        if done.returncode:
            raise NotDoneError(f"{ANSIBLE} cannot be installed: {done.stderr.strip()[-200:]}")
