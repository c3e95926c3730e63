"""`inventory discover`: from one look at a few hosts to an inventory that can be reviewed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.observe.inventory import load_inventory
from remediations.playbooks.chain.discover.discover import (
    entries_for,
)
from remediations.playbooks.chain.discover.proposal import InventoryProposal, propose
from remediations.playbooks.chain.discover.proposal_yaml import proposal_yaml
from remediations.reach.resolver import SshResolver
from remediations.systems.comet.inventory import Role, chain_of, node_of, with_node
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import Peer
from remediations.values.inventory import Inventory
from remediations.values.reading import Why
from tests import worlds
from tests.inventories import node_entry
from tests.unit.cli.desk import Desk, remediate
from tests.worlds import address_of, healthy, known, unknown


def proposed(world: CometReading) -> InventoryProposal:
    return propose(world, entries_for([reading.host for reading in world.hosts]))


def text_of(world: CometReading) -> str:
    return proposal_yaml(proposed(world), ssh_config=None, at=world.ended, next_step="look")


def loaded(text: str, directory: Path) -> Inventory:
    file = directory / "proposed.yaml"
    file.write_text(text)
    return load_inventory(file)


def roles(world: CometReading) -> dict[str, Role | None]:
    return {host.name: host.role.role if host.role else None for host in proposed(world).hosts}


def test_a_healthy_chain(tmp_path: Path) -> None:
    """Roles by the validator set; the file is an inventory as it stands."""
    world = healthy(bastion=1)
    world = worlds.change(
        world, "bastion1", lambda r: replace(r, unit=unknown("none", Why.NO_UNIT))
    )
    world = worlds.disabled(world, "standby1")
    inventory = loaded(text_of(world), tmp_path)
    assert chain_of(inventory).chain_id == worlds.CHAIN_ID
    assert {entry.name: node_of(entry).role for entry in inventory.hosts} == {
        **{f"val{i}": Role.VALIDATOR for i in range(1, 5)},
        "full1": Role.FULL,
        "standby1": Role.STANDBY,
        "bastion1": Role.BASTION,
    }
    assert {node_of(entry).unit for entry in inventory.hosts} == {None}
    assert {node_of(entry).home for entry in inventory.hosts} == {None}


def test_every_role_is_marked_as_guessed() -> None:
    """Nobody told us a role: each says why it was concluded, with the address and its power."""
    text = text_of(healthy())
    assert text.count("# guessed: ") == 6
    assert f"# validator {address_of(1)}, 40 of 100 (40.0 %)" in text


def test_a_stopped_validator_is_still_one() -> None:
    """The address in its key file decides, not whether it runs."""
    assert roles(worlds.stopped(healthy(), "val2"))["val2"] is Role.VALIDATOR


def test_a_halted_chain_without_a_set() -> None:
    """No node answers: who has signed is a validator; the chain's id is left to a person."""
    world = worlds.stopped(healthy(), "val1", "val2", "val3", "val4", "full1")
    assert roles(world)["val1"] is Role.VALIDATOR
    assert roles(world)["full1"] is Role.FULL
    text = text_of(world)
    assert "  id:   # not known" in text
    assert "whose voting power is missing here is not known" in text


def test_what_could_be_a_validator_is_not_called_anything_else() -> None:
    """Neither its key nor its sign state could be read and nobody tells who has power: no role, and
    so no host in the file; with the set, or a sign state of 0, there is one, and no more is said
    than was read."""
    silent = worlds.stopped(healthy(), "val1", "val2", "val3", "val4", "full1")

    def blind(reading: HostReading) -> HostReading:
        return replace(
            reading, key=unknown("no sudo", Why.DENIED), sign_state=unknown("no sudo", Why.DENIED)
        )

    assert roles(worlds.change(silent, "val2", blind))["val2"] is None
    assert roles(worlds.change(silent, "standby1", blind))["standby1"] is None
    assert "# guessed: it never signed\n" in text_of(silent)
    unsigned = worlds.change(
        healthy(), "full1", lambda r: replace(r, sign_state=unknown("no sudo", Why.DENIED))
    )
    assert "# guessed: it has no voting power\n" in text_of(unsigned)


def test_what_is_not_known_is_refused_not_filled_in(tmp_path: Path) -> None:
    """A proposal without a chain id cannot be used by mistake."""
    file = tmp_path / "i.yaml"
    file.write_text(text_of(worlds.stopped(healthy(), *(f"val{i}" for i in range(1, 5)), "full1")))
    done = remediate("diagnose", "-i", file)
    assert done.code == 2
    assert "chain id" in done.err


def test_a_copied_key_is_loud() -> None:
    """On top, at both hosts, in words that say what happens; the stopped one is the standby."""
    world = worlds.duplicated(healthy(), "val1", "standby1")
    text = text_of(world)
    assert roles(world)["standby1"] is Role.STANDBY
    assert text.index("# DANGER val1: ") < text.index("version: 2")
    assert text.index("# DANGER standby1: ") < text.index("version: 2")
    assert text.count("tombstoned within two blocks") == 4


def test_power_without_a_host_is_listed() -> None:
    """Whoever reviews sees which validators these hosts are not."""
    text = text_of(healthy(hosts=2))
    assert "# No host here covers 30 of 100 voting power (30.0 %):" in text
    assert f"#   {address_of(3)} 20" in text
    assert "alone cannot restore" not in text
    assert "alone cannot restore" in text_of(healthy(hosts=1))


def test_a_host_that_was_not_read_is_a_comment(tmp_path: Path) -> None:
    """It is not dropped, and not filled in."""
    text = text_of(worlds.unreachable(healthy(), "full1"))
    assert "  # not read: connection timed out\n  # full1:\n" in text
    assert "full1" not in [entry.name for entry in loaded(text, tmp_path).hosts]


def test_unknown_peers_are_comments(tmp_path: Path) -> None:
    """Peers by node id and address; a moniker cannot leave its comment."""
    peer = Peer(
        node_id="f" * 40,
        moniker='evil"\n  val9: {role: validator}',
        network=worlds.CHAIN_ID,
        remote_ip="10.9.9.9",
        outbound=True,
    )

    def see(reading: HostReading) -> HostReading:
        return replace(reading, chain=replace(reading.chain, peers=known((peer,))))

    text = text_of(worlds.change(healthy(), "val1", see))
    assert f"# 10.9.9.9, node {'f' * 40}, seen by val1\n" in text
    assert "remediate inventory discover val1 val2 val3 val4 full1 standby1 NAME…\n" in text
    assert "val9" not in [entry.name for entry in loaded(text, tmp_path).hosts]


def test_a_host_whose_rpc_is_silent_may_be_among_the_peers() -> None:
    """Its node id is not known: that is said there, and of a stopped node it is not."""

    def silence(reading: HostReading) -> HostReading:
        samples = tuple(replace(s, status=unknown("no answer")) for s in reading.samples)
        return replace(reading, samples=samples)

    text = text_of(worlds.change(healthy(), "full1", silence))
    assert text.count("it may be one of the peers that were not asked") == 1
    assert "it may be one" not in text_of(worlds.stopped(healthy(), "full1"))


def test_a_sentry_is_recognised() -> None:
    """A validator that has only nodes without power as peers hides behind them."""
    world = healthy()

    def hide(reading: HostReading) -> HostReading:
        only = Peer(
            node_id=worlds.node_id_of("full1"),
            moniker="full1",
            network=worlds.CHAIN_ID,
            remote_ip="10.0.0.1",
            outbound=True,
        )
        return replace(reading, chain=replace(reading.chain, peers=known((only,))))

    full = next(
        host for host in proposed(worlds.change(world, "val1", hide)).hosts if host.name == "full1"
    )
    assert full.role is not None
    assert "a sentry: val1" in full.role.why


def test_a_remote_signer_is_said() -> None:
    """The key file on the host is not the one that signs."""
    text = text_of(worlds.configured(healthy(), "val1", remote_signer="tcp://0.0.0.0:26659"))
    assert "a remote signer signs (tcp://0.0.0.0:26659)" in text


def test_a_host_of_another_chain_is_said() -> None:
    """Most hosts decide, and the others are named."""
    world = healthy()

    def other(reading: HostReading) -> HostReading:
        samples = tuple(
            replace(s, status=known(replace(s.status.value, network="elsewhere-7")))  # type: ignore[union-attr]  # a healthy world knows it
            for s in reading.samples
        )
        return replace(reading, samples=samples)

    text = text_of(worlds.change(world, "full1", other))
    assert "# guessed: most hosts say so; others say elsewhere-7" in text


@pytest.mark.parametrize(
    ("targets", "names"),
    [
        (("val1", "ops@10.0.0.5", "ops@host.example:2222"), ("val1", "10.0.0.5", "host.example")),
        (("a@x", "b@x"), ("x", "x-2")),
        (("1234", "true"), ("1234", "true")),
    ],
)
def test_names_for_ssh_become_hosts(
    targets: tuple[str, ...], names: tuple[str, ...], tmp_path: Path
) -> None:
    """Every name and destination survives YAML, also those that look like numbers."""
    entries = entries_for(targets)
    assert tuple(entry.name for entry in entries) == names
    readings = tuple(replace(healthy().host("val1"), host=name) for name in names)
    proposal = propose(replace(healthy(), hosts=readings), entries)
    text = proposal_yaml(proposal, ssh_config=None, at=healthy().ended, next_step="x")
    inventory = loaded(text, tmp_path)
    assert [(entry.name, entry.ssh) for entry in inventory.hosts] == list(
        zip(names, targets, strict=True)
    )


def test_a_pinned_unit_is_marked(tmp_path: Path) -> None:
    """It stands in the file because it had to be chosen, and says so."""
    world = healthy()
    entries = tuple(
        with_node(entry, replace(node_of(entry), unit="virtengine.service"))
        if entry.name == "val1"
        else entry
        for entry in entries_for([reading.host for reading in world.hosts])
    )
    proposal = propose(world, entries)
    text = proposal_yaml(proposal, ssh_config=None, at=world.ended, next_step="x")
    assert "guessed: of several units" in text
    assert node_of(loaded(text, tmp_path).host("val1")).unit == "virtengine.service"


def test_an_existing_file_is_never_overwritten(desk: Desk, tmp_path: Path) -> None:
    """Refused with 2 before anybody is contacted; also a link to nowhere counts."""
    file = tmp_path / "i.yaml"
    file.symlink_to(tmp_path / "nowhere")
    done = remediate("inventory", "discover", "val1", "--output", file)
    assert done.code == 2
    assert "never overwritten" in done.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "", "a;b"])
def test_what_is_not_a_name_for_ssh_is_refused(desk: Desk, host: str) -> None:
    """Nothing that ssh could take for an option or a shell for a command."""
    done = remediate("inventory", "discover", "--", host)
    assert (done.code, "is not a name for ssh" in done.err) == (2, True)


def test_the_subcommand_is_asked_for(desk: Desk) -> None:
    """Without one: a usage error that fits one line, and help on demand."""
    done = remediate("inventory")
    assert done.code == 2
    assert done.err.startswith("error: Missing command.\n")
    assert "discover" in remediate("inventory", "--help").out
    assert remediate("inventory", "discover", "--help").code == 0


def test_nobody_answers(desk: Desk, tmp_path: Path) -> None:
    """Nothing could be read: 11, the reason, no file; one JSON document."""
    config = tmp_path / "ssh"
    config.write_text("Host *\n HostName 127.0.0.1\n Port 1\n IdentityFile none\n")
    file = tmp_path / "i.yaml"
    done = remediate(
        *("inventory", "discover", "val1", "--ssh-config", config, "--output", file, "--json")
    )
    assert done.code == 11
    error = done.document["error"]
    assert isinstance(error, dict)
    assert "cannot connect" in error["got"]
    assert not file.exists()


def test_the_command_writes_what_it_shows(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is the proposal; the answer ends with the next command; the document has both."""
    world = worlds.duplicated(healthy(), "val1", "standby1")

    async def read(
        inventory: Inventory, resolver: SshResolver, *, tool: str
    ) -> tuple[CometReading, Inventory]:
        await asyncio.sleep(0)
        return world, inventory

    monkeypatch.setattr("remediations.playbooks.chain.discover.found.read_hosts", read)
    hosts = [reading.host for reading in world.hosts]
    file = tmp_path / "i.yaml"
    done = remediate("inventory", "discover", *hosts, "--output", file)
    assert done.code == 0
    assert done.out.startswith("DANGER val1: ")
    assert done.out.endswith(f"then remediate doctor --inventory {file}\n")
    shown = remediate("inventory", "discover", *hosts).out
    assert shown.splitlines()[:-1] == file.read_text().splitlines()[:-1]
    document = remediate("inventory", "discover", *hosts, "--json").document["result"]
    assert isinstance(document, dict)
    assert document["yaml"] == shown
    assert "priv_key" not in json.dumps(document)
    assert load_inventory(file).host("standby1") == node_entry(
        name="standby1", role=Role.STANDBY, ssh="standby1"
    )
