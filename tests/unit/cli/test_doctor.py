"""`doctor`: from one look at the hosts to what they have and lack."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.contact.doctor import doctor_text, world_lines
from remediations.contact.inventory_lines import inventory_lines
from remediations.contact.line import CHAIN, Line, State
from remediations.contact.machine import machine_lines, state_line
from remediations.contact.programs import SUBCOMMANDS, ask_text, parse
from remediations.contact.sight import Sight, see
from remediations.contact.signers import judge
from remediations.model.host import Binary, Disk, Ownership
from remediations.model.inventory import HostEntry, Inventory, Role
from remediations.model.reading import Known
from remediations.observe.observation import HostReading, Observation
from remediations.reach.connection import HostUnreachable
from remediations.reach.doors import Door, door
from remediations.reach.known_hosts import KnownHosts
from tests import worlds
from tests.unit.cli.desk import Desk, remediate
from tests.unit.observe.fake_host import Host, Rpc
from tests.unit.observe.test_look import Local, Reached
from tests.worlds import healthy, known, unknown

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIqJLp1hvHFzPgfOvjwRMu1sMFzOUE8Drz5BHmCeynC"


def inventory_of(world: Observation) -> Inventory:
    return Inventory(
        path="inventory.yaml",
        chain_id=world.chain_id,
        halted_after_s=60,
        ssh_config="ssh_config",
        allowed_signers=None,
        hosts=tuple(HostEntry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts),
    )


def sight_of(
    world: Observation,
    refusals: dict[str, HostUnreachable] | None = None,
    doors: dict[str, Door] | None = None,
) -> Sight:
    programs = {reading.host: SUBCOMMANDS for reading in world.hosts}
    return Sight(observation=world, refusals=refusals or {}, doors=doors or {}, programs=programs)


def lines_of(world: Observation, **seen: object) -> tuple[Line, ...]:
    return world_lines(inventory_of(world), sight_of(world, **seen))  # type: ignore[arg-type]  # tests name them


def bad(lines: tuple[Line, ...]) -> dict[tuple[str, str], Line]:
    return {(line.subject, line.topic): line for line in lines if line.state is not State.OK}


def changed(host: str, **fields: object) -> Observation:
    def how(reading: HostReading) -> HostReading:
        return replace(reading, **fields)

    return worlds.change(healthy(), host, how)


def test_a_healthy_world_lacks_nothing() -> None:
    """Four validators, a full node, a standby, a bastion: every line is ok."""
    lines = lines_of(healthy(bastion=1))
    assert bad(lines) == {}
    topics = {line.topic for line in lines if line.subject == "val1"}
    assert {"login", "host key", "sudo", "clock", "unit", "home", "user", "RPC"} <= topics
    assert {"chain id", "validator key", "sign state", "disk", "binary", "subcommands"} <= topics
    assert {line.topic for line in lines if line.subject == "bastion1"} == {
        "login",
        "host key",
        "sudo",
        "clock",
    }


@pytest.mark.parametrize(
    ("world", "where", "state", "words"),
    [
        (worlds.stopped(healthy(), "val1"), ("val1", "RPC"), State.LACK, "the node is down"),
        (
            worlds.duplicated(healthy(), "val1", "standby1"),
            ("standby1", "validator key"),
            State.LACK,
            "the key of an active validator",
        ),
        (
            worlds.duplicated(healthy(), "val1", "standby1"),
            (CHAIN, "one key, one host"),
            State.LACK,
            "lies on standby1, val1",
        ),
        (healthy(hosts=3), (CHAIN, "coverage"), State.WARN, "90 of 100"),
        (healthy(hosts=2), (CHAIN, "coverage"), State.WARN, "70 of 100"),
        (healthy(hosts=1), (CHAIN, "coverage"), State.LACK, "40 of 100"),
        (worlds.disabled(healthy(), "val4"), ("val4", "unit"), State.WARN, "does not start"),
        (worlds.key_missing(healthy(), "val4"), ("val4", "validator key"), State.LACK, "no key"),
        (
            worlds.sign_state_missing(healthy(), "val4"),
            ("val4", "sign state"),
            State.LACK,
            "no sign state file",
        ),
        (
            changed("val4", unit=unknown("several unit files match x: a.service b.service")),
            ("val4", "unit"),
            State.LACK,
            "several",
        ),
        (
            changed(
                "val4",
                disk=known(Disk(available=1, total=9, inodes_available=9, writable=True, path="/")),
            ),
            ("val4", "disk"),
            State.LACK,
            "0 of 0 MiB",
        ),
        (
            changed("val4", ownership=known(Ownership(foreign=2, example="/var/lib/x"))),
            ("val4", "owner"),
            State.LACK,
            "2 file(s)",
        ),
        (
            changed(
                "val4",
                binary=known(
                    Binary(path="/v", sha256="a" * 64, running_sha256="b" * 64, version="")
                ),
            ),
            ("val4", "binary"),
            State.WARN,
            "bbbbbbbbbbbb is what runs",
        ),
        (
            changed(
                "full1",
                binary=known(Binary(path="/v", sha256="c" * 64, running_sha256="", version="")),
            ),
            (CHAIN, "one program"),
            State.WARN,
            "another on full1",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_has_its_line(
    world: Observation, where: tuple[str, str], state: State, words: str
) -> None:
    """The line is at the host it is about, says what was found, and what mends it."""
    line = bad(lines_of(world))[where]
    assert line.state is state
    assert words in line.found
    assert line.mend


def test_words_of_a_host_cannot_become_a_command() -> None:
    """A file name that a shell would run is quoted where it stands in a command to paste."""
    world = changed("val4", ownership=known(Ownership(foreign=1, example="/x;reboot")))
    assert bad(lines_of(world))["val4", "owner"].mend.endswith("virtengine '/x;reboot'")


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_fits_and_a_hundred_hosts_stay_readable(width: int) -> None:
    """Of many hosts only what is not well is shown; -v shows the rest."""
    world = worlds.stopped(healthy([1] * 100), "val42")
    lines = lines_of(world)
    text = doctor_text(lines, width=width, colour=False, verbose=False)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("→") == 1
    assert len(text.splitlines()) < 40
    assert "101 hosts where all is well" in " ".join(text.split())
    whole = doctor_text(lines, width=width, colour=False, verbose=True)
    assert len(whole.splitlines()) > 3 * len(text.splitlines())
    assert "\x1b[" in doctor_text(lines, width=width, colour=True, verbose=False)


@pytest.mark.parametrize(
    "world",
    [
        worlds.split(healthy()),
        worlds.partitioned(healthy(), ("val1", "val4")),
        worlds.frozen(healthy(), "val1"),
        worlds.zombie(healthy(), "val1"),
        worlds.disk_full(healthy(), "val1"),
        worlds.crash_looping(healthy(), "val1", "panic: x"),
        worlds.behind(healthy(), "val1"),
        worlds.lying(healthy(), "val1"),
        worlds.deciding(healthy()),
        healthy([]),
        functools.reduce(worlds.unreachable, ("val1", "val2", "val3", "val4", "full1"), healthy()),
    ],
)
def test_any_world_has_lines_and_whatever_lacks_is_mended(world: Observation) -> None:
    """No observation breaks it; each warning and each lack says what to do, on one line."""
    lines = lines_of(world)
    assert lines
    for line in lines:
        assert bool(line.mend) is (line.state is not State.OK)
        assert "\n" not in line.found + line.mend


def test_one_cause_is_one_line() -> None:
    """Without a unit, or without sudo, nothing follows that only repeats it."""
    world = changed("val4", unit=unknown("several unit files match x: a.service b.service"))
    assert [topic for _, topic in bad(lines_of(world))] == ["unit"]
    reading = healthy().host("val4")
    assert isinstance(reading.session, Known)
    world = changed(
        "val4",
        session=known(replace(reading.session.value, sudo=False)),
        sign_state=unknown("exit status 1"),
    )
    assert [topic for _, topic in bad(lines_of(world))] == ["sudo"]


def test_the_copy_that_runs_is_left_alone() -> None:
    """Which host has to be masked follows from who runs; where both do, people decide."""
    world = worlds.duplicated(healthy(), "val1", "standby1")
    where = (CHAIN, "one key, one host")
    assert bad(lines_of(world))[where].mend.startswith("mask the unit on standby1, ")
    world = worlds.duplicated(healthy(), "val1", "val2")
    assert "decide which of val1, val2" in bad(lines_of(world))[where].mend


def test_another_chain_is_named() -> None:
    """A node of another chain in this inventory is lacking, and no witness."""
    world = healthy()
    inventory = replace(inventory_of(world), chain_id="other-1")
    lines = bad(world_lines(inventory, sight_of(replace(world, chain_id="other-1"))))
    assert lines["val1", "chain id"].found == f"{worlds.CHAIN_ID}, not other-1"
    assert (CHAIN, "validator set") in lines


def test_half_the_hosts_down() -> None:
    """The others are told whole; those that are down say why, and have no line besides."""
    world = worlds.unreachable(worlds.unreachable(healthy(), "val1"), "full1")
    refusal = HostUnreachable(
        "val1: cannot connect",
        guard="strict host keys",
        got="Host key is not trusted",
        expected="the key",
        next_step="compare the key",
    )
    shut = Door(host="val1", address="val1", files=("kh",), known=(), revoked=0, trouble="")
    lines = lines_of(world, refusals={"val1": refusal}, doors={"val1": shut})
    found = bad(lines)
    assert found["val1", "login"].mend == "compare the key"
    assert found["val1", "host key"].found == "val1 is not in kh"
    assert found["full1", "login"].mend == "ssh -F ssh_config full1 true"
    assert [line.topic for line in lines if line.subject == "full1"] == ["login"]
    assert len([line for line in lines if line.subject == "val2"]) > 10


def test_a_look_hears_refusals_once(tmp_path: Path) -> None:
    """A host that is down is asked why; one that answers is asked nothing of it; both are seen."""
    rpc = Rpc()
    host = Host(tmp_path, rpc.port)
    host.install()
    entries = tuple(HostEntry(name=n, role=Role.VALIDATOR, ssh=n) for n in ("val1", "gone"))
    inventory = replace(inventory_of(healthy()), ssh_config=None, hosts=entries)
    sight = asyncio.run(see(Reached({"val1": Local("val1", host)}), inventory, tool="test"))
    rpc.close()
    assert [r.host for r in sight.observation.hosts] == ["val1", "gone"]
    assert isinstance(sight.observation.hosts[0].session, Known)
    assert sight.refusals["gone"].next_step == "look at the host"
    assert set(sight.refusals) == set(sight.doors) == {"gone"}


@pytest.mark.parametrize(
    ("known_keys", "revoked", "words"),
    [
        ((), 0, "is not in kh"),
        ((), 1, "is revoked in kh"),
        (("ssh-ed25519",), 0, "shows another key than kh has"),
    ],
)
def test_unknown_revoked_and_changed_host_keys_differ(
    known_keys: tuple[str, ...], revoked: int, words: str
) -> None:
    """SSH says one and the same of all three; what an operator has to do differs."""
    refusal = HostUnreachable("", guard="strict host keys", got="", expected="", next_step="x")
    seen = Door(
        host="val1", address="v", files=("kh",), known=known_keys, revoked=revoked, trouble=""
    )
    world = worlds.unreachable(healthy(), "val1")
    found = bad(lines_of(world, refusals={"val1": refusal}, doors={"val1": seen}))
    assert words in found["val1", "host key"].found


def test_a_door_is_what_ssh_would_look_up(tmp_path: Path) -> None:
    """Port, HostKeyAlias and hashed or revoked lines, read with ssh's own settings."""
    known_hosts = tmp_path / "kh"
    known_hosts.write_text(f"[v.example]:2222 {KEY}\n@revoked alias {KEY}\n")
    config = tmp_path / "config"
    config.write_text(
        f"Host val1\n HostName v.example\n Port 2222\n"
        f"Host val2\n HostName v.example\n HostKeyAlias alias\n"
        f"Host *\n UserKnownHostsFile {known_hosts}\n GlobalKnownHostsFile none\n"
    )

    async def doors() -> list[Door]:
        names = ("val1", "val2", "val3")
        entries = [HostEntry(name=name, role=Role.FULL, ssh=name) for name in names]
        return [await door(entry, str(config), KnownHosts()) for entry in entries]

    first, second, third = asyncio.run(doors())
    assert (first.address, first.known, first.revoked) == ("[v.example]:2222", ("ssh-ed25519",), 0)
    assert (second.address, second.known, second.revoked) == ("alias", (), 1)
    assert (third.known, third.revoked, third.files) == ((), 0, (str(known_hosts),))


def test_usage_tells_which_subcommands_there_are() -> None:
    """An unknown one prints its parent's help, hence another usage line, and ends with 0."""
    said = (
        "start\t  virtengined start [flags]\nrollback\t  virtengined [command]\n"
        "comet show-validator\t  virtengined tendermint show-validator [flags]\nversion\t\n"
    )
    assert parse(said) == ("start", "comet show-validator")
    assert parse("start\t\nrollback\t\n") is None
    assert parse("") is None


def test_the_program_is_asked_without_a_home_to_write_to(tmp_path: Path) -> None:
    """It sees only `--help`, the named home, and a HOME that is not there; others are not tried."""
    (tmp_path / "setpriv").write_text(
        '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do case $1 in *=*|--clear*|--no*) shift;; '
        '*) shift 2;; esac; done\nexec "$@"\n'
    )
    program = tmp_path / "virtengined"
    program.write_text(
        f'#!/bin/sh\necho "$* HOME=$HOME" >>{tmp_path}/calls\necho noise\n'
        'case $1 in start) echo "Usage:"; echo "  virtengined start [flags]";;\n'
        '*) printf "Usage:\\n  virtengined [command]\\n";; esac\n'
    )
    for file in (program, tmp_path / "setpriv"):
        file.chmod(0o755)
    reading = healthy().host("val1")
    assert isinstance(reading.unit, Known)
    reading = replace(reading, unit=known(replace(reading.unit.value, binary=str(program))))
    text = ask_text(reading).decode()
    assert "EUID == 0" in text
    text = text.replace("EUID == 0", "BASHPID != 0").replace("PATH=/usr", f"PATH={tmp_path}:/usr")
    done = subprocess.run(["bash", "-s"], input=text, text=True, capture_output=True, timeout=20)
    assert parse(done.stdout) == ("start",)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [f"{w} --help --home {worlds.HOME} HOME=/nonexistent" for w in SUBCOMMANDS]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"* {KEY}\n", "pattern"),
        (f"alice@example.org,bob@example.org {KEY}\n", "pattern"),
        (f'alice@example.org namespaces="git" {KEY}\n', "namespaces"),
        (f"ca cert-authority {KEY}\n", "certificate authority"),
        ("alice@example.org\n", "no public key"),
        ('alice" \n', "form"),
        ("# nobody\n\n", "names nobody"),
        (f'# people\nalice@example.org namespaces="git,remediate-plan" {KEY}\nbob {KEY}\n', ""),
    ],
)
def test_allowed_signers(text: str, words: str) -> None:
    """Wildcards, other uses and lines without a key are found before they are needed."""
    line = judge(Path("signers"), text)
    assert (line.state is State.OK) is (words == "")
    assert words in line.found


def test_signers_file_that_others_may_write(tmp_path: Path) -> None:
    """Who can write the list can approve."""
    file = tmp_path / "signers"
    inventory = replace(inventory_of(healthy()), allowed_signers=str(file))
    assert inventory_lines(inventory)[-1].state is State.LACK
    file.write_text(f"alice {KEY}\n")
    file.chmod(0o664)
    assert inventory_lines(inventory)[-1].mend == f"chmod go-w {file}"
    file.chmod(0o644)
    assert inventory_lines(inventory)[-1].state is State.OK


def broken_ssh(directory: Path) -> None:
    (directory / "ssh").write_text("#!/bin/sh\necho OpenSSH_7.4p1 >&2\n")
    (directory / "ssh").chmod(0o755)


@pytest.mark.parametrize(
    ("make", "found"), [(broken_ssh, "OpenSSH_7.4"), (lambda directory: None, "not installed")]
)
def test_old_or_missing_openssh(
    make: Callable[[Path], None], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too old to find who signed, or not there: said with what installs it."""
    make(tmp_path)
    (tmp_path / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(tmp_path))
    line = next(line for line in machine_lines(tmp_path) if line.topic == "ssh")
    assert (line.state, line.found) == (State.LACK, found)
    assert "openssh-client" in line.mend


def test_the_agent_and_its_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent, an empty one, and one with keys are three things."""
    program = tmp_path / "ssh-add"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    found = []
    for script in ("exit 2", "exit 1", "echo 256 SHA256:abc alice '(ED25519)'"):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        found.append(next(li for li in machine_lines(tmp_path) if li.topic == "agent").found)
    assert found == ["none answers", "it holds no key", "1 key(s): ED25519"]


def test_the_state_directory_is_not_made(tmp_path: Path) -> None:
    """It is judged by what is there, and nothing is created."""
    line = state_line(tmp_path / "a/b")
    assert line.state is State.OK
    assert "will be made" in line.found
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert state_line(tmp_path / "file").state is State.LACK


def test_command_without_inventory(desk: Desk) -> None:
    """The first thing to type for whoever has nothing yet."""
    done = remediate("doctor")
    assert done.code == 3
    assert done.out.rstrip().endswith("--output inventory.yaml")


def test_command_with_a_broken_inventory(desk: Desk, tmp_path: Path) -> None:
    """What is wrong with the file is a finding, beside those about this machine."""
    file = tmp_path / "bad.yaml"
    file.write_text("hosts: [\n")
    result = remediate("doctor", "-i", file, "--json").document["result"]
    assert isinstance(result, dict)
    assert result["lacking"] == "1"
    assert "bad.yaml" in next(li["found"] for li in result["lines"] if li["state"] == "lack")


def test_command_where_nobody_answers(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All hosts down: a whole answer with 3, one JSON document, nothing written."""
    (tmp_path / "ssh").write_text(
        "Host *\n HostName 127.0.0.1\n Port 1\n UserKnownHostsFile none\n"
        " GlobalKnownHostsFile none\n IdentityFile none\n"
    )
    (tmp_path / "i.yaml").write_text(
        "version: 1\nchain: {id: x-1}\nssh: {config: ssh}\nhosts:\n  val1: {role: validator}\n"
    )
    before = sorted(tmp_path.rglob("*"))
    done = remediate("doctor", "-i", tmp_path / "i.yaml", "--json")
    assert done.code == 3
    result = done.document["result"]
    assert isinstance(result, dict)
    found = {(li["subject"], li["topic"]): li for li in result["lines"]}
    assert found["val1", "login"]["found"].startswith("TCP: ")
    assert found["val1", "host key"]["found"] == "[127.0.0.1]:1 is not in any known_hosts file"
    assert sorted(tmp_path.rglob("*")) == before
    text = remediate("doctor", "-i", tmp_path / "i.yaml")
    assert max(map(len, text.out.splitlines())) <= 80
