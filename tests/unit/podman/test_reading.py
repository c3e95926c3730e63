"""Containers, as a host tells of them: `probe.sh` and its parsers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.observe.section import HostDocument, Section, Trouble
from remediations.systems.comet.inventory import Role
from remediations.systems.podman import parse
from remediations.systems.podman.parse import Processes
from remediations.systems.podman.parse_units import parse_units
from remediations.systems.podman.system import PODMAN
from remediations.systems.podman.values import ContainerUnit, Dependant, PodmanReading
from remediations.values.lines import TextError
from remediations.values.part import Part
from remediations.values.reading import Known, Unknown, Why
from tests.inventories import node_entry
from tests.unit.podman.fragment import (
    DIGEST,
    ID,
    IMAGE,
    IMAGE_ID,
    NEVER,
    STAMP,
    run_fragment,
    script,
)

AT = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
ROW = [ID, "veid-scorer", "running", IMAGE, IMAGE_ID, DIGEST, STAMP, STAMP, NEVER, 0, 801, 799]
ROW += ["", 0, False, "", "host", "veid-scorer.service"]
ALIVE = Processes(main={ID: (801,)}, conmon={ID: (799, "veid-scorer.service")})
SHOWN = """Id=veid-scorer.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
UnitFileState=enabled
InvocationID=aabbccddeeff00112233445566778899
MainPID=799
ExecMainStatus=0
ExecMainStartTimestamp=Sun 2026-11-29 23:06:04 UTC
NRestarts=0
Restart=on-failure
TimeoutStopUSec=20s
TimeoutStartUSec=1min 30s
User=
NeedDaemonReload=no
Job=0
"""


def row(**changes: object) -> str:
    names = parse._ContainerRow._fields
    return json.dumps([changes.get(name, old) for name, old in zip(names, ROW, strict=True)])


def command_of(words: str, tmp_path: Path) -> str:
    shown = f"ExecStart={{ path=/usr/bin/podman ; argv[]={words} ; ignore_errors=no ; pid=1 }}"
    return run_fragment(tmp_path, f"podman_command '{shown}'").stdout


def test_a_container_is_alive_by_what_the_host_says() -> None:
    """Podman still calls it running where its processes are gone: then it is dead."""
    (container,) = parse.parse_containers(row(), ALIVE)
    assert container.runs
    assert container.unit == "veid-scorer.service"
    assert container.started_at == datetime(2026, 11, 29, 23, 6, 4, 720641, tzinfo=UTC)
    assert container.finished_at is None
    (dead,) = parse.parse_containers(row(), Processes())
    assert dead.is_dead
    assert (dead.state, dead.conmon_pid, dead.unit) == ("running", 799, "veid-scorer.service")
    (orphan,) = parse.parse_containers(row(state="exited"), Processes(main={ID: (900,)}))
    assert not orphan.is_dead
    assert (orphan.left, orphan.pid_alive, orphan.conmon_alive) == ((900,), False, False)


@pytest.mark.parametrize(
    "wrong",
    [
        row(id="58122e31"),
        row(name="a b"),
        row(image_digest="latest"),
        row(state="run\nning"),
        row(created="yesterday"),
        row(created=NEVER),
        row(pid="801"),
        "[]",
        "not JSON",
        "[" * 5000,
        "\n".join([row()] * 33),
    ],
)
def test_a_malformed_container_is_refused(wrong: str) -> None:
    with pytest.raises(TextError):
        parse.parse_containers(wrong, ALIVE)


def test_images_have_all_their_digests() -> None:
    """Same bytes under two names are one image; the names of it are only names."""
    other = "sha256:" + "b" * 64
    line = json.dumps([IMAGE_ID, DIGEST, [IMAGE, f"localhost/x@{other}"], ["localhost/app:1"]])
    (image,) = parse.parse_images(line)
    assert image.digests == tuple(sorted((DIGEST, other)))
    assert image.names == ("localhost/app:1",)
    with pytest.raises(TextError):
        parse.parse_images(json.dumps([IMAGE_ID, "1.0", [], []]))


def test_the_owner_of_a_port_is_told() -> None:
    """By its container, also where two processes listen on one port."""
    lines = (
        'LISTEN 0 4096 127.0.0.1:8501 0.0.0.0:* users:(("serve",pid=801,fd=5))\n'
        'LISTEN 0 4096 127.0.0.1:8501 0.0.0.0:* users:(("stub",pid=55,fd=3),("stub",pid=56,fd=3))\n'
        "LISTEN 0 128 [::]:22 [::]:*   \n"
    )
    found = parse.parse_listeners(lines, ALIVE)
    assert [(one.port, one.pid, one.container) for one in found] == [
        (22, 0, ""),
        (8501, 55, ""),
        (8501, 56, ""),
        (8501, 801, ID),
    ]
    with pytest.raises(TextError):
        parse.parse_listeners("LISTEN nonsense", ALIVE)


def test_a_unit_with_all_that_is_stopped_with_it() -> None:
    """Dependants of dependants, too; and one start for each invocation."""
    text = (
        f"{SHOWN}RequiredBy=gateway.service\nBoundBy=\nContainer=veid-scorer\n"
        f"Image={IMAGE}\nCreates=yes\nRemoves=yes\n\n"
        "Id=gateway.service\nActiveState=active\nConsistsOf=report.service\n\n"
        "Id=report.service\nActiveState=inactive\n\n"
    )
    starts = [(1, "x1"), (2, "x1"), (9, "x2")]
    for second, invocation in starts:
        line = {"__REALTIME_TIMESTAMP": f"{second}000000", "__CURSOR": "c"}
        line |= {"UNIT": "veid-scorer.service", "INVOCATION_ID": invocation}
        text += json.dumps(line) + "\n"
    (unit,) = parse_units(text, running=frozenset(), at=AT)
    assert unit.dependants == (
        Dependant(unit="gateway.service", active_state="active", by="RequiredBy"),
        Dependant(unit="report.service", active_state="inactive", by="ConsistsOf"),
    )
    assert isinstance(unit.starts, Known)
    assert [at.second for at in unit.starts.value] == [1, 9]
    assert (unit.pinned, unit.creates, unit.user, unit.start_timeout_s) == (True, True, "root", 90)


def test_a_journal_that_is_not_read_is_no_journal_without_starts() -> None:
    (unit,) = parse_units(f"{SHOWN}Container=x\n\nStarts=unread\n", running=frozenset(), at=AT)
    assert isinstance(unit.starts, Unknown)


@pytest.mark.parametrize(
    "wrong",
    [
        SHOWN.replace("LoadState=loaded\n", "LoadState=loaded\nLoadState=masked\n"),
        SHOWN.replace("Sun 2026-11-29 23:06:04 UTC", "soon") + "Container=x\n",
        SHOWN.replace("Id=veid-scorer.service", "Id=--help"),
        SHOWN.replace("aabb", "AABB") + "Container=x\n",
        SHOWN.replace("TimeoutStopUSec=20s\n", "") + "Container=x\n",
        SHOWN + "Container=x\n\n{]\n",
    ],
)
def test_a_malformed_unit_is_refused(wrong: str) -> None:
    with pytest.raises(TextError):
        parse_units(wrong, running=frozenset(), at=AT)


def test_a_unit_that_only_mentions_podman_is_none() -> None:
    """One in whose control group a container is, is one."""
    assert parse_units(SHOWN, running=frozenset(), at=AT) == ()
    (unit,) = parse_units(SHOWN, running=frozenset({"veid-scorer.service"}), at=AT)
    assert (unit.container, unit.image) == ("", "")


def test_of_a_command_only_what_is_asked_for_leaves_the_host(tmp_path: Path) -> None:
    """Container, image and a few switches: the rest may be secrets."""
    told = command_of(
        "/usr/bin/podman --log-level debug run --cidfile=/x --sdnotify=conmon --replace -d --rm "
        f"-e TOKEN=hunter2 --name veid-scorer -v /a:/b --pull=never {IMAGE} --key hunter2/x",
        tmp_path,
    )
    assert "hunter2" not in told
    assert told.splitlines() == [
        "Replaces=yes",
        "Removes=yes",
        "Creates=yes",
        "Container=veid-scorer",
        "Pull=never",
        f"Image={IMAGE}",
    ]
    assert command_of("/usr/bin/podman start -a veid-scorer", tmp_path) == "Container=veid-scorer\n"
    assert command_of("/usr/bin/podman run --name=x ${IMAGE}", tmp_path).splitlines() == [
        "Creates=yes",
        "Container=x",
    ]
    assert command_of("/usr/bin/podman ps", tmp_path) == ""
    assert command_of("/opt/scorer --podman", tmp_path) == ""


def test_units_are_asked_for_with_all_that_is_stopped_with_them(tmp_path: Path) -> None:
    """In three rounds at most; what the fragment prints is what the parser reads."""
    shown = tmp_path / "shown"
    command = f"ExecStart={{ argv[]=podman run --name veid-scorer {IMAGE} ; ignore_errors=no }}"
    shown.write_text(f"{SHOWN}{command}\nRequiredBy=gw.service\n")
    script(
        tmp_path,
        "systemctl",
        f'case "$*" in\n  *" -- "*--*) exit 9 ;;\n  *ExecStart*) cat {shown} ;;\n'
        '  *veid-scorer.service*) echo "Id=veid-scorer.service"; echo "RequiredBy=gw.service" ;;\n'
        '  *gw.service*) echo "Id=gw.service"; echo "ActiveState=active"\n'
        '    echo "BoundBy=b.timer" ;;\n'
        '  *) echo "Id=b.timer"; echo "ActiveState=inactive" ;;\nesac\n',
    )
    line = '{"__REALTIME_TIMESTAMP":"1000000","UNIT":"veid-scorer.service","INVOCATION_ID":"a"}'
    script(tmp_path, "journalctl", f"echo '{line}'\n")
    call = "podman_candidates() { echo veid-scorer.service; }; podman_units"
    done = run_fragment(tmp_path, call)
    assert (done.returncode, done.stderr) == (0, "")
    (unit,) = parse_units(done.stdout, running=frozenset(), at=AT)
    assert (unit.container, unit.image) == ("veid-scorer", IMAGE)
    assert [(one.unit, one.active_state) for one in unit.dependants] == [
        ("b.timer", "inactive"),
        ("gw.service", "active"),
    ]
    assert isinstance(unit.starts, Known)
    assert len(unit.starts.value) == 1


def test_units_are_found_by_their_files(tmp_path: Path) -> None:
    """Also where nothing of their container lives: by podman in the unit, or in a drop-in."""
    (tmp_path / "run.service").write_text("[Service]\nExecStart=/usr/bin/podman run --name a b/c\n")
    (tmp_path / "plain.service").write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / "dropped.service.d").mkdir()
    (tmp_path / "dropped.service.d" / "more.conf").write_text(
        "[Service]\nExecStart=podman start a\n"
    )
    below = f"podman_units_below=(/nowhere/at/all {tmp_path})"
    done = run_fragment(tmp_path, f"podman_monitors() {{ :; }}; {below}; podman_candidates")
    assert done.stdout.split() == ["run.service", "dropped.service"]


def test_podman_is_not_asked_before_somebody_used_it(tmp_path: Path) -> None:
    """After a boot its first answer writes the state of all containers anew."""
    script(
        tmp_path, "podman", 'echo "$*" >>"$(dirname "$0")/../asked"\necho podman version 4.3.1\n'
    )
    begun = "begin() { echo begun $1; }; podman_rest"
    asleep = run_fragment(tmp_path, begun).stdout
    assert "podman_engine" in asleep
    assert "podman_containers" not in asleep
    assert "asleep=yes" in run_fragment(tmp_path, "podman_engine").stdout
    assert (tmp_path / "asked").read_text() == "--version\n"
    (tmp_path / "alive").touch()
    assert "begun podman_containers" in run_fragment(tmp_path, begun).stdout
    assert "asleep" not in run_fragment(tmp_path, "podman_engine").stdout


def test_without_podman_nothing_else_is_read(tmp_path: Path) -> None:
    call = 'type() { return 1; }; begin() { echo "begun $1"; }; podman_rest; podman_engine'
    told = run_fragment(tmp_path, call).stdout.splitlines()
    assert told[:2] == ["begun podman_engine", "version="]


def test_a_container_that_goes_while_it_is_asked_for_is_no_failure(tmp_path: Path) -> None:
    """A unit in a loop makes and removes it all the time: the list is made again."""
    script(
        tmp_path,
        "podman",
        'n="$(dirname "$0")/../n"\ncase "$1 $2" in\n'
        "  *list) echo abc ;;\n"
        '  *inspect) [ -e "$n" ] || { : >"$n"; exit 125; }; echo "[]" ;;\nesac\n',
    )
    done = run_fragment(tmp_path, "podman_inspect || podman_inspect")
    assert (done.returncode, done.stdout) == (0, "[]\n")


def test_a_podman_that_hangs_is_ended(tmp_path: Path) -> None:
    """Its lock may be held by one that is stuck."""
    script(tmp_path, "podman", "exec sleep 30\n")
    script(tmp_path, "timeout", 'shift 3\nexec /usr/bin/timeout -s KILL 0.2 "$@"\n')
    assert run_fragment(tmp_path, "podman_ask images").returncode == 137


def section(text: str, status: int = 0) -> Section:
    return Section(data=text.encode(), status=status, said="", at=AT, trouble=None)


def test_a_whole_host_and_its_part() -> None:
    """It goes to a file and comes back the same."""
    texts = {
        "podman_engine": "version=4.3.1\nrootless=alice\n",
        "podman_processes": f"main 801 {ID}\nconmon 799 {ID} veid-scorer.service\n",
        "podman_containers": row() + "\n",
        "podman_images": json.dumps([IMAGE_ID, DIGEST, None, None]) + "\n",
        "podman_listeners": "",
        "podman_units": f"{SHOWN}Container=veid-scorer\n",
    }
    document = HostDocument(
        sections={name: section(text) for name, text in texts.items()},
        clock_offset_ms=0,
        round_trip_ms=1,
    )
    host = PODMAN.read(document, ENTRY, AT)
    assert host.engine.value.rootless == ("alice",)
    assert isinstance(host.units, Known)
    assert isinstance(host.units.value[0], ContainerUnit)
    reading = PodmanReading(hosts=(host, PODMAN.unread(ENTRY, Trouble(Why.UNREACHABLE, "x"), AT)))
    assert Part.of(reading).read(PodmanReading) == reading
    assert reading.host("val1") == reading.hosts[-1]


@pytest.mark.parametrize(
    ("engine", "why", "word"),
    [
        ("version=\n", Why.ABSENT, "not installed"),
        ("version=4\n", Why.MALFORMED, "malformed"),
        ("version=4.3.1\nasleep=yes\n", Why.NOT_ASKED, "sudo podman ps"),
    ],
)
def test_what_was_not_asked_is_unknown_with_its_reason(engine: str, why: Why, word: str) -> None:
    document = HostDocument(
        sections={
            "podman_engine": section(engine),
            "podman_processes": section(""),
            "podman_units": section(""),
        }
        if "asleep" in engine
        else {"podman_engine": section(engine)},
        clock_offset_ms=0,
        round_trip_ms=1,
    )
    host = PODMAN.read(document, ENTRY, AT)
    assert isinstance(host.containers, Unknown)
    assert host.containers.why is why
    assert word in host.containers.reason


def test_nothing_is_dead_where_processes_were_not_read() -> None:
    texts = {"podman_engine": section("version=4.3.1\n"), "podman_containers": section(row())}
    texts["podman_processes"] = section("", status=137)
    document = HostDocument(sections=texts, clock_offset_ms=0, round_trip_ms=1)
    host = PODMAN.read(document, ENTRY, AT)
    assert isinstance(host.containers, Unknown)
    assert host.containers.why is Why.TIME_LIMIT
