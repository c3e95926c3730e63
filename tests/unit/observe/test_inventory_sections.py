"""Version 2 of an inventory: a section for each system, and how a wrong one is answered."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from remediations.engine.catalogue import Flaw, UnusedEntry
from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.inventory_section import InventorySection, SectionForm
from remediations.engine.observe.inventory_table import InventoryTable
from remediations.engine.system import HostSystem, System, system_flaw
from remediations.errors import Refused, UsageError
from remediations.systems.comet.inventory import (
    CHAIN_SECTION,
    NodeEntry,
    Role,
    chain_of,
    node_of,
    node_or_none,
)
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from remediations.values.inventory import HostEntry, Inventory
from remediations.values.part import Part
from remediations.values.wire import canonical, decode
from tests.inventories import LAMP, LAMP_SECTION, LampHost, LampRoom
from tests.unit.observe.test_inventory import GOOD as FIRST_VERSION
from tests.unit.observe.test_inventory import written

GOOD = """\
version: 2
chain: {id: virtengine-lab-1, halted_after_seconds: 5}
ssh: {config: ssh_config}
lamp: {fuse: main}
hosts:
  val1: {chain: {role: validator}}
  val2:
    ssh: validator-two
    chain: {role: full, unit: virtengined.service}
    lamp: {socket: 3}
  web1: {ssh: web, lamp: {}}
"""
SAME = """\
version: 2
chain: {id: virtengine-lab-1, halted_after_seconds: 5}
ssh: {config: ssh_config}
allowed_signers: keys/allowed_signers
hosts:
  val1: {chain: {role: validator}}
  val2:
    ssh: validator-two
    chain:
      role: validator
      unit: virtengined.service
      home: /srv/node
      rpc: http://127.0.0.1:36657
  jump: {chain: {role: bastion}}
"""
"""What `FIRST_VERSION` says, in version 2."""


def installed(*systems: System, troubles: tuple[UnusedEntry, ...] = ()) -> InstalledSystems:
    return InstalledSystems(systems=systems, troubles=troubles)


ALL = installed(COMET, HOSTS, LAMP)


def refused(path: Path, systems: InstalledSystems = ALL) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_inventory(path, systems)
    return caught.value


def lamp_with(section: InventorySection) -> HostSystem:
    return replace(LAMP, inventory_section=section)


def read_with(read: object, path: Path) -> UsageError:
    """What a reader of another package that does `read` is answered with."""
    form = SectionForm(kind=LampHost, read=read, optional=("socket",))  # type: ignore[arg-type]
    section = InventorySection(name="lamp", host=form)
    return refused(path, installed(COMET, lamp_with(section)))


def test_each_system_finds_its_section(tmp_path: Path) -> None:
    """As values of its own, of all hosts and of each."""
    inventory = load_inventory(written(tmp_path, GOOD), ALL)
    first, second, web = inventory.hosts
    assert chain_of(inventory).chain_id == "virtengine-lab-1"
    assert node_of(first) == NodeEntry(role=Role.VALIDATOR)
    assert node_of(second) == NodeEntry(role=Role.FULL, unit="virtengined.service")
    assert inventory.parts[1] == Part.of(LampRoom(fuse="main"))
    assert [part.kind for part in second.parts] == ["comet.node/1", "lamp.host/1"]
    assert web == HostEntry(name="web1", ssh="web", parts=(Part.of(LampHost(socket=1)),))


def test_host_without_a_node_says_so(tmp_path: Path) -> None:
    """None where one may be missing; a refusal by name where one is needed."""
    inventory = load_inventory(written(tmp_path, GOOD), ALL)
    assert node_or_none(inventory.host("web1")) is None
    with pytest.raises(UsageError, match="web1 has no section `chain`"):
        node_of(inventory.host("web1"))
    lamps = "version: 2\nlamp: {fuse: main}\nhosts: {web1: {lamp: {}}}\n"
    without = load_inventory(written(tmp_path, lamps), ALL)
    with pytest.raises(UsageError, match=r"lab\.yaml has no section `chain`"):
        chain_of(without)


def test_it_can_be_kept_and_read_where_no_system_is_installed(tmp_path: Path) -> None:
    """inventory.json of a run is read by the engine alone."""
    inventory = load_inventory(written(tmp_path, GOOD), ALL)
    assert decode(canonical(inventory), Inventory) == inventory


def test_version_1_means_what_it_meant(tmp_path: Path) -> None:
    """The same inventory in both versions is one, to the digest."""
    first = load_inventory(written(tmp_path, FIRST_VERSION), ALL)
    second = load_inventory(written(tmp_path, SAME), ALL)
    assert first.hosts == second.hosts
    assert first.parts == second.parts
    assert inventory_digest(first) == inventory_digest(second)


VAL1 = "  val1: {chain: {role: validator}}"


@pytest.mark.parametrize(
    ("change", "line", "got", "expected"),
    [
        (("version: 2", "version: 3"), 1, "version: 3", "1 or 2"),
        (("version: 2", 'version: "2"'), 1, "version: '2'", "1 or 2"),
        (("version: 2", "version: 1"), 4, "'lamp'", "any other section needs `version: 2`"),
        (("version: 2\n", ""), 1, "no key version", "`version: 2`"),
        (
            ("  val1: {chain: {role: validator}}", "  val1: {role: full}"),
            6,
            "'role'",
            "spelt `chain",
        ),
        ((VAL1, "  val1: {unit: u}"), 6, "'unit'", "spelt `chain"),
        ((VAL1, "  val1: {}"), 6, "no section", "chain, lamp"),
        (
            ("  val1: {chain: {role: validator}}", "  val1: {ssh: a}"),
            6,
            "no section",
            "chain, lamp",
        ),
        ((VAL1, "  val1:"), 6, "nothing", "a mapping"),
        ((VAL1, "  val1: {chain: full}"), 6, "'full'", "a mapping"),
        ((VAL1, "  val1: {chain: {}}"), 6, "no key role", "role"),
        (("{role: validator}", "{role: [full]}"), 6, "role: ['full']", "validator | full"),
        (("{role: validator}", "{role: full, ssh: a}"), 6, "'ssh'", "role, unit, home, rpc"),
        (("lamp: {socket: 3}", "lamp: {socket: '3'}"), 10, "socket: '3'", "a socket from 1 to 9"),
        (("lamp: {socket: 3}", "lamp: {socket: true}"), 10, "socket: True", "a socket from 1"),
        (("lamp: {socket: 3}", "lamp: {bulb: 3}"), 10, "'bulb'", "one of the keys socket"),
        (("lamp: {fuse: main}", "lamp: {fuse: 7}"), 4, "fuse: 7", "a word"),
        (("lamp: {fuse: main}", "lamp: {}"), 4, "no key fuse", "the key fuse"),
        (("lamp: {fuse: main}", "lamp: main"), 4, "lamp: 'main'", "a mapping"),
        (("lamp: {fuse: main}\n", ""), 9, "belongs below hosts only", "`lamp: {fuse: …}` beside"),
        (("chain: {id: virtengine-lab-1, halted_after_seconds: 5}\n", ""), 5, "chain:", "{id: …}"),
        (("lamp: {fuse: main}", "lamp: {fuse: main}\nlamp: {fuse: b}"), 5, "duplicate", "once"),
        (
            ("lamp: {socket: 3}", "lamp: {socket: 3}\n    lamp: {}"),
            11,
            "duplicate",
            "each key once",
        ),
        (("lamp: {socket: 3}", "sun: {}"), 10, "'sun', which no installed system reads", "lamp"),
        (("lamp: {fuse: main}", "sun: {}"), 4, "'sun', which no installed system reads", "chain"),
    ],
)
def test_a_wrong_section_is_shown_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, got: str, expected: str
) -> None:
    """File and line, what stands there, what is expected, what to do."""
    assert GOOD.count(change[0]) >= 1
    path = written(tmp_path, GOOD.replace(*change, 1))
    error = refused(path)
    assert (got in error.got, expected in error.expected) == (True, True), error
    assert error.what.startswith(f"{path}:{line}:")
    assert f"{path}:{line}" in error.next_step


def test_section_that_no_host_has_was_forgotten_there(tmp_path: Path) -> None:
    text = "version: 2\nchain: {id: a-1}\nlamp: {fuse: a}\nhosts: {web1: {lamp: {}}}\n"
    error = refused(written(tmp_path, text))
    assert error.what.startswith(f"{tmp_path}/lab.yaml:2:")
    assert (error.got, error.expected) == (
        "chain: no host has it",
        "a host with `chain: {role: …}`",
    )


def test_section_of_version_2_in_version_1(tmp_path: Path) -> None:
    text = FIRST_VERSION.replace("val1: {role: validator}", "val1: {chain: {role: validator}}")
    error = refused(written(tmp_path, text))
    assert error.what.startswith(f"{tmp_path}/lab.yaml:6:")
    assert error.got == "'chain'"
    assert "sections of a host need `version: 2`" in error.expected


def test_section_of_a_system_that_is_not_allowed(tmp_path: Path) -> None:
    """What is known, what is not used and why, and what to install or allow."""
    kept_out = UnusedEntry(
        name="lamp",
        distribution="acme-lamp",
        version="1",
        flaw=Flaw.NOT_ALLOWED,
        reason="it is not among `playbooks`",
    )
    error = refused(written(tmp_path, GOOD), installed(COMET, HOSTS, troubles=(kept_out,)))
    assert error.what.startswith(f"{tmp_path}/lab.yaml:4:")
    assert "not used here: lamp of acme-lamp: not allowed" in error.got
    assert (
        error.expected
        == "one of the keys version, hosts, ssh, allowed_signers, resume_within_seconds, chain"
    )
    assert "install, or allow" in error.next_step
    assert "`remediate list`" in error.next_step


def test_version_1_without_who_reads_it(tmp_path: Path) -> None:
    error = refused(written(tmp_path, FIRST_VERSION), installed(HOSTS, LAMP))
    assert error.expected == "2: no installed system reads version 1"


def test_section_that_is_given_by_host_only_and_elsewhere(tmp_path: Path) -> None:
    """One that stands on the wrong level is said to, not to be unknown."""
    assert LAMP_SECTION.host is not None
    by_host = installed(COMET, lamp_with(InventorySection(name="lamp", host=LAMP_SECTION.host)))
    assert (
        "the section lamp belongs below a host"
        in refused(written(tmp_path, GOOD), by_host).expected
    )
    once = installed(COMET, lamp_with(InventorySection(name="lamp", whole=LAMP_SECTION.whole)))
    assert (
        "the section lamp belongs beside `hosts`" in refused(written(tmp_path, GOOD), once).expected
    )


def test_a_reader_that_fails_is_a_complaint(tmp_path: Path) -> None:
    """It may be of another package, which can raise and give what it likes."""

    def fails(table: InventoryTable) -> LampHost:
        raise KeyError(table.path.name)

    path = written(tmp_path, "version: 2\nhosts: {web1: {lamp: {}}}\n")
    error = read_with(fails, path)
    assert (error.guard, error.got) == ("inventory", "its reader failed: KeyError: 'lab.yaml'")
    assert "int is not LampHost" in read_with(lambda table: 7, path).got


@pytest.mark.parametrize(
    "rival",
    [
        replace(LAMP_SECTION, name="chain"),
        replace(LAMP_SECTION, flat=True),
        replace(LAMP_SECTION, host=CHAIN_SECTION.host),
    ],
)
def test_which_of_two_sections_is_meant_is_not_guessed(
    tmp_path: Path, rival: InventorySection
) -> None:
    """The same name, the same kind, or both that of version 1."""
    with pytest.raises(Refused, match="declared more than once") as caught:
        load_inventory(written(tmp_path, GOOD), installed(COMET, lamp_with(rival)))
    assert caught.value.got == "by the systems comet, lamp"


@pytest.mark.parametrize(
    ("section", "flaw"),
    [
        ("lamp", "is not one"),
        (replace(LAMP_SECTION, name="hosts"), "a word that is free"),
        (replace(LAMP_SECTION, name="Lamp!"), "a word that is free"),
        (InventorySection(name="lamp"), "no table"),
        (replace(LAMP_SECTION, whole=None, flat=True), "one table only"),
        (replace(LAMP_SECTION, host="x"), "not forms"),  # type: ignore[arg-type]
        (replace(LAMP_SECTION, host=SectionForm(kind=int, read=int)), "kinds of values"),  # type: ignore[arg-type]
    ],
)
def test_system_that_declares_nonsense_costs_itself(section: object, flaw: str) -> None:
    told = system_flaw(replace(LAMP, inventory_section=section))  # type: ignore[arg-type]
    assert flaw in told


def test_table_that_a_system_is_given_complains_with_its_line(tmp_path: Path) -> None:
    """The readers of other packages have the errors of ours."""

    def read(table: InventoryTable) -> LampHost:
        assert table.text("word", re.compile("[a-z]+"), "a word") == "lit"
        assert "none" not in table
        assert table.optional("none", re.compile("x"), "an x") is None
        raise table.wrong("word", "a better word")

    form = SectionForm(kind=LampHost, read=read, required=("word",))
    systems = installed(lamp_with(InventorySection(name="lamp", host=form)))
    text = "version: 2\nhosts:\n  web1:\n    lamp:\n      word: lit\n"
    error = refused(written(tmp_path, text), systems)
    assert error.what.startswith(f"{tmp_path}/lab.yaml:5:")
    assert (error.got, error.expected) == ("word: 'lit'", "a better word")
