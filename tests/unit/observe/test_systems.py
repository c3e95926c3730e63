"""An observation is an envelope: what was read is a part for each system that is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from remediations.engine.observe.observation import (
    Observation,
    Scope,
    load_observation,
    save_observation,
)
from remediations.engine.observe.observe import observe
from remediations.engine.observe.section import HostDocument, Trouble
from remediations.engine.system import HostSystem, LookRequest, RemoteSystem, System, system_flaw
from remediations.errors import Refused, UsageError
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import CometNodes, comet_reading, sealed
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.program import host_program
from remediations.systems.hosts.read_section import SILENT, read_section
from remediations.systems.hosts.reading import HostsReading
from remediations.systems.hosts.sections import TOTAL_BYTES, section_limits
from remediations.systems.hosts.system import HOSTS
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Kinded, Part
from remediations.values.reading import Known, Reading, Unknown, Why
from remediations.values.wire import canonical, decode
from tests import worlds
from tests.inventories import node_entry
from tests.unit.observe.fake_host import Host
from tests.unit.observe.test_look import Local, Reached, inventory
from tests.unit.plan import cases

ENTRY = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")


class Uptimes(Kinded, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "uptime.reading/1"

    seconds: tuple[Reading[int], ...]
    ends: tuple[Reading[str], ...]


def read_uptime(
    document: HostDocument, entry: HostEntry, at: datetime
) -> tuple[Reading[int], Reading[str]]:
    return (
        read_section(
            document,
            "uptime",
            "/proc/uptime",
            lambda section: int(section.text),
            absent=SILENT,
            at=at,
        ),
        read_section(document, "end", "end", lambda s: s.text, absent=SILENT, at=at),
    )


def unread_uptime(
    entry: HostEntry, trouble: Trouble, at: datetime
) -> tuple[Reading[int], Reading[str]]:
    return trouble.unknown(entry.ssh, at), trouble.unknown(entry.ssh, at)


def all_uptimes(
    inventory: Inventory, hosts: Sequence[tuple[Reading[int], Reading[str]]]
) -> Uptimes:
    return Uptimes(seconds=tuple(one for one, _ in hosts), ends=tuple(end for _, end in hosts))


UPTIME = HostSystem(
    name="uptime",
    kind=Uptimes,
    fragment=(
        "uptime_rest() { begin uptime cut -d. -f1 /proc/uptime; }\n"
        'uptime_last() { begin end say host "$remediate_word"; }\n'
    ),
    sections={"uptime": 100, "end": 100},
    settings=lambda entry: {"remediate_word": entry.name},
    read=read_uptime,
    unread=unread_uptime,
    whole=all_uptimes,
)


class Weather(Kinded, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "weather.reading/1"

    hosts: int
    rains: bool


async def look_outside(look: LookRequest) -> Sequence[Kinded]:
    return (Weather(hosts=len(look.inventory.hosts), rains=True),)


WEATHER = RemoteSystem(
    name="weather", kind=Weather, look=look_outside, unanswered=lambda weather: ()
)


def looked(tmp_path: Path, *systems: System, names: Sequence[str] = ("val1",)) -> Observation:
    fake = Host(tmp_path, 1)
    fake.install()
    reach = Reached({"val1": Local("val1", fake)})
    asked = observe(reach, inventory(*names), scope=Scope.FULL, tool="remediate 0", systems=systems)
    return asyncio.run(asked)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Observation:
    """Two hosts, of which one is there, with two systems of other packages."""
    path = tmp_path_factory.mktemp("host")
    return looked(path, HOSTS, COMET, UPTIME, WEATHER, names=("val1", "gone"))


def test_every_system_has_a_part(seen: Observation) -> None:
    """In the order of their kinds, whatever the order in which they were looked at."""
    kinds = [part.kind for part in seen.parts]
    assert kinds == ["comet.reading/1", "hosts.reading/1", "uptime.reading/1", "weather.reading/1"]


def test_a_fragment_of_another_package_runs_in_the_one_round_trip(seen: Observation) -> None:
    """With its own sections and settings; a host that is not there is unknown to it, too."""
    part = seen.part(Uptimes.KIND)
    assert part is not None
    uptimes = part.read(Uptimes)
    there, gone = uptimes.seconds
    assert isinstance(there, Known)
    assert there.value > 0
    assert isinstance(gone, Unknown)
    assert gone.why is Why.UNREACHABLE
    assert isinstance(uptimes.ends[0], Known)
    assert uptimes.ends[0].value == "host=val1\n"


def test_a_node_is_read_the_same_beside_other_systems(seen: Observation) -> None:
    reading = comet_reading(seen)
    assert isinstance(reading.host("val1").session, Known)
    assert isinstance(reading.host("val1").unit, Known)
    assert isinstance(reading.host("val1").sign_state, Known)
    assert isinstance(reading.host("gone").unit, Unknown)


def test_what_nobody_here_reads_stays_as_it_was(seen: Observation, tmp_path: Path) -> None:
    """The file of an observation keeps the parts of systems that are not installed, byte for byte;
    so does whoever takes the chain's reading out of it and puts it back."""
    path = tmp_path / "seen.json"
    save_observation(seen, path)
    assert load_observation(path) == seen
    assert sealed(comet_reading(load_observation(path))) == seen
    assert path.read_bytes() == canonical(seen) + b"\n"


def test_a_system_is_left_out_without_harm_to_others(tmp_path: Path) -> None:
    seen = looked(tmp_path, HOSTS)
    assert [part.kind for part in seen.parts] == [HostsReading.KIND]
    with pytest.raises(UsageError) as caught:
        comet_reading(seen)
    assert CometNodes.KIND in caught.value.what
    assert "observe again" in caught.value.next_step


def other(**fields: object) -> HostSystem:
    """A second host system, which has nothing in common with the others but for `fields`."""
    alone = HostSystem(
        name="other",
        kind=Weather,
        fragment="other_rest() { begin other true; }\n",
        sections={"other": 10},
        settings=lambda entry: {},
        read=UPTIME.read,
        unread=UPTIME.unread,
        whole=UPTIME.whole,
    )
    return replace(alone, **fields)  # type: ignore[arg-type] # its own fields


def taken(entry: HostEntry) -> Mapping[str, str]:
    return {"remediate_home": "/elsewhere"}


@pytest.mark.parametrize(
    ("system", "got"),
    [
        (other(sections={"login": 10}), "two sections called login"),
        (other(sections={"sign_state": 10}), "two sections called sign_state"),
        (other(sections={"began": 10}), "two sections called began"),
        (other(sections={"other": TOTAL_BYTES}), "bytes"),
        (other(fragment="key() { true; }\n"), "two functions called key"),
        (
            other(fragment="x() { :; }\n  finish ()\n{\n :; }\n"),
            "two functions called finish",
        ),
        (other(fragment="function guest { true; }\n"), "two functions called guest"),
        (other(settings=taken), "two settings called remediate_home"),
        (other(settings=lambda entry: {"PATH": "/tmp"}), "a setting called PATH"),
        (other(settings=lambda entry: {"remediate_x=y;z": ""}), "a setting called remediate_x=y;z"),
    ],
)
def test_systems_that_would_take_each_others_place_are_refused(
    system: HostSystem, got: str
) -> None:
    """Before anything is sent: the reading of one would be told as that of another."""
    with pytest.raises(Refused) as caught:
        host_program(ENTRY, Scope.FULL, (COMET, system))
    assert got in caught.value.got
    assert "comet, other" in caught.value.what


def test_the_order_of_systems_does_not_matter() -> None:
    """The host runs the same bytes, which a list of allowed programs may name by their digest."""
    assert host_program(ENTRY, Scope.FULL, (COMET, UPTIME)) == host_program(
        ENTRY, Scope.FULL, (UPTIME, COMET)
    )
    assert section_limits((COMET, UPTIME)) == section_limits((UPTIME, COMET))


@pytest.mark.parametrize(
    ("loaded", "flaw"),
    [
        (COMET, ""),
        (HOSTS, ""),
        (UPTIME, ""),
        (WEATHER, ""),
        (object(), "not a host system or a remote system"),
        (other(name="Other one"), "its name"),
        (other(kind=str), "its kind"),
        (other(fragment="x() { true; }"), "its fragment"),
        (other(fragment=None), "its fragment"),
        (other(sections={}), "no sections"),
        (other(sections={'a":1,"b': 10}), "its sections"),
        (other(sections={"a": 0}), "its sections"),
        (other(sections={"a": "10]=1; id; x["}), "its sections"),
    ],
)
def test_what_is_not_a_system_is_not_used(loaded: object, flaw: str) -> None:
    """What stands in shell text that runs as root has its form before."""
    found = system_flaw(loaded)
    assert flaw in found
    assert bool(found) is bool(flaw)


def test_nodes_on_other_hosts_than_were_logged_in_to_are_refused() -> None:
    """Else the session of one host would be told as that of another."""
    world = worlds.healthy()
    seen = sealed(world)
    hosts = seen.part(HostsReading.KIND)
    assert hosts is not None
    logins = hosts.read(HostsReading)
    fewer = Part.of(msgspec.structs.replace(logins, hosts=logins.hosts[:-1]))
    parts = tuple(fewer if part.kind == HostsReading.KIND else part for part in seen.parts)
    with pytest.raises(UsageError, match=r"hosts\.reading/1"):
        comet_reading(msgspec.structs.replace(seen, parts=parts))
    for hosts_read in (world.hosts[:-1], (*world.hosts, world.hosts[-1])):
        with pytest.raises(UsageError, match=r"\.reading/1"):
            comet_reading(sealed(msgspec.structs.replace(world, hosts=hosts_read)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"halted_after_s":"60"', b'"halted_after_s":"0"'),
        (b'"halted_after_s":"60"', b'"halted_after_s":"060"'),
        (b'"halted_after_s":"60"', b'"halted_after_s":"60","more":""'),
        (b'"role":"full"', b'"role":"SECRET"'),
        (b'"comet.reading/1"', b'"comet.reading/2"'),
    ],
)
def test_a_part_of_another_form_is_refused_and_never_repeated(old: bytes, new: bytes) -> None:
    data = canonical(sealed(worlds.healthy()))
    assert old in data
    with pytest.raises(UsageError) as caught:
        comet_reading(decode(data.replace(old, new, 1), Observation))
    assert "SECRET" not in caught.value.got
    assert caught.value.guard == "observation"


def test_a_kind_is_there_once_and_in_its_place(tmp_path: Path) -> None:
    """The same observation has the same bytes, and nobody chooses between two."""
    seen = sealed(worlds.healthy())
    for parts in (seen.parts[::-1], (*seen.parts, seen.parts[-1])):
        path = tmp_path / "seen.json"
        tree = msgspec.to_builtins(seen)
        tree["parts"] = [msgspec.to_builtins(part) for part in parts]
        path.write_bytes(canonical(tree))
        with pytest.raises(UsageError, match="observation"):
            load_observation(path)


@pytest.mark.parametrize("name", ["quorum_lost", "minority_down"])
def test_what_is_found_depends_on_values_only(name: str) -> None:
    """Not on which readings of an observation are one object in memory: of a file none are."""
    world = getattr(cases, name)()
    assert diagnose(comet_reading(sealed(world))) == diagnose(world)
