"""What an inventory may say, and how a wrong one is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediations.engine.observe.digest import inventory_digest
from remediations.engine.observe.inventory import load_inventory
from remediations.errors import UsageError
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.inventory import NodeEntry, Role, chain_of, node_of

CHAIN = "chain: {id: virtengine-lab-1,"
GOOD = """\
version: 1
chain: {id: virtengine-lab-1, halted_after_seconds: 5}
ssh: {config: ssh_config}
allowed_signers: keys/allowed_signers
hosts:
  val1: {role: validator}
  val2:
    role: validator
    ssh: validator-two
    unit: virtengined.service
    home: /srv/node
    rpc: http://127.0.0.1:36657
  jump: {role: bastion}
"""


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "lab.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_inventory(path)
    return caught.value


def test_an_inventory_says_who_the_machines_are(tmp_path: Path) -> None:
    """Hosts in their order, with what their operator pinned."""
    inventory = load_inventory(written(tmp_path, GOOD))
    chain = chain_of(inventory)
    assert (chain.chain_id, chain.halted_after_s) == ("virtengine-lab-1", 5)
    assert [entry.name for entry in inventory.hosts] == ["val1", "val2", "jump"]
    assert [entry.ssh for entry in inventory.hosts] == ["val1", "validator-two", "jump"]
    first, second, jump = map(node_of, inventory.hosts)
    assert first == NodeEntry(role=Role.VALIDATOR)
    assert second == NodeEntry(
        role=Role.VALIDATOR,
        unit="virtengined.service",
        home="/srv/node",
        rpc="http://127.0.0.1:36657",
    )
    assert jump.role is Role.BASTION


def test_files_are_relative_to_the_inventory(tmp_path: Path) -> None:
    """Wherever the command is run."""
    inventory = load_inventory(written(tmp_path, GOOD))
    assert inventory.ssh_config == str(tmp_path / "ssh_config")
    assert inventory.allowed_signers == str(tmp_path / "keys/allowed_signers")


def test_what_is_optional_has_the_documented_default(tmp_path: Path) -> None:
    """Sixty seconds, six hours, and OpenSSH's own files."""
    inventory = load_inventory(
        written(tmp_path, "version: 1\nchain: {id: a-1}\nhosts: {a: {role: full}}\n")
    )
    assert chain_of(inventory).halted_after_s == 60
    assert inventory.resume_within_s == 6 * 3600
    assert inventory.ssh_config is None
    assert inventory.allowed_signers is None


def test_a_block_can_be_pinned(tmp_path: Path) -> None:
    """By its height and its id; without it, nothing is pinned."""
    pin = f"chain: {{id: virtengine-lab-1, trust: 1200000/{'ab' * 32},"
    chain = chain_of(load_inventory(written(tmp_path, GOOD.replace(CHAIN, pin))))
    assert chain.trust == PinnedBlock(height=1_200_000, hash="AB" * 32)
    assert chain_of(load_inventory(written(tmp_path, GOOD))).trust is None


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    """The same text elsewhere is the same inventory; another host is another one. How long a run
    may be resumed names no host: it can be changed while a run waits for it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    here = load_inventory(written(tmp_path / "a", GOOD))
    there = load_inventory(written(tmp_path / "b", GOOD + "\n# a remark\n"))
    other = load_inventory(written(tmp_path, GOOD + "  val3: {role: full}\n"))
    longer = load_inventory(written(tmp_path, f"resume_within_seconds: 86400\n{GOOD}"))
    assert longer.resume_within_s == 86400
    assert inventory_digest(here) == inventory_digest(there) == inventory_digest(longer)
    assert inventory_digest(here) != inventory_digest(other)


@pytest.mark.parametrize(
    ("change", "line", "got"),
    [
        (("version: 1", "version: 3"), 1, "version: 3"),
        (("version: 1", 'version: "2"'), 1, "version: '2'"),
        (("version: 1", "version: true"), 1, "version: True"),
        (("version: 1\n", ""), 1, "no key version"),
        (("ssh:", "resume_within_seconds: 59\nssh:"), 3, "resume_within_seconds: 59"),
        (("ssh:", "resume_within_seconds: 6h\nssh:"), 3, "resume_within_seconds: '6h'"),
        (("id: virtengine-lab-1", "id: 'a b'"), 2, "id: 'a b'"),
        (("id: virtengine-lab-1", "id: 7"), 2, "id: 7"),
        (("_seconds: 5", "_seconds: 0"), 2, "halted_after_seconds: 0"),
        (("_seconds: 5", "_seconds: '5'"), 2, "halted_after_seconds: '5'"),
        (("_seconds: 5", "_second: 5"), 2, "'halted_after_second'"),
        (("_seconds: 5", "_seconds: 5, trust: 7"), 2, "trust: 7"),
        (("_seconds: 5", "_seconds: 5, trust: 7/ABCD"), 2, "trust: '7/ABCD'"),
        (("_seconds: 5", f"_seconds: 5, trust: 0/{'A' * 64}"), 2, "trust: '0/AAA"),
        (("ssh: {config: ssh_config}", "ssh: ssh_config"), 3, "ssh: 'ssh_config'"),
        (("allowed_signers: keys/allowed_signers", "allowed_signers:"), 4, "allowed_signers: noth"),
        (("val1: {role: validator}", "val1: {role: boss}"), 6, "role: 'boss'"),
        (("val1: {role: validator}", "val1: {role: [validator]}"), 6, "role: ['validator']"),
        (("val1: {role: validator}", "val1: {}"), 6, "no key role"),
        (("val1: {role: validator}", "val1:"), 6, "val1: nothing"),
        (("val1: {role: validator}", "-oProxyCommand=x: {role: full}"), 6, "'-oProxyCommand=x'"),
        (("val1: {role: validator}", "7: {role: full}"), 6, "7"),
        (("val1: {role: validator}", "val2: {role: full}"), 7, "duplicate key"),
        (("ssh: validator-two", "ssh: -oProxyCommand=x"), 9, "ssh: '-oProxyCommand=x'"),
        (("unit: virtengined.service", "unit: virtengined"), 10, "unit: 'virtengined'"),
        (("home: /srv/node", "home: node"), 11, "home: 'node'"),
        (("home: /srv/node", "home: /srv/../etc"), 11, "home: '/srv/../etc'"),
        (("rpc: http://127.0.0.1:36657", "rpc: 36657"), 12, "rpc: 36657"),
        (("rpc: http://127.0.0.1:36657", "rpc: 'http://a:1/;id'"), 12, "rpc: 'http://a:1/;id'"),
    ],
)
def test_a_wrong_value_is_shown_with_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, got: str
) -> None:
    """File and line, what stands there, what is expected, what to do."""
    path = written(tmp_path, GOOD.replace(*change, 1))
    error = refused(path)
    assert error.what.startswith(f"{path}:{line}:")
    assert got in error.got
    assert error.expected
    assert f"{path}:{line}" in error.next_step


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just text",
        "[1, 2]",
        "a: [",
        "a: b: c",
        "\t- x",
        b"\xff\xfe\x00",
        b"\x00\x01",
        "version: 1\nchain: {id: a-1}\nhosts: {}\n",
        "version: 1\nchain: {id: a-1}\nhosts:\n",
        "version: 1\nchain: {id: a-1}\nhosts: [a, b]\n",
        "a: &a [*a]\n",
        "? {a: b}\n: c\n",
        "version: 1\nchain: {id: a-1}\nhosts: {a: {role: {b: c}}}\n",
        "[" * 400,
        "version: 1\n---\nversion: 1\n",
    ],
)
def test_anything_else_is_the_same_kind_of_error(tmp_path: Path, text: str | bytes) -> None:
    """No other exception, whatever the file holds."""
    assert str(tmp_path) in refused(written(tmp_path, text)).what


def test_a_missing_file_and_a_directory_are_errors(tmp_path: Path) -> None:
    """With what the system says of them."""
    assert "No such file" in refused(tmp_path / "none.yaml").got
    assert "directory" in refused(tmp_path).got
