"""Hosts that are not what one expects: the doctor names each fault with what mends it, the
diagnosis concludes nothing from it, a plan is refused, and nothing on the host is touched."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.values.reading import Known
from tests import worlds
from tests.unit.cli.desk import Desk, Done, remediate
from tests.unit.cli.loopback import Machine, machine
from tests.unit.cli.wrong import contents
from tests.unit.plan.cases import quorum_lost
from tests.worlds import healthy

Line = dict[str, str]


class Wrong(NamedTuple):
    """What is done to the host, and the line of the doctor that tells it."""

    make: Callable[[Machine], None]
    topic: str
    found: str
    mend: str


def pinned(file: Path, setting: str) -> None:
    file.write_text(file.read_text().replace("{role: validator", f"{{role: validator, {setting}"))


def shows(host: Machine, old: str, new: str) -> None:
    """What `systemctl show` prints, changed."""
    script = host.bin / "systemctl"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new))


def units(*names: str) -> Callable[[Machine], None]:
    def listed(host: Machine) -> None:
        host.units = [f"{name} enabled enabled" for name in names]
        host.install()

    return listed


def not_found(host: Machine) -> None:
    """systemd knows the name from somewhere, and has no file for it."""
    shows(host, "LoadState=loaded", "LoadState=not-found")
    shows(host, "ExecStart=", "Exec=")


def started_by(line: str) -> Callable[[Machine], None]:
    def through(host: Machine) -> None:
        path = line.split()[0]
        shows(host, f"path={host.program} ;", f"path={path} ;")
        shows(host, f"argv[]={host.program} {host.arguments} ;", f"argv[]={line} ;")

    return through


def homeless(host: Machine) -> None:
    shows(host, f"--home {host.home}", "--home /srv/moved")


def relative(host: Machine) -> None:
    shows(host, f"--home {host.home}", "--home data")


def emptied(host: Machine) -> None:
    (host.home / "config/config.toml").unlink()


def systemctl(text: str) -> Callable[[Machine], None]:
    return lambda host: host.script("systemctl", f"#!/bin/sh\n{text}\n")


NO_UNIT = "systemctl list-unit-files "
WRONG: dict[str, Wrong] = {
    "no unit": Wrong(units(), "unit", "no unit file matches", NO_UNIT),
    "two units": Wrong(
        units("virtengine.service", "virtengined.service"),
        "unit",
        "virtengine.service virtengined.service",
        "pin `unit:` of val1",
    ),
    "unit not found": Wrong(not_found, "unit", "is not-found", "systemctl status"),
    "no ExecStart": Wrong(
        lambda host: shows(host, "ExecStart=", "Exec="), "unit", "no --home: none", "pin `home:`"
    ),
    "wrapper": Wrong(
        started_by("/usr/local/bin/run-node validator"),
        "unit",
        "/bin/run-node",
        "pin `home:`",
    ),
    "cosmovisor": Wrong(
        started_by("/usr/bin/cosmovisor run start"), "unit", "cosmovisor run start", "pin `home:`"
    ),
    "no home": Wrong(homeless, "unit", "/srv/moved/config/config.toml is missing", "--home"),
    "relative home": Wrong(relative, "unit", "not an absolute path: data", "--home"),
    "home without configuration": Wrong(emptied, "unit", "is missing or not readable", "--home"),
    "no systemd": Wrong(
        systemctl("echo 'System has not been booted with systemd' >&2; exit 1"),
        "unit",
        "System has not been booted",
        NO_UNIT,
    ),
    "systemd says nothing": Wrong(systemctl("exit 0"), "unit", "no unit file", NO_UNIT),
    "systemd prints noise": Wrong(
        systemctl("head -c 200000 /dev/zero | tr '\\0' x"), "unit", "cannot be listed", NO_UNIT
    ),
    "systemd hangs": Wrong(systemctl("exec sleep 20"), "unit", "time limit", NO_UNIT),
}


def line_of(done: Done, topic: str, subject: str = "val1") -> Line:
    """The one line about `topic`, from the only document."""
    assert done.code == 3
    assert "Traceback" not in done.out + done.err
    result = done.document["result"]
    assert isinstance(result, dict)
    (line,) = (li for li in result["lines"] if (li["subject"], li["topic"]) == (subject, topic))
    assert isinstance(line, dict)
    return line


def concludes_nothing(file: Path, state: Path) -> None:
    """`diagnose` and `plan` end with documented codes, one document, and without a run."""
    done = remediate("diagnose", "-i", file, "--json")
    assert (done.code, done.document["outcome"]) == (11, "unreadable")
    planned = remediate("plan", "INC-001", "-i", file, "--json")
    assert planned.code in (4, 11)
    assert planned.document["outcome"] in ("refused", "unreadable")
    assert "Traceback" not in planned.out + planned.err + done.out + done.err
    assert not state.exists()


@pytest.mark.parametrize("case", WRONG)
def test_wrong_host(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """One line that lacks, what was found there, and the command or the pin that mends it."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    wrong = WRONG[case]
    with machine(tmp_path) as (host, file):
        wrong.make(host)
        before = contents(host.home)
        line = line_of(remediate("doctor", "-i", file, "--json"), wrong.topic)
        assert contents(host.home) == before
        if case == "two units":
            concludes_nothing(file, tmp_path / "state")
    assert line["state"] == "lack"
    assert wrong.found in line["found"]
    assert wrong.mend in line["mend"]


def test_cosmovisor_with_a_home_is_read_and_never_run(desk: Desk, tmp_path: Path) -> None:
    """Its home counts; the wrapper itself, which might do anything, is not asked anything."""
    with machine(tmp_path) as (host, file):
        cosmovisor = host.bin / "cosmovisor"
        host.script("cosmovisor", f"#!/bin/sh\ntouch {host.home}/run\n")
        started_by(f"{cosmovisor} run start --home {host.home}")(host)
        for name in ("app.toml", "client.toml"):
            (host.home / "config" / name).touch()
        before = contents(host.home)
        done = remediate("doctor", "-i", file, "--json")
        assert contents(host.home) == before
    assert line_of(done, "home")["found"] == str(host.home)
    assert line_of(done, "subcommands")["state"] == "warn"
    assert str(cosmovisor) in line_of(done, "binary")["found"]


def test_cosmovisor_program_is_the_one_that_its_link_selects(desk: Desk, tmp_path: Path) -> None:
    """Two hosts with one cosmovisor and different daemons run different programs."""
    with machine(tmp_path) as (host, file):
        cosmovisor = host.bin / "cosmovisor"
        host.script("cosmovisor", f"#!/bin/sh\ntouch {host.home}/run\n")
        started_by(f"{cosmovisor} run start --home {host.home}")(host)
        program = host.home / "cosmovisor" / "upgrades" / "v12" / "bin" / "virtengined"
        program.parent.mkdir(parents=True)
        program.write_text("the program of the upgrade")
        (host.home / "cosmovisor" / "current").symlink_to(program.parent.parent)
        found = line_of(remediate("doctor", "-i", file, "--json"), "binary")["found"]
    assert str(program.resolve()) in found
    assert hashlib.sha256(b"the program of the upgrade").hexdigest()[:12] in found


def test_a_pinned_unit_that_is_not_there(desk: Desk, tmp_path: Path) -> None:
    """The inventory is believed about the name; systemd is about what it has."""
    with machine(tmp_path) as (host, file):
        pinned(file, "unit: nosuch.service")
        shows(host, "Id=virtengine.service", "Id=nosuch.service")
        not_found(host)
        line = line_of(remediate("doctor", "-i", file, "--json"), "unit")
    assert (line["state"], line["found"]) == ("lack", "nosuch.service is not-found")


def test_refused_sudo(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as far as the user may; said what is lacking; nothing is concluded."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    sudo = "echo 'sudo: a password is required' >&2; exit 1"
    with machine(tmp_path, sudo=sudo) as (_, file):
        line = line_of(remediate("doctor", "-i", file, "--json"), "sudo")
        concludes_nothing(file, tmp_path / "state")
    assert line["state"] == "lack"
    assert "refused to" in line["found"]
    assert "sudoers.d" in line["mend"]


def test_sudo_that_takes_too_long(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as an LDAP server that is away: the host is not read, the command goes on."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("remediations.systems.hosts.look.HOST_LIMIT_S", 1.0)
    with machine(tmp_path, sudo="exec sleep 20") as (_, file):
        line = line_of(remediate("doctor", "-i", file, "--json"), "login")
        done = remediate("diagnose", "-i", file, "--json")
    assert line["state"] == "lack"
    assert "time limit" in line["found"]
    assert line["mend"]
    assert (done.code, done.document["outcome"]) == (11, "unreadable")


NOISE: dict[str, tuple[str, str]] = {
    "noise": ("head -c 300000 /dev/urandom", "version "),
    "one line without an end": ("yes x | tr -d '\\n' | head -c 50000000 && touch DONE", "xxxx"),
    "colours": ("printf '\\033[31m1.2.3\\033[0m\\n'", "version 1.2.3"),
    "a terminal's commands": ("printf '\\033]0;owned\\007\\033[2J9.9\\n'", "9.9"),
    "nothing": ("exit 0", "version not told"),
    "only errors": ("echo 'panic: no' >&2; exit 2", "panic: no"),
    "a hang": ("exec sleep 20", "version not told"),
}
"""By what the program prints: its shell text, and what root is told of its version."""


@pytest.mark.parametrize("case", NOISE)
def test_a_program_that_prints_anything(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """It is a warning or less, bounded, and nothing of it can write to the terminal."""
    monkeypatch.setattr("remediations.systems.comet.subcommands.SUBCOMMANDS", ("start",))
    text, version = NOISE[case]
    with machine(tmp_path) as (host, file):
        done = host.bin / "done"
        host.script("virtengined", f"#!/bin/sh\n{text}\n".replace("DONE", str(done)))
        for name in ("app.toml", "client.toml"):
            (host.home / "config" / name).touch()
        before = contents(host.home)
        whole = remediate("doctor", "-i", file, "--json")
        assert contents(host.home) == before
        assert not done.exists(), "all of it was read"
    binary, subcommands = line_of(whole, "binary"), line_of(whole, "subcommands")
    assert binary["state"] in ("ok", "warn")
    assert subcommands["state"] in ("ok", "warn")
    assert len(binary["found"]) < 5000
    assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", binary["found"] + subcommands["found"])
    assert (version if os.geteuid() == 0 else "version not told") in binary["found"]


def strayed(world: CometReading, host: str) -> CometReading:
    """`host` follows another chain."""

    def stray(reading: HostReading) -> HostReading:
        status = reading.samples[-1].status
        assert isinstance(status, Known)
        wrong = worlds.known(replace(status.value, network="other-1"))
        return replace(reading, samples=tuple(replace(s, status=wrong) for s in reading.samples))

    return worlds.change(world, host, stray)


WORLDS: dict[str, tuple[CometReading, str, str]] = {
    "wrong chain id on one host": (strayed(quorum_lost(), "val3"), "other-1", "val3"),
    "two hosts with one key": (
        worlds.duplicated(quorum_lost(), "val1", "val2"),
        "tombstoned",
        "val2",
    ),
    "the key on the standby, too": (
        worlds.duplicated(quorum_lost(), "val1", "standby1"),
        "tombstoned",
        "standby1",
    ),
}
"""By what is wrong: the world, a word of the refusal, and the host that it names."""


@pytest.mark.parametrize("case", WORLDS)
def test_a_plan_is_refused_over_one_wrong_host(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """4, by name, in both forms, and no run."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    world, word, host = WORLDS[case]
    source = desk.saved(world, "one-wrong")
    arguments = ("plan", "INC-001", "-i", desk.inventory, "--from", source)
    text, whole = remediate(*arguments), remediate(*arguments, "--json")
    assert (text.code, whole.code) == (4, 4)
    for said in (text.out + text.err, whole.out):
        assert word in said
        assert host in said
        assert "Traceback" not in said
    assert "next" in text.out + text.err
    assert whole.document["outcome"] == "refused"
    assert not (tmp_path / "state").exists()


def test_a_wrong_chain_is_named_where_all_else_is_well(desk: Desk) -> None:
    """The diagnosis does not count the stray host, and says which chain it follows."""
    done = remediate("diagnose", "--from", desk.saved(strayed(healthy(), "full1"), "stray"))
    assert done.code in (0, 3)
    assert "other-1" in done.out
