"""The section `key-file` of an inventory: what is wrong with it gets one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.keyfile.inventory import ReaderEntry, Told, reader_of
from remediations.systems.keyfile.system import KEYFILE

SOUND = {
    "account": "vault",
    "file": "/etc/vault/reader.key",
    "form": "hex",
    "mode": '"0440"',
    "restart": "vault.service",
}


def load(root: Path, **changes: str) -> ReaderEntry:
    """What the section says with these keys; "" leaves one out."""
    root.chmod(0o700)
    keys = {**SOUND, **changes}
    words = ", ".join(f"{key}: {value}" for key, value in keys.items() if value)
    file = root / "inventory.yaml"
    file.write_text(f"version: 2\nhosts:\n  r1: {{key-file: {{{words}}}}}\n")
    systems = InstalledSystems(systems=(KEYFILE,), troubles=())
    return reader_of(load_inventory(file, systems).host("r1"))


def test_what_it_says(tmp_path: Path) -> None:
    """What is left out is root's, and nobody is asked."""
    found = load(tmp_path)
    assert (found.owner, found.group, found.mode) == ("root", "root", "0440")
    assert (found.told, found.unit, found.ready) == (Told.RESTART, "vault.service", "")
    other = load(tmp_path, restart="", read_each_time="true", ready="vault.service", owner="v")
    assert (other.told, other.unit, other.owner) == (Told.READS_EACH_TIME, "", "v")
    reloaded = load(tmp_path, restart="", reload="v.service", ready="http://127.0.0.1:1/ready")
    assert (reloaded.told, reloaded.ready_within_s) == (Told.RELOAD, 60)


@pytest.mark.parametrize(
    ("changes", "got", "expected"),
    [
        ({"account": ""}, "no key account", "the key account"),
        ({"account": "Vault"}, "account: 'Vault'", "keys.accounts"),
        ({"file": "reader.key"}, "file: 'reader.key'", "an absolute path"),
        ({"file": "/reader.key"}, "file: '/reader.key'", "below a directory"),
        ({"file": "/etc/../x/y"}, "file: ", "an absolute path"),
        ({"form": "der"}, "form: 'der'", "raw | hex | base64 | pem"),
        ({"mode": "0440"}, "mode: 440", "in quotes"),
        ({"mode": '"0644"'}, "mode: '0644'", '"0400", "0600", "0440", "0640"'),
        ({"owner": "Root"}, "owner: 'Root'", "the name of a user"),
        ({"group": "a b"}, "group: 'a b'", "the name of a group"),
        ({"restart": ""}, "none of them", "restart: UNIT"),
        ({"reload": "v.service"}, "`restart`, `reload`", "one of"),
        ({"restart": "vault"}, "restart: 'vault'", "a systemd unit"),
        ({"restart": "", "read_each_time": "false"}, "read_each_time: False", "true"),
        ({"ready": "http://10.0.0.1:80/"}, "ready: ", "a URL on loopback"),
        ({"ready_within_seconds": "5"}, "ready_within_seconds: 5", "the key `ready`"),
        ({"ready": "v.service", "ready_within_seconds": "0"}, "ready_within_seconds", "1 to 600"),
        ({"private_key": "x"}, "private_key", "one of the keys"),
    ],
)
def test_what_is_wrong(tmp_path: Path, changes: dict[str, str], got: str, expected: str) -> None:
    """What was found, and what is expected, with the line."""
    with pytest.raises(UsageError) as error:
        load(tmp_path, **changes)
    assert got in error.value.got
    assert expected in error.value.expected
    assert "inventory.yaml:" in error.value.what
