"""`pyinfra @remediate/FILE.yaml deploys/chain/NAME.py`, for real, against hosts in directories.

The `ssh` that the machine configuration names runs what it is given in the directory of that host,
so the connector, the operations and pyinfra itself are the real ones, and so is the child that is
asked for guards and data. Only what it would read over SSH is an observation of `tests.worlds`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.observation import save_observation
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.hosts.compile.compiler import deploys_directory
from remediations.values.reading import value_or_none
from tests import worlds
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
SEEN = """\
import sys
from pathlib import Path

if "preflight" in sys.orig_argv:
    from remediations.cli import observing
    from remediations.engine.observe.observation import load_observation

    here = Path(__file__).parent.parent
    with (here / "asked").open("a") as file:
        file.write(" ".join(sys.orig_argv) + "\\n")
    observing.observe_now = lambda inventory, scope, imports: load_observation(here / "seen.json")
"""
"""Python imports it at its start: what is asked in the child is noted, and read from a file."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program of root")

HOSTS = ("val1", "val2", "val3", "val4")
Change = Callable[[CometReading], CometReading]


class World:
    """Four validators that sign (40, 30, 20 and 10 of 100 power), each with a key of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hosts = {name: FakeHost(root / name) for name in HOSTS}
        self.seen = worlds.healthy(full=0, standby=0)
        for name, host in self.hosts.items():
            host.show(ActiveState="active")
            self.seen = worlds.change(self.seen, name, partial(at_home, host))
        for directory in ("bin", "python"):
            (root / directory).mkdir()
        (root / "python/sitecustomize.py").write_text(SEEN)
        (root / "bin/ssh").write_text(SSH)
        (root / "bin/ssh").chmod(0o755)
        (root / "config.toml").write_text(f'ssh = "{root}/bin/ssh"\n')
        entries = "".join(f"  {name}: {{role: validator}}\n" for name in HOSTS)
        (root / "lab.yaml").write_text(
            f"version: 1\nchain: {{id: worlds-1}}\nhosts:\n{entries}  hop: {{role: bastion}}\n"
        )
        self.change(lambda world: world)

    def change(self, how: Change) -> None:
        """What is read from now on; the hosts have the keys and sign states that it has."""
        self.seen = how(self.seen)
        for name, host in self.hosts.items():
            key = value_or_none(self.seen.host(name).key)
            state = value_or_none(self.seen.host(name).sign_state)
            if key is not None and key.address:
                host.key(key.address)
            if state is not None:
                host.sign_state(state.height, state.round, state.step)
        save_observation(sealed(self.seen), self.root / "seen.json")

    def stop(self, name: str) -> None:
        self.hosts[name].show(ActiveState="inactive")
        self.change(lambda world: worlds.stopped(world, name))

    @property
    def environment(self) -> dict[str, str]:
        """Of pyinfra here."""
        return {
            "PYTHONPATH": str(self.root / "python"),
            "REMEDIATE_CONFIG": f"{self.root}/config.toml",
        }

    def pyinfra(
        self, deploy: str, *arguments: str, inventory: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pyinfra", inventory or f"@remediate/{self.root}/lab.yaml",
             str(deploys_directory() / "chain" / f"{deploy}.py"), *arguments],
            env={**os.environ, **self.environment},
            cwd=self.root, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    @property
    def acts(self) -> dict[str, list[str]]:
        return {name: host.acts for name, host in self.hosts.items() if host.acts}

    @property
    def asked(self) -> list[str]:
        """The command lines of the children that judged."""
        file = self.root / "asked"
        return file.read_text().splitlines() if file.exists() else []


def at_home(host: FakeHost, reading: HostReading) -> HostReading:
    """The reading as if it came from this directory."""
    unit = value_or_none(reading.unit)
    assert unit is not None
    there = replace(
        unit, name="ve.service", home=str(host.home), user="ve", invocation=host.INVOCATION
    )
    return replace(reading, unit=worlds.known(there))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """All that was printed, as one line: pyinfra breaks long ones."""
    return " ".join((done.stdout + done.stderr).split())


def refused(world: World, done: subprocess.CompletedProcess[str]) -> str:
    """What it says that was refused once, with exit 1 and without an act on any host."""
    text = said(done)
    assert done.returncode == 1, text
    assert text.count("nothing was changed") == 1, text
    assert "Traceback" not in text
    assert world.acts == {}
    return text


def test_a_stopped_validator_is_started(world: World) -> None:
    """The one that it is limited to; the others are only read."""
    world.stop("val2")
    done = world.pyinfra("start_node", "--limit", "val2", "-y")
    assert done.returncode == 0, said(done)
    assert world.acts == {"val2": ["start ve.service"]}


def test_a_dry_run_changes_nothing(world: World) -> None:
    """--dry judges, shows, and asks systemd for nothing."""
    world.stop("val2")
    done = world.pyinfra("start_node", "--limit", "val2", "--dry")
    assert done.returncode == 0, said(done)
    assert "start the node" in said(done)
    assert world.acts == {}


def test_a_frozen_validator_is_restarted(world: World) -> None:
    """The process that stands there is ended, and only that one."""
    world.change(lambda seen: worlds.frozen(seen, "val4"))
    done = world.pyinfra("restart_node", "--limit", "val4", "-y")
    assert done.returncode == 0, said(done)
    assert world.acts == {"val4": ["stop ve.service", "start ve.service"]}


def test_a_unit_is_enabled(world: World) -> None:
    """On a node that runs, and during a halt: nothing is started, so no power is asked for."""
    world.stop("val1")
    done = world.pyinfra("enable_node", "--limit", "val1", "--limit", "val4", "-y")
    assert done.returncode == 0, said(done)
    assert world.acts == {name: ["enable --quiet ve.service"] for name in ("val1", "val4")}


def test_what_forbids_a_start_is_set_to_zero(world: World) -> None:
    """In the files of the hosts that are named; nothing is started, and what the files do not have
    is refused."""
    for name in ("val2", "val3"):
        config = world.hosts[name].home / "config"
        (config / "app.toml").write_text("halt-height = 120\n")
        (config / "config.toml").write_text("[consensus]\ndouble_sign_check_height = 10\n")
        world.change(
            partial(worlds.configured, host=name, halt_height=120, double_sign_check_height=10)
        )
    done = world.pyinfra("configure_node", "--limit", "val2", "-y")
    assert done.returncode == 0, said(done)
    assert world.acts == {}
    files = {name: world.hosts[name].home / "config/app.toml" for name in ("val2", "val3")}
    assert files["val2"].read_text() == "halt-height = 0\n"
    assert files["val3"].read_text() == "halt-height = 120\n"
    assert "= 0\n" in (files["val2"].parent / "config.toml").read_text()
    nothing = refused(world, world.pyinfra("configure_node", "--limit", "val4", "-y"))
    assert "N4 val4: got nothing forbids it" in nothing


def test_guards_and_data_are_asked_once(world: World) -> None:
    """By one child for all hosts, over the same inventory file; nothing secret is in its words."""
    for name in ("val3", "val4"):
        world.stop(name)
    done = world.pyinfra("start_node", "--limit", "val3", "--limit", "val4", "-y")
    assert done.returncode == 0, said(done)
    (words,) = [line.partition(" -m remediations ")[2] for line in world.asked]
    inventory = f"--inventory {world.root}/lab.yaml"
    assert words == f"preflight node.start {inventory} --limit val3,val4 --json"


@pytest.mark.parametrize(
    ("deploy", "how", "change", "guard"),
    [
        ("restart_node", "--dry", lambda seen: seen, "N1 val2"),
        ("start_node", "--dry", lambda seen: worlds.key_missing(seen, "val2"), "G45 val2"),
        ("start_node", "-y", lambda seen: worlds.key_missing(seen, "val2"), "G45 val2"),
        ("enable_node", "-y", lambda seen: worlds.key_missing(seen, "val2"), "G45 val2"),
    ],
)
def test_a_blocked_guard_ends_the_run(
    world: World, deploy: str, how: str, change: Change, guard: str
) -> None:
    """Exit 1, the guard named, and nothing ran on any host: for --dry and for -y."""
    world.change(change)
    text = refused(world, world.pyinfra(deploy, "--limit", "val2", how))
    assert " guard(s) block: " in text
    assert f" {guard}: got " in text


def test_a_target_that_pyinfra_cannot_reach_blocks(world: World) -> None:
    """pyinfra would go on without it: what it was limited to is judged, not what is left of it."""
    for name in ("val3", "val4"):
        world.stop(name)
    world.change(lambda seen: worlds.unreachable(seen, "val3"))
    (world.root / "val3").rename(world.root / "elsewhere")
    done = world.pyinfra("start_node", "--limit", "val3", "--limit", "val4", "-y")
    assert (done.returncode, world.acts) == (1, {})
    assert "G41: got val3: " in said(done)


def test_guards_look_beyond_the_limit(world: World) -> None:
    """A key that lies on a host outside --limit blocks, too."""
    world.stop("val2")
    world.change(lambda seen: worlds.duplicated(seen, "val2", "val1"))
    assert "G2: got " in refused(world, world.pyinfra("start_node", "--limit", "val2", "-y"))


def test_without_a_limit_what_is_well_blocks(world: World) -> None:
    """A start is asked for of every host then, and three of them need none."""
    world.stop("val2")
    assert "N1 val1: got healthy" in refused(world, world.pyinfra("start_node", "-y"))


def test_data_on_the_command_line_cannot_switch_guards_off(world: World) -> None:
    """What a compiled deploy is told, a person at pyinfra's command line cannot tell it."""
    world.stop("val2")
    world.change(lambda seen: worlds.sign_state_missing(seen, "val2"))
    told = ("sealed=true", "address=", "remediate_inventory=/other.yaml")
    data = [word for each in told for word in ("--data", each)]
    assert "G19 val2" in refused(world, world.pyinfra("start_node", "--limit", "val2", "-y", *data))


@pytest.mark.parametrize("key", ["ssh_name", "ssh_config", "ssh_program"])
def test_the_machine_that_is_judged_is_the_one_that_is_acted_on(world: World, key: str) -> None:
    """Whatever leads pyinfra elsewhere than the inventory says is refused."""
    world.stop("val2")
    for each in ("copy", "config"):
        (world.root / "bin" / each).write_text((world.root / "bin/ssh").read_text())
        (world.root / "bin" / each).chmod(0o755)
    elsewhere = {"ssh_name": "val1", "ssh_config": "/x", "ssh_program": f"{world.root}/bin/copy"}
    data = f"{key}={elsewhere[key]}"
    done = world.pyinfra("start_node", "--limit", "val2", "-y", "--data", data)
    assert f"val2 is not reached as it was judged: got {key} '{elsewhere[key]}'" in refused(
        world, done
    )


@pytest.mark.parametrize("name", ["@remediate/val2", "@remediate/lab.yaml,@remediate/val2"])
def test_a_host_that_no_inventory_names_is_refused(world: World, name: str) -> None:
    """Quorum and double keys are judged over the whole set, and one host does not tell them."""
    world.stop("val2")
    text = refused(world, world.pyinfra("start_node", "--limit", "val2", "-y", inventory=name))
    assert "run it as `pyinfra @remediate/FILE.yaml … --limit HOST`" in text
    assert world.asked == []


def test_hosts_of_two_inventories_are_refused(world: World) -> None:
    """Each has a chain of its own, and one answer is for one chain."""
    (world.root / "b.yaml").write_text(
        "version: 1\nchain: {id: worlds-2}\nhosts:\n  b1: {role: validator}\n"
    )
    (world.root / "val1").rename(world.root / "b1")
    both = f"@remediate/{world.root}/lab.yaml,@remediate/{world.root}/b.yaml"
    done = world.pyinfra("start_node", "--limit", "val2", "--limit", "b1", "-y", inventory=both)
    assert "guards are judged over a whole inventory: got 2 of them" in refused(world, done)


def test_a_question_without_an_answer_blocks(world: World) -> None:
    """The child's own refusal is told; so is a child that says nothing that can be read."""
    world.stop("val2")
    (world.root / "seen.json").write_text("{}")
    text = refused(world, world.pyinfra("start_node", "--limit", "val2", "-y"))
    assert "seen.json" in text
    assert "; next: " in text
    (world.root / "python/sitecustomize.py").write_text(
        'import sys\nif "preflight" in sys.orig_argv:\n    sys.exit("\\x1b[31mno")\n'
    )
    text = refused(world, world.pyinfra("start_node", "--limit", "val2", "-y"))
    assert "`remediate preflight` gave no answer: got exit 1, " in text
    assert f"next: `remediate preflight node.start --inventory {world.root}/lab.yaml" in text
    assert "\x1b[31mno" not in text


def test_what_cannot_be_used_of_one_target_ends_the_run(world: World) -> None:
    """Also for the others: a body that fails by itself would let them act."""
    world.change(lambda seen: worlds.stopped(seen, "val4"))

    def patient(reading: HostReading) -> HostReading:
        unit = value_or_none(reading.unit)
        assert unit is not None
        return replace(reading, unit=worlds.known(replace(unit, stop_timeout_s=86_400)))

    world.change(lambda seen: worlds.change(worlds.stopped(seen, "val3"), "val3", patient))
    done = world.pyinfra("start_node", "--limit", "val3", "--limit", "val4", "-y")
    assert "what was read of val3 cannot be used: got stop_timeout_s is 86400" in refused(
        world, done
    )


def test_ssh_is_strict_and_its_master_is_ours(world: World) -> None:
    """Every connection: host keys strict, one ControlPath of this process, closed afterwards."""
    world.pyinfra("start_node", "--dry")
    calls = (world.root / "ssh-calls").read_text().splitlines()
    assert not [call for call in calls if "hop" in call]
    starts = [call for call in calls if call.startswith("-o ")]
    paths = {word for call in starts for word in call.split() if word.startswith("ControlPath=")}
    assert len(paths) == len(HOSTS)
    assert all("StrictHostKeyChecking=yes" in call for call in starts)
    assert sum("-O exit" in call for call in starts) == len(HOSTS)
    (directory,) = {Path(path.removeprefix("ControlPath=")).parent for path in paths}
    assert not directory.exists()


def test_a_broken_inventory_is_one_clear_message(world: World) -> None:
    """The reader's own message, exit 1, no traceback."""
    (world.root / "lab.yaml").write_text("version: 1\nchain: {id: worlds-1}\nhosts: {}\n")
    done = world.pyinfra("start_node", "--dry")
    assert done.returncode == 1
    assert "at least one host" in said(done)
    assert "Traceback" not in said(done)
