"""The connector's names and data; its connections are tested in test_plain_path and in the lab."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pyinfra.api.exceptions import InventoryError

from remediations.systems.comet.inventory import CHAIN_SECTION, Role
from remediations.systems.hosts.pyinfra.connector import OPTIONS
from remediations.systems.hosts.pyinfra.entry import RemediateConnector, names_data
from tests.inventories import LAMP_SECTION, chain_inventory, lamp_entry, node_entry


def test_an_inventory_gives_every_host_with_its_way_and_groups() -> None:
    """By role where it is a node, else by section; a bastion is passed through, never acted on. The
    file is named, for who judges guards."""
    inventory = chain_inventory(
        path="/etc/lab/inventory.yaml",
        chain_id="lab-1",
        halted_after_s=5,
        ssh_config="/etc/lab/ssh_config",
        allowed_signers=None,
        hosts=(
            node_entry(name="hop", role=Role.BASTION, ssh="hop"),
            node_entry(name="val1", role=Role.VALIDATOR, ssh="10.0.0.1", unit="ve.service"),
            node_entry(name="full", role=Role.FULL, ssh="full"),
            lamp_entry(name="web", socket=3),
        ),
    )
    common = {
        "ssh_program": "/opt/bin/ssh",
        "ssh_config": "/etc/lab/ssh_config",
        "remediate_inventory": "/etc/lab/inventory.yaml",
    }
    sections = (CHAIN_SECTION, LAMP_SECTION)
    assert list(names_data(inventory, Path("/opt/bin/ssh"), sections)) == [
        (
            "val1",
            {**common, "ssh_name": "10.0.0.1"},
            ["validator"],
        ),
        ("full", {**common, "ssh_name": "full"}, ["full"]),
        ("web", {**common, "ssh_name": "web"}, ["lamp"]),
    ]


def test_a_plain_name_is_one_host() -> None:
    """@remediate/NAME is what ssh calls NAME, the ssh of this machine."""
    data = {"ssh_name": "val1", "ssh_program": "/usr/bin/ssh"}
    assert list(RemediateConnector.make_names_data("val1")) == [("val1", data, [])]


def test_no_name_and_no_file_are_inventory_errors(tmp_path: Path) -> None:
    """pyinfra shows these as one message."""
    with pytest.raises(InventoryError, match="or @remediate/HOST"):
        list(RemediateConnector.make_names_data(""))
    with pytest.raises(InventoryError, match="cannot be used"):
        list(RemediateConnector.make_names_data(str(tmp_path / "none.yaml")))


def test_a_name_cannot_be_an_option() -> None:
    """A host called `-oProxyCommand=…` is refused before ssh sees it."""
    with pytest.raises(InventoryError, match="no host name"):
        list(RemediateConnector.make_names_data("-oProxyCommand=id"))


HOSTILE = """Host *
  StrictHostKeyChecking no
  VerifyHostKeyDNS yes
  NoHostAuthenticationForLocalhost yes
  KnownHostsCommand /bin/echo
  UpdateHostKeys yes
  ForwardAgent yes
  ForwardX11 yes
  LocalForward 1234 localhost:22
  Tunnel yes
  PermitLocalCommand yes
  LocalCommand /bin/echo
  RemoteCommand /bin/echo
  SessionType none
  StdinNull yes
  ForkAfterAuthentication yes
  EscapeChar ~
  ControlPath /tmp/another
  BatchMode no
"""
EFFECTIVE = {
    "stricthostkeychecking": "true",
    "verifyhostkeydns": "false",
    "nohostauthenticationforlocalhost": "no",
    "knownhostscommand": None,
    "updatehostkeys": "false",
    "forwardagent": "no",
    "forwardx11": "no",
    "localforward": None,
    "tunnel": "false",
    "permitlocalcommand": "no",
    "remotecommand": None,
    "sessiontype": "default",
    "stdinnull": "no",
    "forkafterauthentication": "no",
    "escapechar": "none",
    "batchmode": "yes",
}


def test_ssh_config_cannot_change_what_runs_or_who_is_believed(tmp_path: Path) -> None:
    """By what OpenSSH itself says of its settings under our options."""
    (tmp_path / "config").write_text(HOSTILE)
    options = [word for option in OPTIONS for word in ("-o", option)]
    words = ("/usr/bin/ssh", "-G", "-F", str(tmp_path / "config"), *options, "val1")
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    assert {name: found.get(name) for name in EFFECTIVE} == EFFECTIVE


@pytest.mark.parametrize("bad", ["ssh", "ssh_config"])
def test_plain_path_starts_and_reads_what_others_could_not_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    """As every other way to a host."""
    for name, text in (
        ("config.toml", f'ssh = "{tmp_path}/ssh"\n' if bad == "ssh" else ""),
        ("ssh", "#!/bin/sh\n"),
        ("ssh_config", ""),
        (
            "i.yaml",
            "version: 1\nchain: {id: x-1}\nssh: {config: ssh_config}\nhosts:\n"
            "  val1: {role: validator}\n",
        ),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / bad).chmod(0o777)
    monkeypatch.setenv("REMEDIATE_CONFIG", str(tmp_path / "config.toml"))
    with pytest.raises(InventoryError, match=f"others may write {tmp_path / bad}|belongs to"):
        list(RemediateConnector.make_names_data(str(tmp_path / "i.yaml")))
