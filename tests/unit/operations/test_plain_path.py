"""`pyinfra @remediate/FILE.yaml deploys/NAME.py`, for real, against hosts in directories.

The `ssh` that the machine configuration names runs what it is given in the directory of that host,
so the connector, the facts' program, the guards and pyinfra itself are the real ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.systems.hosts.compile.deploys import deploys_directory
from tests.unit.operations.host import FakeHost

SSH = r"""#!/bin/sh
world=$(dirname "$0")/..
echo "$*" >>"$world/ssh-calls"
case " $* " in *' -O exit '*) exit 0 ;; esac
for word; do host=$command command=$word; done
if [ ! -d "$world/$host" ]; then
  echo "ssh: Could not resolve hostname $host" >&2
  exit 255
fi
PATH=$world/$host/bin:$PATH exec sh -c "$command"
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program of root")

POWERS = {"val1": 40, "val2": 30, "val3": 20, "val4": 10}
RUN = pytest.mark.parametrize("how", ["--dry", "-y"])


class World:
    """Four validators that sign at height 100, each with a key of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hosts = {name: FakeHost(root / name) for name in POWERS}
        for number, (name, host) in enumerate(self.hosts.items()):
            host.key(f"{number}" * 40)
            host.sign_state(100, 0, 3)
            host.show(ActiveState="active")
            host.rpc(height=100, power=POWERS[name], total=100)
        (root / "bin").mkdir()
        (root / "bin/ssh").write_text(SSH)
        (root / "bin/ssh").chmod(0o755)
        (root / "config.toml").write_text(f'ssh = "{root}/bin/ssh"\n')
        entries = "".join(f"  {name}: {{role: validator}}\n" for name in POWERS)
        (root / "lab.yaml").write_text(
            f"version: 1\nchain: {{id: lab-1}}\nhosts:\n{entries}  hop: {{role: bastion}}\n"
        )

    def stop(self, name: str) -> None:
        self.hosts[name].show(ActiveState="inactive")
        for file in (self.root / name / "rpc").iterdir():
            file.unlink()

    def pyinfra(self, deploy: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pyinfra", f"@remediate/{self.root}/lab.yaml",
             str(deploys_directory() / f"{deploy}.py"), *arguments],
            env={**os.environ, "REMEDIATE_CONFIG": f"{self.root}/config.toml"},
            cwd=self.root, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    @property
    def acts(self) -> dict[str, list[str]]:
        return {name: host.acts for name, host in self.hosts.items() if host.acts}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_stopped_validator_is_started(world: World) -> None:
    """Only the one that is down is started; for the others it is already so."""
    world.stop("val2")
    done = world.pyinfra("start_node", "-y")
    assert done.returncode == 0, done.stderr
    assert world.acts == {"val2": ["start ve.service"]}


def test_a_dry_run_changes_nothing(world: World) -> None:
    """--dry reads, judges, shows, and asks systemd for nothing."""
    world.stop("val2")
    done = world.pyinfra("start_node", "--dry")
    assert done.returncode == 0, done.stderr
    assert "start the node" in done.stdout + done.stderr
    assert world.acts == {}


def test_one_validator_is_restarted(world: World) -> None:
    """--limit picks the target; the other hosts are only read."""
    done = world.pyinfra("restart_node", "--limit", "val4", "-y")
    assert done.returncode == 0, done.stderr
    assert world.acts == {"val4": ["stop ve.service", "start ve.service"]}


@RUN
@pytest.mark.parametrize(
    ("deploy", "fault", "guard"),
    [
        ("restart_node", "all at once", "G29"),
        ("start_node", "key gone", "G45 val2"),
        ("start_node", "unreadable", "G41 val3"),
    ],
)
def test_a_blocked_guard_ends_the_run(
    world: World, deploy: str, fault: str, guard: str, how: str
) -> None:
    """Exit 1, the guard named once, and nothing ran on any host: for --dry and for -y."""
    match fault:
        case "key gone":
            world.stop("val2")
            (world.hosts["val2"].home / "config/priv_validator_key.json").unlink()
        case "unreadable":
            world.stop("val2")
            world.hosts["val3"].sign_file.write_text("garbage")
    done = world.pyinfra(deploy, how)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert said.count("nothing was changed") == 1, said
    assert guard in said
    assert "Traceback" not in said
    assert world.acts == {}


def test_a_host_that_is_gone_blocks(world: World) -> None:
    """pyinfra would go on without it; its key may be on another host, so we do not."""
    (world.root / "val3").rename(world.root / "elsewhere")
    done = world.pyinfra("start_node", "-y")
    assert (done.returncode, world.acts) == (1, {})
    assert "G41 val3" in done.stdout + done.stderr


def test_guards_look_beyond_the_limit(world: World) -> None:
    """A key that lies on a host outside --limit blocks, too."""
    world.stop("val2")
    world.hosts["val2"].key("0" * 40)
    done = world.pyinfra("start_node", "--limit", "val2", "-y")
    assert (done.returncode, world.acts) == (1, {})
    assert "G2" in done.stdout + done.stderr


def test_data_on_the_command_line_cannot_switch_guards_off(world: World) -> None:
    """What a compiled deploy is told, a person at pyinfra's command line cannot tell it."""
    world.stop("val2")
    world.hosts["val2"].key("0" * 40)
    done = world.pyinfra("start_node", "-y", "--data", "sealed=true", "--data", "address=")
    assert (done.returncode, world.acts) == (1, {})


def test_ssh_is_strict_and_its_master_is_ours(world: World) -> None:
    """Every connection: host keys strict, one ControlPath of this process, closed afterwards."""
    world.pyinfra("start_node", "--dry")
    calls = (world.root / "ssh-calls").read_text().splitlines()
    assert not [call for call in calls if "hop" in call]
    starts = [call for call in calls if call.startswith("-o ")]
    paths = {word for call in starts for word in call.split() if word.startswith("ControlPath=")}
    assert len(paths) == len(POWERS)
    assert all("StrictHostKeyChecking=yes" in call for call in starts)
    assert sum("-O exit" in call for call in starts) == len(POWERS)
    (directory,) = {Path(path.removeprefix("ControlPath=")).parent for path in paths}
    assert not directory.exists()


def test_a_broken_inventory_is_one_clear_message(world: World) -> None:
    """The reader's own message, exit 1, no traceback."""
    (world.root / "lab.yaml").write_text("version: 1\nchain: {id: lab-1}\nhosts: {}\n")
    done = world.pyinfra("start_node", "--dry")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "at least one host" in said
    assert "Traceback" not in said
