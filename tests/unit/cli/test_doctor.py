"""`doctor`: from one look at the hosts to what they have and what they lack."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.line import LineState
from remediations.engine.doctor.render_text import doctor_summary, doctor_text, missing_lines
from remediations.playbooks.chain.doctor.chain_lines import CHAIN, ONE_KEY
from remediations.playbooks.chain.doctor.world import world_lines
from remediations.systems.comet.reading import CometReading
from remediations.systems.hosts.values import Binary, Disk, Ownership
from remediations.values.reading import Known, Why
from tests import worlds
from tests.unit.cli.examined import bad, changed, inventory_of, lines_of, sight_of
from tests.worlds import healthy, known, unknown


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
            "is on standby1, val1",
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


def test_what_to_mend_first_comes_first() -> None:
    """One key on two hosts before all; then the hosts; what the chain lacks may follow from them.
    The last line names them, for whoever does not scroll."""
    world = worlds.duplicated(worlds.stopped(healthy(hosts=1), "full1"), "val1", "standby1")
    missing = missing_lines(lines_of(world))
    assert missing[0].topic == ONE_KEY
    assert [line.subject == CHAIN for line in missing[1:]] == [False] * (len(missing) - 2) + [True]
    assert f"{len(missing)} lacking: chain {ONE_KEY}, " in doctor_summary(lines_of(world))


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
def test_what_to_pin_does_not_depend_on_the_sentence(why: Why, pin: str) -> None:
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


def test_an_rpc_that_is_off_is_distinguished_from_a_silent_one() -> None:
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


def test_another_chain_is_named() -> None:
    """A node of another chain in this inventory is lacking, and no witness."""
    world = replace(healthy(), chain_id="other-1")
    lines = bad(world_lines(inventory_of(world), sight_of(world), {}))
    assert lines["val1", "chain id"].found == f"{worlds.CHAIN_ID}, not other-1"
    assert (CHAIN, "validator set") in lines
