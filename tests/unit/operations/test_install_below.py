"""The program that puts a program where cosmovisor looks for it, run for real under /bin/sh."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remediations.systems.comet.install import FILES
from remediations.systems.comet.install_below import (
    PlannedBelow,
    install_below_text,
)
from remediations.systems.comet.planned import PlannedNodeError
from remediations.systems.hosts.probe import unit_runs
from tests.unit.operations.host import FakeHost
from tests.unit.operations.test_install_text import NEW, OLD, OTHER_MACHINE, sha256

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="programs are root's alone")

NOBODY = 65534
INFO = b'{"name":"v2","time":"0001-01-01T00:00:00Z","height":21}'
SWITCH = """
echo active >ActiveState
echo b >InvocationID
[ ! -e {root}/upgrades/v2/bin/ve ] || ln -sfn {root}/upgrades/v2 {root}/current
"""
"""What cosmovisor does when it is started."""


class BelowHost(FakeHost):
    """A host with cosmovisor's layout, which belongs to the service user. cosmovisor is played by
    `on-start`; a process that it started by one of this machine, of which the hash is planned."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.below = self.home / "cosmovisor"
        self.genesis = self.below / "genesis/bin/ve"
        self.genesis.parent.mkdir(parents=True)
        self.genesis.write_bytes(OLD)
        self.genesis.chmod(0o750)
        (self.below / "current").symlink_to(self.below / "genesis")
        self.info = self.home / "data/upgrade-info.json"
        self.info.write_bytes(INFO)
        self.files = root / "files"
        self.files.mkdir()
        self.brought(NEW)
        wrapper = "/usr/local/bin/cosmovisor"
        self.show(ExecStart=f"{{ path={wrapper} ; argv[]={wrapper} run --home {self.home} ; }}")
        self.show(ActiveState="active", User="nobody", MainPID="0", EnvironmentFiles="")
        self.environment()
        self.script("systemd-run", f'#!/bin/sh\necho "$*" >{root}/asked\necho v2.0\n')
        self.on_start(SWITCH)
        self.owned()

    def owned(self) -> None:
        """All of the home is the service user's."""
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)

    def environment(self, **settings: str) -> None:
        """The unit's environment; in place of the usual one where named."""
        found = {"DAEMON_HOME": str(self.home), "DAEMON_NAME": "ve", **settings}
        found = {"UNSAFE_SKIP_BACKUP": "true", **found}
        self.show(Environment=" ".join(f"{name}={value}" for name, value in found.items()))

    def on_start(self, text: str) -> None:
        """What a start does. The child runs from then on."""
        (self.unit / "on-start").write_text(text.replace("{root}", str(self.below)))

    def brought(self, content: bytes) -> Path:
        file = self.files / sha256(content)
        file.write_bytes(content)
        file.chmod(0o755)
        return file

    def planned(self, new: bytes = NEW, **changes: str | int) -> PlannedBelow:
        known: dict[str, str | int] = {
            "name": "ve",
            "current": str(self.genesis),
            "current_sha256": sha256(OLD),
            "place": f"{self.below}/upgrades/v2/bin/ve",
            "sha256": sha256(new),
            "replaces": "",
            "upgrade": "v2",
            "upgrade_info": sha256(INFO),
            "backup": 0,
        }
        node = self.node(user="nobody", invocation=self.INVOCATION)
        return PlannedBelow.from_data({**vars(node), **known, **changes})

    def install(self, new: bytes = NEW, **changes: str | int) -> subprocess.CompletedProcess[str]:
        """Run it. Its programs do not run here, so a child of cosmovisor is taken for the planned
        one where the place has it."""
        planned = self.planned(new, **changes)
        text = install_below_text(planned).replace(FILES, str(self.files))
        child = 'child_runs() { [ "$(show ActiveState)" = active ] && [ -n "${acted#no}" ] && '
        child += f'[ "$(owned_hash "$root/current/bin/ve")" = {planned.place.sha256} ]; }}\n'
        return self.run(text.replace("\nruns_below() {", f"\n{child}runs_below() {{"))

    @property
    def placed(self) -> Path:
        return self.below / "upgrades/v2/bin/ve"

    @property
    def untouched(self) -> bool:
        """Nothing was stopped, placed or left behind."""
        names = {path.name for path in self.below.iterdir()}
        return self.acts == [] and not self.placed.exists() and ".ve.remediate" not in names


@pytest.fixture
def host() -> Iterator[BelowHost]:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield BelowHost(root)
    shutil.rmtree(root)


def test_the_program_of_an_upgrade_goes_to_its_place(host: BelowHost) -> None:
    """Between stop and start, with owner and mode of the one in use, which stays; cosmovisor
    switches, and nothing of upgrade-info.json changes."""
    (host.unit / "on-stop").write_text(
        f"ls {host.below} >before; echo inactive >ActiveState; touch stopped"
    )
    done = host.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"placed: {host.placed}, v2.0",
        "started: ve.service is active",
        f"cosmovisor runs {host.placed}",
    ]
    assert host.acts == ["stop ve.service", "start ve.service"]
    found = host.placed.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (NOBODY, NOBODY, 0o750)
    assert host.placed.read_bytes() == NEW
    assert host.genesis.read_bytes() == OLD
    assert host.info.read_bytes() == INFO
    assert sorted(p.name for p in host.below.iterdir()) == ["current", "genesis", "upgrades"]
    assert sorted(p.name for p in host.files.iterdir()) == [sha256(NEW)]
    asked = (host.root / "asked").read_text()
    assert f"-- {host.below}/.ve.remediate version --home {host.home}" in asked


def test_the_program_in_use_is_replaced_and_kept(host: BelowHost) -> None:
    """No upgrade: a rename in the directory to which the link leads."""
    host.on_start("echo active >ActiveState; echo b >InvocationID")
    done = host.install(place=str(host.genesis), replaces=sha256(OLD), upgrade="")
    assert (done.returncode, done.stderr) == (0, "")
    assert host.genesis.read_bytes() == NEW
    assert (host.files / sha256(OLD)).read_bytes() == OLD
    assert str((host.below / "current").readlink()) == str(host.below / "genesis")


def test_what_a_killed_step_left_is_finished(host: BelowHost) -> None:
    """A directory without a program, and half a copy; or the program in its place already."""
    host.placed.parent.mkdir(parents=True)
    (host.below / ".ve.remediate").write_bytes(b"half")
    host.owned()
    assert host.install().returncode == 0
    host.show(ActiveState="failed")
    (host.below / "current").unlink()
    (host.below / "current").symlink_to(host.below / "genesis")
    host.owned()
    done = host.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert "placed" not in done.stdout
    assert not (host.below / ".ve.remediate").exists()


def test_a_unit_that_ends_after_the_switch_is_started_again(host: BelowHost) -> None:
    """DAEMON_RESTART_AFTER_UPGRADE=false: cosmovisor switches, and ends well."""
    first = "if [ ! -e once ]; then touch once; echo active >ActiveState; exit; fi\n"
    host.on_start(first + SWITCH)
    ends = '[ "$(cat slept)" != xx ] || echo inactive >ActiveState'
    host.script("sleep", f"#!/bin/sh\ncd {host.unit}\nprintf x >>slept\n{ends}\n")
    done = host.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert host.acts == ["stop ve.service", "start ve.service", "start ve.service"]


def test_cosmovisor_that_does_not_switch_is_told(host: BelowHost) -> None:
    """Its end is the step's: nothing is claimed."""
    host.on_start("echo active >ActiveState; echo b >InvocationID")
    done = host.install()
    assert done.returncode == 1
    assert f"cosmovisor does not run {host.placed}" in done.stderr


def test_a_copy_of_the_data_may_take_longer(host: BelowHost) -> None:
    """Then the start is not waited for: the gate and the checks tell."""
    host.environment(UNSAFE_SKIP_BACKUP="false")
    host.on_start("echo active >ActiveState; echo b >InvocationID")
    done = host.install(backup=1)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("not yet switched: cosmovisor copies data/ first\n")


Break = Callable[[BelowHost], object]


def relink(host: BelowHost, target: str) -> None:
    (host.below / "current").unlink()
    (host.below / "current").symlink_to(target)


def elsewhere(host: BelowHost) -> None:
    (host.below / "upgrades").symlink_to(host.root / "elsewhere")
    (host.root / "elsewhere").mkdir()


def other_program_there(host: BelowHost) -> None:
    host.placed.parent.mkdir(parents=True)
    host.placed.write_bytes(OLD + b"!")
    host.owned()


def without_rights(host: BelowHost) -> None:
    host.owned()
    os.chown(host.below, 0, 0)
    host.below.chmod(0o755)


@pytest.mark.parametrize(
    ("breaks", "got"),
    [
        (lambda h: h.environment(DAEMON_HOME="/other"), "got DAEMON_HOME /other"),
        (lambda h: h.environment(DAEMON_NAME="vf"), "got DAEMON_NAME vf"),
        (
            lambda h: h.show(
                ExecStart=f"{{ path=/x/cosmovisor ; argv[]=x --cosmovisor-config c {h.home} ; }}"
            ),
            "settings of cosmovisor in a file",
        ),
        (lambda h: h.show(ExecStart=f"{{ path=/x ; argv[]=x --home {h.home} ; }}"), "another prog"),
        (lambda h: h.info.unlink(), "data/upgrade-info.json with SHA-256 none"),
        (lambda h: h.info.write_bytes(b"{}"), "data/upgrade-info.json with SHA-256"),
        (lambda h: relink(h, f"{h.below}/upgrades/v1"), "got current leads to nothing"),
        (lambda h: h.genesis.write_bytes(OLD + b"!"), f"with SHA-256 {sha256(OLD + b'!')}"),
        (other_program_there, f"with SHA-256 {sha256(OLD + b'!')}"),
        (elsewhere, "expected no link on the way"),
        (without_rights, "which nobody cannot write to"),
        (lambda h: (h.files / sha256(NEW)).unlink(), "got no file"),
        (lambda h: h.show(InvocationID="c" * 32), "restarted since"),
        (lambda h: h.sign_state(39, 1, 3), "got sign state 39/1/3"),
        (lambda h: h.disk(free_kib=300_000 - 1 - 240_000), "KiB free"),
        (lambda h: h.script("systemd-run", "#!/bin/sh\nexit 1\n"), "no version"),
    ],
)
def test_what_does_not_hold_is_refused_and_nothing_is_done(
    host: BelowHost, breaks: Break, got: str
) -> None:
    """Before the unit is stopped: exit 64, and the host is as it was."""
    breaks(host)
    done = host.install()
    assert (done.returncode, done.stdout) == (64, "")
    assert got in done.stderr
    assert host.acts == []
    assert not (host.below / ".ve.remediate").exists()


def test_a_program_for_another_platform_is_refused(host: BelowHost) -> None:
    """By its head, compared with that of the program in use."""
    host.brought(OTHER_MACHINE)
    done = host.install(OTHER_MACHINE)
    assert done.returncode == 64
    assert "for the platform" in done.stderr
    assert host.untouched


def test_no_room_for_the_copy_of_the_data(host: BelowHost) -> None:
    """cosmovisor would fill the disk, and end."""
    host.disk(free_kib=70_000 + 262_144)
    (host.home / "data/big").write_bytes(bytes(100 << 20))
    host.owned()
    done = host.install(backup=1)
    assert done.returncode == 64, done
    assert "room for a copy of data/" in done.stderr
    assert host.acts == []
    (host.home / "data/big").unlink()
    assert host.install(backup=1).returncode == 0


def test_settings_in_a_file_of_the_unit_count(host: BelowHost) -> None:
    """The last one, as systemd takes them."""
    file = host.root / "environment"
    file.write_text("DAEMON_NAME=old\nSECRET=x\n DAEMON_NAME='vf'\n")
    host.show(EnvironmentFiles=f"{file} (ignore_errors=no)")
    assert "got DAEMON_NAME vf" in host.install().stderr


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("place", "/etc/passwd"),
        ("place", "{home}/cosmovisor/upgrades/v3/bin/ve"),
        ("place", "{home}/cosmovisor/upgrades/v2/bin/../ve"),
        ("name", "ve;reboot"),
        ("upgrade", "../v2"),
        ("replaces", "none"),
        ("upgrade_info", "x"),
        ("backup", "1"),
    ],
)
def test_a_malformed_field_reaches_no_shell(host: BelowHost, field: str, value: str) -> None:
    """Nor a place where cosmovisor of this home does not look."""
    with pytest.raises(PlannedNodeError, match=field):
        host.planned(NEW, **{field: value.replace("{home}", str(host.home))})


def test_the_probe_looks_at_the_children_of_a_wrapper(host: BelowHost) -> None:
    """The main process is of another program."""
    parent = subprocess.Popen(["/bin/sh", "-c", "tail -f /dev/null; :"])
    try:
        host.show(MainPID=str(parent.pid), ActiveState="active")
        tail = shutil.which("tail")
        assert tail is not None
        wanted = sha256(Path(tail).resolve().read_bytes())
        for _ in range(50):
            if Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().strip():
                break
        assert host.holds(unit_runs("ve.service", wanted))
        assert not host.holds(unit_runs("ve.service", "0" * 64))
    finally:
        subprocess.run(["pkill", "-P", str(parent.pid)], check=False)
        parent.kill()
        parent.wait()


def test_an_upgrade_info_that_is_being_written_is_looked_at_again(host: BelowHost) -> None:
    """A daemon that loops writes it anew each time: it is empty for a moment."""
    host.info.write_bytes(b"")
    (host.root / "whole").write_bytes(INFO)
    host.script("sleep", f"#!/bin/sh\ncat {host.root}/whole >{host.info}\n")
    done = host.install()
    assert (done.returncode, done.stderr) == (0, "")
