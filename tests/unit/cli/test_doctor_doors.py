"""`doctor` where hosts cannot be reached: why, and what known_hosts has for them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.examination import examine_through
from remediations.playbooks.chain.discover.discover import inventory_for
from remediations.reach.connection import HostUnreachable
from remediations.reach.known_hosts import KnownHosts
from remediations.reach.routes import HostKeyStatus, host_key_status
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import comet_reading
from remediations.values.reading import Known
from tests import worlds
from tests.inventories import node_entry
from tests.unit.cli.examined import KEY, bad, inventory_of, lines_of
from tests.unit.observe.fake_host import Host, Rpc
from tests.unit.observe.test_look import Local, Reached
from tests.unit.reach.sshd import resolver
from tests.worlds import healthy


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
    shut = HostKeyStatus(
        host="val1", address="val1", files=("kh",), known=(), revoked=0, trouble=""
    )
    lines = lines_of(world, refusals={"val1": refusal}, doors={"val1": shut})
    found = bad(lines)
    assert found["val1", "login"].mend == "compare the key"
    assert found["val1", "host key"].found == "val1 is not in kh"
    assert found["full1", "login"].mend == "ssh -F ssh_config full1 true"
    assert [line.topic for line in lines if line.subject == "full1"] == ["login"]
    assert len([line for line in lines if line.subject == "val2"]) > 10


def test_a_look_gets_each_refusal_once(tmp_path: Path) -> None:
    """A host that is down is asked why; one that answers is asked nothing of it; both are seen."""
    rpc = Rpc()
    host = Host(tmp_path, rpc.port)
    host.install()
    entries = tuple(node_entry(name=n, role=Role.VALIDATOR, ssh=n) for n in ("val1", "gone"))
    inventory = replace(inventory_of(healthy()), ssh_config=None, hosts=entries)
    sight = asyncio.run(
        examine_through(
            Reached({"val1": Local("val1", host)}), inventory, resolver(inventory), {}, tool="test"
        )
    )
    rpc.close()
    assert [r.host for r in comet_reading(sight.observation).hosts] == ["val1", "gone"]
    assert isinstance(comet_reading(sight.observation).hosts[0].session, Known)
    assert sight.refusals["gone"].next_step == "look at the host"
    assert set(sight.refusals) == set(sight.doors) == {"gone"}


@pytest.mark.parametrize(
    ("known_keys", "revoked", "words"),
    [
        ((), 0, "is not in kh"),
        ((), 1, "a key of v is revoked in kh"),
        (("ssh-ed25519",), 1, "a key of v is revoked in kh"),
        (("ssh-ed25519",), 0, "shows another key than kh has"),
    ],
)
def test_unknown_revoked_and_changed_host_keys_differ(
    known_keys: tuple[str, ...], revoked: int, words: str
) -> None:
    """SSH says one and the same of all three; what an operator has to do differs."""
    refusal = HostUnreachable("", guard="strict host keys", got="", expected="", next_step="x")
    seen = HostKeyStatus(
        host="val1", address="v", files=("kh",), known=known_keys, revoked=revoked, trouble=""
    )
    world = worlds.unreachable(healthy(), "val1")
    found = bad(lines_of(world, refusals={"val1": refusal}, doors={"val1": seen}))
    line = found["val1", "host key"]
    assert words in line.found
    assert ("ssh-keygen -R v -f kh" in line.mend) is words.startswith("shows")


def test_a_door_is_what_ssh_would_look_up(tmp_path: Path) -> None:
    """Port, HostKeyAlias (which knows no port) and revoked lines, by ssh's own settings."""
    known_hosts = tmp_path / "kh"
    known_hosts.write_text(f"[v.example]:2222 {KEY}\n@revoked alias {KEY}\n")
    config = tmp_path / "config"
    config.write_text(
        f"Host val1\n HostName v.example\n Port 2222\n"
        f"Host val2\n HostName v.example\n HostKeyAlias alias\n Port 2222\n"
        f"Host *\n UserKnownHostsFile {known_hosts}\n GlobalKnownHostsFile none\n"
    )

    async def doors() -> list[HostKeyStatus]:
        names = ("val1", "val2", "val3")
        entries = [node_entry(name=name, role=Role.FULL, ssh=name) for name in names]
        asked = inventory_for(entries, str(config))
        return [await host_key_status(entry, resolver(asked), KnownHosts()) for entry in entries]

    first, second, third = asyncio.run(doors())
    assert (first.address, first.known, first.revoked) == ("[v.example]:2222", ("ssh-ed25519",), 0)
    assert (second.address, second.known, second.revoked) == ("alias", (), 1)
    assert (third.known, third.revoked, third.files) == ((), 0, (str(known_hosts),))
