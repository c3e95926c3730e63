"""The system of the page is a whole one: it is installed as a package, found, and read."""

from __future__ import annotations

import asyncio
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.engine.observe.observe import observe
from remediations.engine.system import HostSystem, system_flaw
from remediations.errors import UsageError
from remediations.systems.comet.reading import comet_reading
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from tests.unit.docs.pages import ROOT
from tests.unit.observe.fake_host import Host
from tests.unit.observe.test_look import Local, Reached
from tests.unit.playbooks.test_origins import Site

PAGE = (ROOT / "docs" / "writing-a-system.md").read_text()
INVENTORY = """\
version: 2
chain: {id: a-1}
hosts:
  val1: {chain: {role: validator}}
  web1: {uptime: {least_seconds: 3600}}
  gone: {uptime: {}}
"""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = sorted(PROJECT["project"]["entry-points"]["remediations.systems"])
"""The systems that come with the package."""
SYSTEMS = """
import json
from remediations.engine.installed_systems import installed_systems
from remediations.machine.config import load_machine_config
found = installed_systems(load_machine_config())
print(json.dumps([[one.name for one in found.systems], [str(t.flaw) for t in found.troubles]]))
"""


def blocks(language: str) -> str:
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


def test_the_system_of_the_page_is_read(tmp_path: Path) -> None:
    """In the one round trip, on the hosts that the inventory names for it, beside the nodes."""
    names: dict[str, object] = {"__name__": "acme_uptime"}
    exec(compile(blocks("python"), "page", "exec", dont_inherit=True), names)
    system = names["UPTIME"]
    assert isinstance(system, HostSystem)
    assert system_flaw(system) == ""
    systems = (HOSTS, COMET, system)
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    inventory = load_inventory(file, InstalledSystems(systems=systems, troubles=()))
    fake = Host(tmp_path, 1)
    fake.install()
    reach = Reached({name: Local(name, fake) for name in ("val1", "web1")})
    asked = observe(reach, inventory, scope=Scope.FULL, tool="remediate 0", systems=systems)
    seen = asyncio.run(asked)
    part = seen.part("uptime.reading/1")
    assert part is not None
    there, gone = part.value["hosts"]
    assert (there["host"], there["least_s"], gone["host"]) == ("web1", "3600", "gone")
    assert there["seconds"]["reading"] == "known"
    assert int(there["seconds"]["value"]) > 0
    assert (gone["seconds"]["reading"], gone["seconds"]["why"]) == ("unknown", "unreachable")
    assert [node.host for node in comet_reading(seen).hosts] == ["val1"]
    file.write_text(INVENTORY.replace("3600", "-1"))
    with pytest.raises(UsageError, match=r"inventory\.yaml:5: the inventory cannot be used"):
        load_inventory(file, InstalledSystems(systems=systems, troubles=()))


def installed(site: Site) -> object:
    return json.loads(site.python(SYSTEMS))


def site_of(tmp_path: Path, name: str, text: str) -> Site:
    """The page's package, with its module and its entry point."""
    package = tomllib.loads(blocks("toml"))["project"]
    site = Site(tmp_path)
    site.install(package["name"], "acme_uptime", text)
    ((entry, target),) = package["entry-points"]["remediations.systems"].items()
    (info,) = tmp_path.glob("*.dist-info")
    (info / "entry_points.txt").write_text(f"[remediations.systems]\n{name or entry} = {target}\n")
    return site


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    site = site_of(tmp_path, "", blocks("python"))
    assert installed(site) == [sorted([*OURS, "uptime"]), []]


def test_a_package_that_is_not_allowed_here_is_not_imported(tmp_path: Path) -> None:
    site = site_of(tmp_path, "", "raise SystemExit('imported')")
    site.allow("another")
    assert installed(site) == [OURS, ["not allowed"]]


def test_a_broken_package_costs_only_itself(tmp_path: Path) -> None:
    site = site_of(tmp_path, "", "raise SystemExit('broken')")
    assert installed(site) == [OURS, ["broken"]]


def test_none_of_two_systems_of_one_name_is_used(tmp_path: Path) -> None:
    """Which of them is meant cannot be told; the others are read."""
    text = blocks("python").replace('name="uptime"', 'name="comet"')
    found = installed(site_of(tmp_path, "", text))
    assert found == [[one for one in OURS if one != "comet"], ["duplicate", "duplicate"]]


def test_a_system_that_is_not_used_is_told(tmp_path: Path) -> None:
    """Or nobody would know that something is not read."""
    listed: dict[str, Any] = dict(site_of(tmp_path, "", "raise SystemExit('broken')").listed)
    assert listed["systems"] == OURS
    assert [(t["name"], t["flaw"]) for t in listed["troubles"]] == [("uptime", "broken")]
