"""First contact with a chain that we have never seen: the doctor, discovery, and one file.

All tests share one new chain: what a test breaks, it mends.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.choice import full_lab
from tests.lab.lab import Lab
from tests.lab.operator import Json, Operator, Said
from tests.lab.spec import CHAIN_ID, HOSTS
from tests.lab.test_refuse import quiet_files, restless_nodes
from tests.unit.test_bundle import Bundle

LACKING = 3
ASKED = ("val1", "val3")
SHELL = "/usr/bin/bash"
TRACE = "/run/trace"
GZIP = b"\x1f\x8b"
TRACED_SHELL = f"""#!/bin/dash
printf '%s\\n' "$*" >{TRACE}/asked.$$
tee -a {TRACE}/asked.$$ | {SHELL}.true "$@" 2>{TRACE}/complained.$$ | tee {TRACE}/answered.$$
"""
"""Keeps what every shell of the host is told, and what it says: each in files of its own, since one
shell runs within another, and what both let through would get into each other."""


@pytest.fixture(scope="module")
def here(running_lab: Lab) -> Lab:
    """A new chain, once for all tests of this file."""
    running_lab.pristine()
    return running_lab


@pytest.fixture(scope="module")
def stranger(here: Lab, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Somebody who never used the product before."""
    return Operator(here, tmp_path_factory.mktemp("stranger"))


def discover(stranger: Operator, lab: Lab, *hosts: str, to: Path | None = None) -> Said:
    """Propose an inventory, kept in the file `to`."""
    output = () if to is None else ("--output", str(to))
    config = ("--ssh-config", str(lab.access.ssh_config))
    return stranger.says("inventory", "discover", *hosts, *config, *output)


@contextmanager
def traced(lab: Lab, *hosts: str) -> Iterator[dict[str, str]]:
    """What went through the shells of `hosts`, there and back; filled in when the block ends."""
    seen: dict[str, str] = {}
    shells = {host: lab.hosts[host].path(SHELL) for host in hosts}
    for host, shell in shells.items():
        lab.hosts[host].sh(f"mkdir -m 0777 {TRACE}")
        shell.rename(shell.with_suffix(".true"))
        shell.write_text(TRACED_SHELL)
        shell.chmod(0o755)
    try:
        yield seen
        for host in hosts:
            for name in ("asked", "answered", "complained"):
                files = sorted(lab.hosts[host].path(TRACE).glob(f"{name}.*"))
                texts = [unpacked(file.read_text(errors="replace")) for file in files]
                seen[f"{host} {name}"] = "\n".join(texts)
    finally:
        for host, shell in shells.items():
            shell.with_suffix(".true").rename(shell)
            lab.hosts[host].sh(f"rm -r {TRACE}")


def unpacked(text: str) -> str:
    """The text, and behind it what the probe packs into it (gzip, in base64)."""
    packed = re.findall(r'"(?:b64|err)":"([A-Za-z0-9+/=]{4,})"', text)
    plain = [base64.b64decode(part) for part in packed]
    plain = [gzip.decompress(part) if part.startswith(GZIP) else part for part in plain]
    return "\n".join((text, *(part.decode(errors="replace") for part in plain)))


def in_home(lab: Lab, host: str, name: str) -> Path:
    return lab.hosts[host].path(f"{lab.node(host).home}/config/{name}")


def address_of(lab: Lab, host: str) -> str:
    """The validator address in the host's key file."""
    return str(json.loads(in_home(lab, host, "priv_validator_key.json").read_text())["address"])


def private_keys(lab: Lab, host: str) -> list[str]:
    """What must never leave the host: the validator's private key, and the node's."""
    names = ("priv_validator_key.json", "node_key.json")
    return [json.loads(in_home(lab, host, name).read_text())["priv_key"]["value"] for name in names]


@pytest.fixture(scope="module")
def proposal(here: Lab, stranger: Operator) -> tuple[Json, dict[str, str]]:
    """What is proposed from two of the hosts, and all that went through their shells."""
    with traced(here, *ASKED) as seen:
        said = discover(stranger, here, *ASKED)
    assert said.code == 0, said.document
    return said.result, seen


def test_two_hosts_tell_who_the_validators_are(
    here: Lab, proposal: tuple[Json, dict[str, str]]
) -> None:
    """Those asked by name, the others by their addresses; peers are named, and guesses marked."""
    found, text = proposal[0]["proposal"], proposal[0]["yaml"]
    assert found["chain_id"] == CHAIN_ID
    held = {host["name"]: host["address"] for host in found["hosts"]}
    assert held == {host: address_of(here, host) for host in ASKED}
    others = {address_of(here, host): power for host, power in (("val2", 30), ("val4", 10))}
    assert {one["address"]: int(one["power"]) for one in found["uncovered"]} == others
    assert all(address in text for address in (*held.values(), *others))
    assert "No host here covers 40 of 100 voting power (40.0 %)" in text
    assert "The hosts here alone cannot restore a quorum." in text
    peers = {peer["remote_ip"] for peer in found["strangers"]}
    assert peers == {here.hosts[host].address for host in ("val2", "val4", "full1")}
    assert all(f"# {peer}, node " in text for peer in peers)
    roles = [line for line in text.splitlines() if line.startswith("      role: ")]
    assert len(roles) == len(ASKED)
    assert all("role: validator   # guessed: its key " in line for line in roles)


def test_no_key_leaves_a_host(here: Lab, proposal: tuple[Json, dict[str, str]]) -> None:
    """All that its shells were told and said was kept: the address came back, no part of a key."""
    answer, seen = proposal
    for host in ASKED:
        assert len(seen[f"{host} asked"]) > 1000
        assert address_of(here, host) in seen[f"{host} answered"]
        for key in private_keys(here, host):
            seed = key[:40]  # 30 of the 32 bytes from which the key is made
            assert len(seed) == 40
            assert seed not in json.dumps(answer)
            assert not any(seed in text for text in seen.values())


def test_a_reviewed_proposal_is_an_inventory(
    here: Lab, stranger: Operator, proposal: tuple[Json, dict[str, str]], tmp_path: Path
) -> None:
    """Its peers asked as it says, and its guesses confirmed: the diagnosis is HEALTHY."""
    by_address = {machine.address: name for name, machine in here.hosts.items()}
    peers = [by_address[peer["remote_ip"]] for peer in proposal[0]["proposal"]["strangers"]]
    file = tmp_path / "inventory.yaml"
    said = discover(stranger, here, *ASKED, *peers, "standby1", "bastion", to=file)
    assert said.code == 0, said.document
    assert said.result["proposal"]["uncovered"] == said.result["proposal"]["strangers"] == []
    file.write_text(re.sub(r" +# guessed: .*", "", file.read_text()))
    roles = {host["name"]: host["role"]["role"] for host in said.result["proposal"]["hosts"]}
    assert roles == {spec.name: spec.role for spec in HOSTS}
    finding = stranger.says("diagnose", "--inventory", str(file))
    assert finding.code == 0, finding.document
    assert finding.chain["chain"] == "healthy"
    assert {node["host"] for node in finding.chain["nodes"]} == set(roles)


@full_lab
def test_first_contact_changes_no_file(here: Lab, stranger: Operator) -> None:
    """With two nodes stopped, their hosts have the same files after doctor and discover as before,
    and the others all but what their daemons write; no daemon was touched."""
    here.break_stop("val2", "val4")
    stranger.diagnose()  # what a first login leaves behind is there now
    restless = restless_nodes(here)
    before, processes = quiet_files(here, restless), here.world.daemons()
    assert f"{here.node('val2').home.lstrip('/')}/data/priv_validator_state.json" in before["val2"]
    own = sorted(stranger.state.rglob("*"))
    assert stranger.says("doctor").code == LACKING
    assert discover(stranger, here, *(spec.name for spec in HOSTS)).code == 0
    assert quiet_files(here, restless) == before
    assert here.world.daemons() == processes
    assert sorted(stranger.state.rglob("*")) == own
    here.heal()
    here.wait_height(here.world.top() + 2, 30)


@pytest.fixture(scope="module")
def troubled(here: Lab, stranger: Operator) -> tuple[Said, Said]:
    """What doctor and discover say where half of the nodes' hosts cannot be logged in to and each
    of the others has something wrong."""
    known = here.access.known_hosts
    sound = known.read_text()
    own = {host: f"{here.hosts[host].address} " for host in ("val3", "full1")}
    lines = [line for line in sound.splitlines() if not line.startswith(own["val3"])]
    foreign = here.hosts["bastion"].host_key()
    lines = [f"{own['full1']}{foreign}" if li.startswith(own["full1"]) else li for li in lines]
    here.break_ssh("val1")
    here.hosts["val2"].sh("mv /etc/sudoers.d/ops /etc/sudoers.d/ops.off")
    here.systemctl("val2", "disable", "--quiet", here.unit("val2"))
    here.break_clock("val4", 3600)
    config = in_home(here, "val4", "config.toml")
    working = config.read_text()
    config.write_text(re.sub(r'^laddr = ".*:36657"$', 'laddr = ""', working, flags=re.M))
    here.restart("val4")
    here.break_duplicate_key("val4")
    known.write_text("\n".join(lines) + "\n")
    here.wait_height(here.world.top() + 2, 30, "val2")
    try:
        return stranger.says("doctor"), discover(stranger, here, "val2", "val4", "standby1")
    finally:
        known.write_text(sound)
        config.write_text(working)
        here.hosts["val2"].sh("mv /etc/sudoers.d/ops.off /etc/sudoers.d/ops")
        here.systemctl("val2", "enable", "--quiet", here.unit("val2"))
        here.heal()
        here.restart("val4")
        here.wait_height(here.world.top() + 2, 30)


def lines_of(said: Said) -> dict[tuple[str, str], Json]:
    return {(line["subject"], line["topic"]): line for line in said.result["lines"]}


@full_lab
def test_half_the_hosts_down(here: Lab, troubled: tuple[Said, Said]) -> None:
    """Exit 3; each that is down says why in at most two lines, and the others are told whole."""
    said, lines = troubled[0], lines_of(troubled[0])
    assert said.code == LACKING, said.document
    for host in ("val1", "val3", "full1"):
        own = [line for (subject, _), line in lines.items() if subject == host]
        assert [line["topic"] for line in own] == ["login", "host key"]
        assert own[0]["state"] == "lack"
        assert f"ssh -F {here.access.ssh_config}" in own[0]["mend"]
    assert lines["val1", "login"]["found"].startswith("TCP: ")
    assert lines["val1", "host key"]["state"] == "ok"
    assert " is not in " in lines["val3", "host key"]["found"]
    assert "StrictHostKeyChecking=ask" in lines["val3", "host key"]["mend"]
    assert "shows another key" in lines["full1", "host key"]["found"]
    forget = f"ssh-keygen -R {here.hosts['full1'].address} -f {here.access.known_hosts}"
    assert forget in lines["full1", "host key"]["mend"]
    whole = {"login", "host key", "sudo", "clock", "unit", "home", "user", "RPC", "disk", "binary"}
    secrets = {"validator key", "sign state", "subcommands"}
    topics = {host: {t for s, t in lines if s == host} for host in ("val2", "val4", "standby1")}
    assert whole <= topics["val2"]
    assert whole | secrets <= topics["val4"] & topics["standby1"]
    assert {t for s, t in lines if s == "bastion"} == {"login", "host key", "sudo", "clock"}
    assert "the key of val1, val3, full1 from being read" in lines["chain", "coverage"]["mend"]


@full_lab
def test_each_fault_has_its_line(here: Lab, troubled: tuple[Said, Said]) -> None:
    """What was taken away is found, at its host, with what mends it; what is well stays ok."""
    lines = lines_of(troubled[0])
    told = {
        ("val2", "sudo"): ("lack", "refused to ops", "`ops ALL=(root) NOPASSWD: ALL`"),
        ("val2", "unit"): ("warn", "disabled", f"systemctl enable -- {here.unit('val2')}"),
        ("val4", "clock"): ("lack", "3600 s ahead of ours", "systemctl restart"),
        ("val4", "RPC"): ("lack", "no TCP address", f"{here.node('val4').home}/config/config.toml"),
    }
    for where, (state, found, mend) in told.items():
        line = lines[where]
        assert line["state"] == state, line
        assert found in line["found"], line
        assert mend in line["mend"], line
    assert all(line["mend"] for line in lines.values() if line["state"] != "ok")
    for topic in ("login", "host key", "unit", "home", "user", "sign state", "binary"):
        assert lines["val4", topic]["state"] == "ok", lines["val4", topic]
    assert lines["bastion", "sudo"]["state"] == lines["standby1", "sudo"]["state"] == "ok"


@full_lab
def test_a_standby_with_the_same_key_is_loud(here: Lab, troubled: tuple[Said, Said]) -> None:
    """Doctor: a lack at the chain and at the standby. Discover: DANGER above all else, and the
    stopped host is the standby."""
    doctor, proposed = troubled
    lines, address = lines_of(doctor), address_of(here, "val4")
    twice = lines["chain", "one key, one host"]
    assert twice["state"] == lines["standby1", "validator key"]["state"] == "lack"
    assert twice["found"] == f"the key {address[:12]} (power 10) is on standby1, val4"
    assert twice["mend"].startswith("val4 runs: leave it; on standby1: `sudo systemctl disable ")
    text = proposed.result["yaml"]
    for host in ("val4", "standby1"):
        assert f"# DANGER {host}: its validator key is also on " in text.partition("version:")[0]
    roles = {host["name"]: host["role"]["role"] for host in proposed.result["proposal"]["hosts"]}
    assert roles == {"val2": "validator", "val4": "validator", "standby1": "standby"}


@full_lab
def test_one_file_does_the_same_elsewhere(
    here: Lab, proposal: tuple[Json, dict[str, str]], tmp_path: Path
) -> None:
    """The bundle on a machine without the checkout: the same proposal, the doctor about it, and
    pyinfra with the deploys that are in the file, which asks that file for guards, dry."""
    bundle, config = Bundle(tmp_path), here.access.ssh_config
    words = ("inventory", "discover", *ASKED, "--ssh-config", config)
    bundle.run(*words, "--output", "inventory.yaml")
    proposed = (bundle.cwd / "inventory.yaml").read_text()
    assert content(proposed) == content(proposal[0]["yaml"])
    said = bundle.run("doctor", "-i", "inventory.yaml", "--json", code=LACKING)
    lines = json.loads(said)["result"]["lines"]
    lacking = [(line["subject"], line["topic"]) for line in lines if line["state"] == "lack"]
    assert lacking == [("chain", "coverage")], "these two hosts alone are not a quorum"
    keys = {line["subject"]: line["found"] for line in lines if line["topic"] == "validator key"}
    assert all(keys[host].startswith(address_of(here, host)) for host in ASKED)
    processes = here.world.daemons()
    deploy = Path(bundle.run("path", "deploys").strip(), "chain/enable_node.py")
    assert deploy.is_relative_to(bundle.cwd)
    bundle.run(
        *(f"@remediate/{here.access.inventory}", deploy, "--limit", "val4", "--dry", "-y"),
        SHIV_ENTRY_POINT="pyinfra_cli.main:main",
    )
    assert here.world.daemons() == processes


def content(proposed: str) -> list[str]:
    """A proposal without its time, and without what to do with it next."""
    return [line for line in proposed.splitlines() if not line.startswith(("# Proposed", "# next"))]
