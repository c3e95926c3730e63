"""The section `keys` of an inventory: accounts of several members."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.comet.system import COMET
from remediations.systems.hosts.system import HOSTS
from remediations.systems.transactions.inventory import KeysEntry, Signer, keys_of
from remediations.systems.transactions.system import TRANSACTIONS
from tests.unit.transactions.vectors import MULTISIG

SYSTEMS = InstalledSystems(systems=(COMET, HOSTS, TRANSACTIONS), troubles=())
COUNCIL = MULTISIG[0].unsigned
_, _, TEXT = COUNCIL.public_key.partition(" of ")
ANN, BOB, EVE = TEXT.split(",")


def read(tmp_path: Path, account: str) -> KeysEntry:
    """The section, with an account of these words beside its address."""
    file = tmp_path / "inventory.yaml"
    file.write_text(
        "version: 2\nchain: {id: c-1}\nkeys:\n  chain_id: one-1\n  directory: t\n"
        "  endpoints: {a: 'http://a:1', b: 'http://b:1'}\n"
        f"  accounts:\n    council: {{address: {COUNCIL.account}, {account}}}\n"
        "hosts:\n  jump: {chain: {role: bastion}}\n"
    )
    file.chmod(0o600)
    return keys_of(load_inventory(file, SYSTEMS))


def test_members_are_one_key_of_several(tmp_path: Path) -> None:
    """In the order in which they stand there."""
    members = f"members: {{ann: {ANN}, bob: {BOB}, eve: {EVE}}}"
    (council,) = read(tmp_path, f"signer: multisig, threshold: 2, {members}, key: ms").accounts
    assert council.public_key == COUNCIL.public_key
    assert [one.name for one in council.members] == ["ann", "bob", "eve"]
    assert (council.signer, council.key) == (Signer.MULTISIG, "ms")


def test_a_multisig_can_be_named_without_them(tmp_path: Path) -> None:
    """Its keys are read; nothing is planned for it."""
    (council,) = read(tmp_path, "signer: multisig").accounts
    assert (council.public_key, council.members) == (None, ())


@pytest.mark.parametrize(
    ("account", "where"),
    [
        (f"signer: multisig, members: {{ann: {ANN}, bob: {BOB}}}", "threshold"),
        (f"signer: multisig, threshold: 3, members: {{ann: {ANN}, bob: {BOB}}}", "threshold"),
        (f"signer: multisig, threshold: 0, members: {{ann: {ANN}, bob: {BOB}}}", "threshold"),
        (f"signer: multisig, threshold: 2, members: {{ann: {ANN}, bob: {ANN}}}", "members"),
        ("signer: multisig, threshold: 1, members: {ann: 02ab}", "ann"),
        ("signer: multisig, threshold: 1, members: {}", "members"),
        ("signer: multisig, threshold: 2", "threshold"),
        (f"signer: multisig, public_key: {ANN}", "public_key"),
        (f"signer: offline, members: {{ann: {ANN}}}", "members"),
        ("signer: offline, threshold: 2", "threshold"),
    ],
    ids=lambda one: one[:40],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, account: str, where: str) -> None:
    """With the key that is wrong."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, account)
    assert where in f"{caught.value.what} {caught.value.got} {caught.value.expected}"
