"""A plain Ansible playbook (playbook.yml), run as it is, and run again where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from tests.lab.cache import built_once
from tests.soak.contestant import Told
from tests.soak.scene import NODES, Scene

ANSIBLE = "ansible-core==2.19.14"
"""Not locked with the project: only this contestant and one figure of the benchmarks need it."""
PLAYBOOK = Path(__file__).with_name("playbook.yml")
SETTINGS = """\
[defaults]
interpreter_python = none
local_tmp = {directory}/tmp
forks = 10
[ssh_connection]
ssh_args = -F {config} -o ConnectTimeout=5
"""


class Ansible:
    """ansible-playbook, in an environment of its own that is built once."""

    name = "ansible"

    @cached_property
    def _python(self) -> Path:
        return built_once(f"bench-{ANSIBLE}", _install) / "venv/bin/python"

    def rescue(self, scene: Scene) -> Told:
        """As described above."""
        settings, inventory = scene.directory / "ansible.cfg", scene.directory / "hosts.ini"
        settings.write_text(SETTINGS.format(directory=scene.directory, config=scene.ssh_config))
        lines = [f"{h} unit={n.unit} rpc_port={n.rpc_port}" for h, n in NODES.items()]
        inventory.write_text("\n".join(("[nodes]", *lines, "")))
        argv = [str(self._python), "-m", "ansible", "playbook", "-i", str(inventory), str(PLAYBOOK)]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(scene.directory),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_CONFIG": str(settings),
        }
        done = scene.act(argv, environment)
        while done.killed:
            done = scene.act(argv, environment)
        failed = [line for line in done.out.splitlines() if line.startswith("fatal: ")]
        return Told("changed: [" in done.out, refused=bool(done.code), reason="\n".join(failed))


def _install(directory: Path) -> None:
    for argv in (
        [sys.executable, "-m", "venv", str(directory / "venv")],
        [str(directory / "venv/bin/python"), "-m", "pip", "install", "--quiet", ANSIBLE],
    ):
        subprocess.run(argv, check=True)
