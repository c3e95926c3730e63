"""docs/sudo.md tells what really runs as root, and its files work."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.systems.comet import (
    copy_programs,
    programs,
    rollback_programs,
    second_signer,
)
from remediations.systems.comet.configure import PlannedSettings
from remediations.systems.comet.data_copy import PlannedCopy, PlannedReplacement
from remediations.systems.comet.free_space import PlannedRoom
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.open_files import PlannedLimit
from remediations.systems.comet.planned import PlannedNode
from remediations.systems.comet.put_back import put_back_text
from remediations.systems.comet.rehearsal_program import program_rehearsal_text, rehearsal_text
from remediations.systems.comet.system import COMET
from remediations.systems.comet.unjail import PlannedTransaction, PlannedUnjail, unjail_text
from remediations.systems.hosts.driver import INNER_LIMIT_S, LAUNCHER, PROBES
from remediations.systems.hosts.files import FILE_LIMIT_S, FILES
from remediations.systems.hosts.program import AFTER, BEFORE, COMMAND, host_program
from remediations.systems.keyfile.planned import PlannedKeyFile
from remediations.systems.keyfile.programs import install_text as install_key_text
from remediations.systems.keyfile.programs import put_back_text as put_back_key_text
from remediations.systems.keyfile.programs import retire_text as retire_key_text
from remediations.systems.keyfile.system import KEYFILE
from remediations.systems.podman.planned import PlannedContainer
from remediations.systems.podman.programs import remove_dead_text, restart_text
from remediations.systems.podman.system import PODMAN
from remediations.systems.scorer.environment_file import PlannedEnvironment
from remediations.systems.scorer.planned_model import PlannedModel
from remediations.systems.scorer.swap_model import keep_text, swap_text
from remediations.systems.scorer.swap_model import put_back_text as put_back_text_of
from remediations.systems.scorer.system import SCORER
from remediations.values.inventory import HostEntry, Inventory
from tests.inventories import node_entry
from tests.readings import read_document
from tests.unit.docs.pages import ROOT, blocks, pages
from tests.unit.docs.reader import Reader
from tests.worlds import BEGAN
from tests.worlds.jail import OPERATOR

PAGE = "docs/sudo.md"
TEXT = pages()[PAGE]
ROW = re.compile(r"^\| ([a-z, ]+) \| (.+) \|$", re.MULTILINE)
LISTS = "/etc/remediate/readings"
NOT_LISTED = 77

_COMMENT = re.compile(r"(?:^|\s)#.*$", re.MULTILINE)
_WORD = re.compile(r"(?<![\w$/.-])[a-z][a-z0-9-]*(?![\w.=/\"-])")
PROGRAMS = frozenset(
    re.findall(
        r"\S+",
        """
    awk base64 basename basenc cat chgrp chmod chown cmp cp curl cut date dd df dirname du env find
    flock fuser getent grep gzip head id install ip jq journalctl ln logger ls lsof mkdir mktemp
    mount mountpoint mv nc nft nice nohup nproc od openssl perl pgrep pkill ps python3 readlink rm
    rmdir rsync sed setpriv sha256sum setsid sleep sort ss ssh stat strings sync sysctl systemctl
    systemd-run tail tar tee timeout touch tr truncate umount uname uniq unshare wc wget xargs zcat
    """,
    )
)
"""What a shell text on a Debian host might start."""


def started(text: str) -> set[str]:
    """The programs that a shell text names outside of its comments."""
    return set(_WORD.findall(_COMMENT.sub("", text))) & PROGRAMS


def script(name: str) -> str:
    return (ROOT / "remediations" / name).read_text()


NODE = PlannedNode(
    unit="a.service",
    home="/srv/a",
    user="a",
    address="",
    sign_height=0,
    sign_round=0,
    sign_step=0,
)
SETTINGS = PlannedSettings(
    unit="a.service",
    home="/srv/a",
    user="a",
    double_sign_check_height=0,
    halt_height=9,
    halt_time=0,
    new_double_sign_check_height=0,
    new_halt_height=0,
    new_halt_time=0,
)
ROOM = PlannedRoom(
    unit="a.service", home="/srv/a", user="a", remove='["core /srv/a/core 1 2 3 1"]', journal=0
)
LIMIT = PlannedLimit(
    unit="a.service", home="/srv/a", user="a", open_files=1024, new_open_files=65535
)
COPY = PlannedCopy(
    node=NODE, chain_id="a-1", donor="full1", height=9, app_hash="", backend="goleveldb"
)
REPLACEMENT = PlannedReplacement(
    node=NODE, sha256="a" * 64, chain_id="a-1", donor="full1", height=9, app_hash="",
    backend="goleveldb", bytes=9,
)  # fmt: skip
MODEL = PlannedModel(
    unit="a.service", model="/srv/models/a", sha256="a" * 64, manifest="1 a", replaces="b" * 64
)
ENVIRONMENT = PlannedEnvironment(
    unit="a.service",
    environment_file="/etc/a/b.env",
    taken="--env-file",
    settings="A=1",
    before="A=2",
)
KEY_FILE = PlannedKeyFile(
    file="/etc/a/b.key",
    form="hex",
    owner="a",
    group="a",
    mode="0400",
    told="restart",
    unit="a.service",
    mark="",
    old="a" * 40,
    new="b" * 40,
)
CONTAINER = PlannedContainer(
    unit="a.service", container="a", id="a" * 64, image="a/a:1", digest=f"sha256:{'a' * 64}"
)
STARTED = {
    "reading": script("systems/hosts/guest.sh")
    + script("systems/hosts/service_user.sh")
    + "".join(script(f"systems/hosts/{name}") for name in (*BEFORE, *AFTER, "confine.sh"))
    + COMET.fragment,
    "subcommands": script("systems/comet/subcommands.sh")
    + "".join(script(f"systems/hosts/{name}") for name in ("foreign.sh", "confine.sh")),
    "probes": PROBES,
    "launcher": LAUNCHER,
    "files": FILES,
    "start, restart, enable": programs.start_text(NODE)
    + programs.restart_text(NODE)
    + programs.enable_text(NODE),
    "rehearsal": rehearsal_text(replace(NODE, stands_at=2), "http://127.0.0.1:26657")
    + program_rehearsal_text(replace(NODE, stands_at=2), "http://127.0.0.1:26657", "a" * 64),
    "hold, rollback, release": rollback_programs.hold_text(NODE)
    + rollback_programs.rollback_text(replace(NODE, stands_at=2, header_hash="AB"))
    + rollback_programs.release_text(NODE)
    + rollback_programs.unhold_text(NODE),
    "copy, replace": copy_programs.copy_text(COPY)
    + copy_programs.replace_text(REPLACEMENT)
    + put_back_text(REPLACEMENT),
    "unjail": unjail_text(
        PlannedUnjail(
            node=NODE,
            transaction=PlannedTransaction(
                chain_id="a-1",
                rpc="http://127.0.0.1:26657",
                operator=OPERATOR,
                account_number=1,
                sequence=1,
                fee="",
                memo="",
            ),
        )
    ),
    "hold of a second holder": second_signer.hold_duplicate_text(NODE),
    "configure": programs.configure_text(SETTINGS),
    "free, raise": ROOM.text + LIMIT.text,
    "reading of a scoring service": SCORER.fragment,
    "reading of containers": PODMAN.fragment,
    "restart of a container, removal of a dead one": restart_text(CONTAINER)
    + remove_dead_text(CONTAINER),
    "settings of a scoring service": ENVIRONMENT.text,
    "reading of a key file": KEYFILE.fragment,
    "exchange of a key file": install_key_text(KEY_FILE)
    + put_back_key_text(KEY_FILE)
    + retire_key_text(KEY_FILE),
    "exchange of a model": swap_text(MODEL) + put_back_text_of(MODEL) + keep_text(MODEL),
}


def of(language: str) -> list[str]:
    return [block.text for block in blocks(PAGE) if block.language == language]


@pytest.fixture
def gate(tmp_path: Path, reader: Reader) -> Path:
    """The host's one program for an observer, with the list that the page's own script makes."""
    (make_list,) = of("python")
    readings = tmp_path / "readings"
    listed = subprocess.run(
        [sys.executable, "-c", make_list, str(reader.inventory)],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    readings.write_text(listed.stdout)
    (text,) = of("bash")
    assert text.count(LISTS) == 1
    path = tmp_path / "remediate-read"
    path.write_text(text.replace(LISTS, str(readings)))
    path.chmod(0o755)
    return path


def program(entry: HostEntry, scope: Scope, inventory: Inventory | None = None) -> bytes:
    """What is sent to a host without a scoring service."""
    return host_program(entry, scope, (COMET, PODMAN), inventory)


def through(gate: Path, text: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([gate], input=text, capture_output=True, timeout=30)


def test_the_command_lines_are_those_that_are_sent() -> None:
    """Word for word: a sudoers rule is written after them."""
    assert COMMAND.startswith("sudo -n timeout -k 1 21 bash -s ||")
    assert "`sudo -n timeout -k 1 21 bash -s`" in TEXT
    inner = f"sudo -n timeout {INNER_LIMIT_S} /bin/sh -c "
    assert TEXT.count(f"`{inner}") == 2
    driver = script("systems/hosts/driver.py").replace("{INNER_LIMIT_S}", str(INNER_LIMIT_S))
    assert driver.count(inner) == 2
    assert script("systems/hosts/root_only.sh") + script("systems/hosts/launcher.sh") == LAUNCHER
    kept = f"sudo -n timeout {FILE_LIMIT_S} /bin/sh -c "
    assert TEXT.count(f"`{kept}") == 1
    assert script("systems/hosts/files.py").count(kept.replace("120", "{limit_s}")) == 1


def test_no_other_place_calls_sudo() -> None:
    """A new one would have to be told on that page."""
    calls = re.compile(r"""["'`]sudo -n""")
    found = {
        str(path.relative_to(ROOT / "remediations"))
        for path in (ROOT / "remediations").rglob("*.py")
        if calls.search(path.read_text())
    }
    rooms = {"program", "driver", "files"}
    assert found == {f"systems/hosts/{name}.py" for name in rooms}


@pytest.mark.parametrize("text", STARTED)
def test_the_programs_are_those_that_are_started(text: str) -> None:
    """No more, and no fewer."""
    told = dict(ROW.findall(TEXT))[text]
    assert set(re.findall(r"`([a-z0-9-]+)`", told)) == started(STARTED[text])


@pytest.mark.parametrize("rules", of("sudoers"))
def test_sudo_accepts_the_rules(rules: str, tmp_path: Path) -> None:
    """By its own checker."""
    file = tmp_path / "remediate"
    file.write_text(rules)
    file.chmod(0o440)
    visudo = shutil.which("visudo", path="/usr/sbin:/usr/bin:/sbin")
    assert visudo is not None, "the package sudo is missing: make setup"
    done = subprocess.run([visudo, "-cf", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("scope", Scope)
def test_a_listed_reading_is_run(scope: Scope, gate: Path, reader: Reader) -> None:
    """As it is sent to a host of that inventory."""
    inventory = load_inventory(reader.inventory)
    (entry,) = (host for host in inventory.hosts if host.name == "val1")
    text = program(entry, scope, inventory)
    done = through(gate, text)
    assert done.returncode == 0, done.stderr
    read = read_document(done.stdout, sent=BEGAN, received=BEGAN + timedelta(seconds=1))
    assert "login" in read.sections


@pytest.mark.parametrize("how", ["more", "less", "pinned", "other", "empty"])
def test_anything_else_is_not_run(how: str, gate: Path, reader: Reader) -> None:
    """One byte more or less, another setting, another program, nothing: all end with 77."""
    inventory = load_inventory(reader.inventory)
    (entry,) = (host for host in inventory.hosts if host.name == "val1")
    listed = program(entry, Scope.FULL, inventory)
    pinned = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1", home="/srv/other")
    sent = {
        "more": listed + b"\n",
        "less": listed[:-1],
        "pinned": program(pinned, Scope.FULL, inventory),
        "other": b"echo ran\n",
        "empty": b"",
    }[how]
    done = through(gate, sent)
    assert (done.returncode, done.stdout) == (NOT_LISTED, b"")
    assert done.stderr == b"this login runs listed readings only\n"


def test_a_reading_fits() -> None:
    """The gate takes in so many bytes; a longer text would be cut, and refused for ever."""
    (limit,) = re.findall(r"head -c ([0-9]+)", of("bash")[0])
    entry = node_entry(name="v", role=Role.FULL, ssh="v", unit="u" * 240, home="/h" * 2000)
    assert len(program(entry, Scope.FULL)) < int(limit)
