"""`doctor`: from one look at the hosts to what they have and lack."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.examination import Examination
from remediations.engine.doctor.line import DoctorLine, LineState
from remediations.engine.doctor.render_text import doctor_summary, doctor_text, missing_lines
from remediations.playbooks.chain.doctor.chain_lines import CHAIN, ONE_KEY
from remediations.playbooks.chain.doctor.world import world_lines
from remediations.reach.connection import HostUnreachable
from remediations.reach.routes import HostKeyStatus
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometReading, HostReading, sealed
from remediations.systems.comet.subcommands import (
    SUBCOMMANDS,
    Subcommands,
    parse_subcommands,
    subcommands_program,
)
from remediations.systems.hosts.values import Binary, Disk, Ownership
from remediations.values.inventory import Inventory
from remediations.values.reading import Known, Why
from tests import worlds
from tests.inventories import chain_inventory, node_entry
from tests.worlds import healthy, known, unknown

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIqJLp1hvHFzPgfOvjwRMu1sMFzOUE8Drz5BHmCeynC"


def inventory_of(world: CometReading) -> Inventory:
    return chain_inventory(
        path="inventory.yaml",
        chain_id=world.chain_id,
        halted_after_s=60,
        ssh_config="ssh_config",
        allowed_signers=None,
        hosts=tuple(node_entry(name=r.host, role=r.role, ssh=r.host) for r in world.hosts),
    )


def sight_of(
    world: CometReading,
    refusals: dict[str, HostUnreachable] | None = None,
    doors: dict[str, HostKeyStatus] | None = None,
) -> Examination:
    return Examination(
        observation=sealed(world), refusals=refusals or {}, doors=doors or {}, asked={CHAIN: {}}
    )


def lines_of(world: CometReading, **seen: object) -> tuple[DoctorLine, ...]:
    programs = {reading.host: Subcommands(SUBCOMMANDS) for reading in world.hosts}
    return world_lines(inventory_of(world), sight_of(world, **seen), programs)  # type: ignore[arg-type]  # tests name them


def bad(lines: tuple[DoctorLine, ...]) -> dict[tuple[str, str], DoctorLine]:
    return {(line.subject, line.topic): line for line in lines if line.state is not LineState.OK}


def changed(host: str, **fields: object) -> CometReading:
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
        (worlds.stopped(healthy(), "val1"), ("val1", "RPC"), LineState.LACK, "the node is down"),
        (
            worlds.duplicated(healthy(), "val1", "standby1"),
            ("standby1", "validator key"),
            LineState.LACK,
            "the key of an active validator",
        ),
        (
            worlds.duplicated(healthy(), "val1", "standby1"),
            (CHAIN, "one key, one host"),
            LineState.LACK,
            "lies on standby1, val1",
        ),
        (healthy(hosts=3), (CHAIN, "coverage"), LineState.WARN, "90 of 100"),
        (healthy(hosts=2), (CHAIN, "coverage"), LineState.WARN, "70 of 100"),
        (healthy(hosts=1), (CHAIN, "coverage"), LineState.LACK, "40 of 100"),
        (worlds.disabled(healthy(), "val4"), ("val4", "unit"), LineState.WARN, "does not start"),
        (
            worlds.key_missing(healthy(), "val4"),
            ("val4", "validator key"),
            LineState.LACK,
            "no key",
        ),
        (
            worlds.sign_state_missing(healthy(), "val4"),
            ("val4", "sign state"),
            LineState.LACK,
            "no sign state file",
        ),
        (
            changed(
                "val4",
                unit=unknown("several units: a.service b.service", Why.SEVERAL_UNITS),
            ),
            ("val4", "unit"),
            LineState.LACK,
            "several",
        ),
        (
            changed(
                "val4",
                disk=known(Disk(available=1, total=9, inodes_available=9, writable=True, path="/")),
            ),
            ("val4", "disk"),
            LineState.LACK,
            "0 of 0 MiB",
        ),
        (
            changed("val4", ownership=known(Ownership(foreign=2, example="/var/lib/x"))),
            ("val4", "owner"),
            LineState.LACK,
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
            LineState.WARN,
            "bbbbbbbbbbbb is what runs",
        ),
        (
            changed(
                "full1",
                binary=known(Binary(path="/v", sha256="c" * 64, running_sha256="", version="")),
            ),
            (CHAIN, "one program"),
            LineState.WARN,
            "another on full1",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_has_its_line(
    world: CometReading, where: tuple[str, str], state: LineState, words: str
) -> None:
    """The line is at the host it is about, says what was found, and what mends it."""
    line = bad(lines_of(world))[where]
    assert line.state is state
    assert words in line.found
    assert line.mend


SSH = """#!/bin/sh
# As ssh(1): what follows the name of the host, joined with blanks, is a text for the shell there.
while [ "${1#-}" != "$1" ]; do shift 2; done
shift
PATH=$THERE:$PATH exec sh -c "$*"
"""
THERE = """#!/bin/sh
printf '%s\\n' "$@" >"$THERE/heard"
"""


@pytest.mark.parametrize(
    "name",
    [
        "/x;touch RAN",
        "/x$(touch RAN)",
        "/x`touch RAN`",
        "/x' ; touch RAN ; '",
        '/x" ; touch RAN ; "',
        "/x & touch RAN &",
        "/x\\' ; touch RAN #",
        "-rf",
    ],
)
def test_words_of_a_host_cannot_become_a_command(tmp_path: Path, name: str) -> None:
    """What is printed is pasted: our shell parses it, and the shell on the host once more."""
    there = tmp_path / "there"
    there.mkdir()
    for path, text in (
        (tmp_path / "ssh", SSH),
        (there / "sudo", THERE),
        (there / "systemctl", THERE),
    ):
        path.write_text(text)
        path.chmod(0o755)
    unit = healthy().host("val4").unit
    assert isinstance(unit, Known)
    owned = known(Ownership(foreign=1, example=name))
    cases = [
        (changed("val4", ownership=owned), "owner"),
        (changed("val4", unit=known(replace(unit.value, name=name, enabled="disabled"))), "unit"),
        (changed("val4", unit=known(replace(unit.value, name=name, load_state="error"))), "unit"),
    ]
    for world, topic in cases:
        command = bad(lines_of(world))["val4", topic].mend
        assert command.startswith("ssh -F ssh_config val4 ")
        subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin", "THERE": f"{there}"},
            timeout=20,
            check=False,
        )
        assert (there / "heard").read_text().splitlines()[-1] == name
        assert not (tmp_path / "RAN").exists()
        (there / "heard").unlink()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_fits_and_a_hundred_hosts_stay_readable(width: int) -> None:
    """Of many hosts only what is not well is shown; --verbose shows the rest."""
    world = worlds.stopped(healthy([1] * 100), "val42")
    lines = lines_of(world)
    text = doctor_text(lines, width=width, colour=False, verbose=False, domains=[CHAIN])
    assert max(map(len, text.splitlines())) <= width
    assert text.count("→") == 1
    assert len(text.splitlines()) < 40
    assert "101 hosts where all is well" in " ".join(text.split())
    whole = doctor_text(lines, width=width, colour=False, verbose=True, domains=[CHAIN])
    assert len(whole.splitlines()) > 3 * len(text.splitlines())
    assert "\x1b[" in doctor_text(lines, width=width, colour=True, verbose=False, domains=[CHAIN])


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
def test_any_world_has_lines_and_whatever_lacks_is_mended(world: CometReading) -> None:
    """No observation breaks it; each warning and each lack says what to do, on one line."""
    lines = lines_of(world)
    assert lines
    for line in lines:
        assert bool(line.mend) is (line.state is not LineState.OK)
        assert "\n" not in line.found + line.mend


def test_one_cause_is_one_line() -> None:
    """Without a unit, or without sudo, nothing follows that only repeats it."""
    world = changed("val4", unit=unknown("several units: a.service b.service", Why.SEVERAL_UNITS))
    assert [topic for _, topic in bad(lines_of(world))] == ["unit"]
    reading = healthy().host("val4")
    assert isinstance(reading.session, Known)
    world = changed(
        "val4",
        session=known(replace(reading.session.value, sudo=False)),
        sign_state=unknown("exit status 1", Why.FAILED),
    )
    assert [topic for _, topic in bad(lines_of(world))] == ["sudo"]


@pytest.mark.parametrize(("why", "pin"), [(Why.SEVERAL_UNITS, "unit"), (Why.NO_HOME, "home")])
def test_what_is_to_be_pinned_is_no_question_of_words(why: Why, pin: str) -> None:
    """A unit may be called by any name, a home may lie anywhere."""
    world = changed("val4", unit=unknown("home not known: several unit-home.service", why))
    assert f"pin `{pin}:` of val4" in bad(lines_of(world))["val4", "unit"].mend


@pytest.mark.parametrize(
    ("offset_ms", "found"),
    [(3_600_074, "3600 s ahead of ours; less than 10 s"), (-12_000, "12 s behind ours;")],
)
def test_a_wrong_clock_says_which_way(offset_ms: int, found: str) -> None:
    """How far, in which direction, and from where on it matters."""
    reading = healthy().host("val4")
    assert isinstance(reading.session, Known)
    session = known(replace(reading.session.value, clock_offset_ms=offset_ms))
    line = bad(lines_of(changed("val4", session=session)))["val4", "clock"]
    assert line.state is LineState.LACK
    assert line.found.startswith(found)


def test_an_rpc_that_is_off_is_told_from_one_that_is_silent() -> None:
    """The one is a setting, whose file and value are named; the other listens elsewhere, or not."""
    for why, mend in (
        (Why.NO_RPC, f"below [rpc] in {worlds.HOME}/config/config.toml"),
        (Why.TIME_LIMIT, "ssh -F ssh_config full1 'sudo ss -ltnp'"),
    ):
        silent = unknown("no answer", why)
        samples = tuple(replace(s, status=silent) for s in healthy().host("full1").samples)
        line = bad(lines_of(changed("full1", samples=samples)))["full1", "RPC"]
        assert line.found == "no answer"
        assert mend in line.mend


def test_power_on_hosts_that_could_not_be_read_is_their_lack() -> None:
    """Nobody is told to add hosts that are in the inventory already and only down."""
    down = functools.reduce(worlds.unreachable, ("val1", "val2"), healthy())
    lines = lines_of(down)
    line = bad(lines)[CHAIN, "coverage"]
    assert line.state is LineState.WARN
    assert "the key of val1, val2 from being read" in line.mend
    assert [missing.subject for missing in missing_lines(lines)] == ["val1", "val2"]


def test_what_to_mend_first_comes_first() -> None:
    """One key on two hosts before all; then the hosts; what the chain lacks may follow from them.
    The last line names them, for whoever does not scroll."""
    world = worlds.duplicated(worlds.stopped(healthy(hosts=1), "full1"), "val1", "standby1")
    missing = missing_lines(lines_of(world))
    assert missing[0].topic == ONE_KEY
    assert [line.subject == CHAIN for line in missing[1:]] == [False] * (len(missing) - 2) + [True]
    assert f"{len(missing)} lacking: chain {ONE_KEY}, " in doctor_summary(lines_of(world))


def test_the_copy_that_runs_is_left_alone() -> None:
    """Which host gives its key away follows from who runs; where both do, people find out."""
    world = worlds.duplicated(healthy(), "val1", "standby1")
    where = (CHAIN, "one key, one host")
    assert bad(lines_of(world))[where].mend.startswith(
        "val1 runs: leave it; on standby1: `sudo systemctl disable --now UNIT`, then move the key"
    )
    world = worlds.duplicated(healthy(), "val1", "val2")
    assert "find out which of val1, val2 signs" in bad(lines_of(world))[where].mend


def test_another_chain_is_named() -> None:
    """A node of another chain in this inventory is lacking, and no witness."""
    world = replace(healthy(), chain_id="other-1")
    lines = bad(world_lines(inventory_of(world), sight_of(world), {}))
    assert lines["val1", "chain id"].found == f"{worlds.CHAIN_ID}, not other-1"
    assert (CHAIN, "validator set") in lines


def test_usage_tells_which_subcommands_there_are() -> None:
    """An unknown one prints its parent's help, hence another usage line, and ends with 0."""
    said = (
        "start\t  virtengined start [flags]\nrollback\t  virtengined [command]\n"
        "comet show-validator\t  virtengined tendermint show-validator [flags]\nversion\t\n"
    )
    answers = parse_subcommands(said)
    assert answers is not None
    assert answers.accepted == ("start", "comet show-validator")
    assert answers.unknown == ("rollback",)
    assert set(answers.unanswered) == {"version", "module-hash-by-height", "export"}
    assert parse_subcommands("start\t\nrollback\t\n") is None
    assert parse_subcommands("") is None


def test_a_time_out_is_not_absence() -> None:
    """What a busy host gave no answer for is said so, and is not called missing."""
    world = healthy()
    asked = {"val1": Subcommands(("start", "version"), ("export",))}
    line = bad(world_lines(inventory_of(world), sight_of(world), asked))["val1", "subcommands"]
    assert "no answer in time: export" in line.found
    assert "not: rollback" in line.found
    assert "again" in line.mend


def test_the_program_is_asked_without_a_home_to_write_to(tmp_path: Path) -> None:
    """It sees only `--help`, the named home, and a HOME that is not there; others are not tried."""
    (tmp_path / "systemd-run").write_text(
        '#!/bin/sh\nwhile [ "$1" != -- ]; do\n'
        'case $1 in --setenv=*) export "${1#--setenv=}";; esac; shift; done\nshift\nexec "$@"\n'
    )
    program = tmp_path / "virtengined"
    program.write_text(
        f'#!/bin/sh\necho "$* HOME=$HOME" >>{tmp_path}/calls\necho noise\n'
        'case $1 in start) echo "Usage:"; echo "  virtengined start [flags]";;\n'
        '*) printf "Usage:\\n  virtengined [command]\\n";; esac\n'
    )
    for file in (program, tmp_path / "systemd-run"):
        file.chmod(0o755)
    reading = healthy().host("val1")
    assert isinstance(reading.unit, Known)
    reading = replace(reading, unit=known(replace(reading.unit.value, binary=str(program))))
    text = subcommands_program(reading).decode()
    assert "EUID == 0" in text
    text = text.replace("EUID == 0", "BASHPID != 0").replace("PATH=/usr", f"PATH={tmp_path}:/usr")
    text = text.replace("BOOTED=/run/systemd/system", f"BOOTED={tmp_path}")
    done = subprocess.run(["bash", "-s"], input=text, text=True, capture_output=True, timeout=20)
    answers = parse_subcommands(done.stdout)
    assert answers is not None
    assert answers.accepted == ("start",)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [f"{w} --help --home {worlds.HOME} HOME=/nonexistent" for w in SUBCOMMANDS]


@pytest.mark.parametrize("host", ["val4", "full1"])
def test_adaptive_sync_is_a_warning_on_a_validator(host: str) -> None:
    """Neither its sign state nor a remote signer protects it then; a full node signs nothing."""
    found = bad(lines_of(worlds.configured(healthy(), host, adaptive_sync=True)))
    if host == "full1":
        assert found == {}
        return
    line = found[host, "adaptive_sync"]
    assert line.state is LineState.WARN
    assert "signing twice" in line.found
    assert "[blocksync]" in line.mend


def role_of(world: CometReading, host: str, role: Role) -> CometReading:
    return worlds.change(world, host, lambda r: replace(r, role=role))


def test_the_only_holder_of_a_key_is_not_told_to_give_it_away() -> None:
    """The inventory calls a running validator a standby: that word is wrong, not the key."""
    line = bad(lines_of(role_of(healthy(), "val2", Role.STANDBY)))["val2", "validator key"]
    assert "role: validator" in line.mend
    assert "leave its key" in line.mend


def test_a_daemon_on_a_bastion_is_lacking() -> None:
    """A validator runs there, and nobody would look after it."""
    line = bad(lines_of(role_of(healthy(), "val4", Role.BASTION)))["val4", "role"]
    assert line.state is LineState.LACK
    assert "correct `role:`" in line.mend
    assert ("bastion1", "role") not in bad(lines_of(healthy(bastion=1)))


def test_nobody_is_told_to_enable_a_validator_without_its_key() -> None:
    """The next boot would make a new key; the line about the key says not to start it."""
    world = worlds.disabled(healthy(), "val4")
    assert ("val4", "unit") in bad(lines_of(world))
    keyless = worlds.key_missing(world, "val4")
    lines = bad(lines_of(worlds.change(keyless, "val4", _disabled)))
    assert ("val4", "unit") not in lines
    assert "do not start it" in lines["val4", "validator key"].mend


def _disabled(reading: HostReading) -> HostReading:
    assert isinstance(reading.unit, Known)
    return replace(reading, unit=known(replace(reading.unit.value, enabled="disabled")))
