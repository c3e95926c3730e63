"""The machine configuration: strict, read once, and cheap where there is none."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.errors import UsageError
from remediations.machine import config
from remediations.machine.config import MachineConfig, load_machine_config, normalize_distribution

WHOLE = """\
inventories = ["/etc/remediate/mainnet.yaml", "/srv/testnet.yaml"]
allowed_signers = "/etc/remediate/allowed_signers"
revoked_keys = "/etc/remediate/revoked_keys"
ssh = "/opt/openssh/bin/ssh"
ssh_keygen = "/opt/openssh/bin/ssh-keygen"
playbooks = ["Acme_Playbooks", "other"]
"""
PARSER = {"tomllib", "string", "_string", "datetime", "_datetime", "calendar", "locale"}
"""The parser of TOML and what it needs of the standard library."""

NEWLY_LOADED = """
import sys
from pathlib import Path
import remediations.cli.commands.status
from remediations.machine import config
config.DEFAULT_PATH = Path("/nothing/config.toml")
before = set(sys.modules)
config.load_machine_config()
print(*(set(sys.modules) - before))
"""

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Makes a text the machine configuration of this test."""
    path = tmp_path / "config.toml"

    def write(text: str | bytes) -> Path:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o644)
        monkeypatch.setenv(config.VARIABLE, str(path))
        return path

    return write


def refused() -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_machine_config()
    error = caught.value
    assert all((error.guard, error.got, error.expected, error.next_step))
    return error


def test_machine_without_a_file_has_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(config.VARIABLE, raising=False)
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "remediate" / "config.toml")
    found = load_machine_config()
    assert found == MachineConfig()
    assert (found.path, found.sha256) == ("", "")
    assert (found.ssh, found.ssh_keygen) == (Path("/usr/bin/ssh"), Path("/usr/bin/ssh-keygen"))


def test_every_key_is_read(write: Write) -> None:
    path = write(WHOLE)
    assert load_machine_config() == MachineConfig(
        path=str(path),
        sha256=hashlib.sha256(WHOLE.encode()).hexdigest(),
        inventories=(Path("/etc/remediate/mainnet.yaml"), Path("/srv/testnet.yaml")),
        allowed_signers=Path("/etc/remediate/allowed_signers"),
        revoked_keys=Path("/etc/remediate/revoked_keys"),
        ssh=Path("/opt/openssh/bin/ssh"),
        ssh_keygen=Path("/opt/openssh/bin/ssh-keygen"),
        playbooks=frozenset({"acme-playbooks", "other"}),
    )


def test_empty_list_of_playbooks_allows_none_and_no_list_allows_all(write: Write) -> None:
    write("playbooks = []")
    assert load_machine_config().playbooks == frozenset()
    write("")
    assert load_machine_config().playbooks is None


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ('allowed_singers = "/x"', "the key 'allowed_singers'"),
        ("[ssh]\nx = 1", "ssh: {'x': 1}"),
        ('ssh = "ssh"', "ssh: 'ssh'"),
        ('ssh = "~/bin/ssh"', "ssh: '~/bin/ssh'"),
        ('ssh = ""', "ssh: ''"),
        ('ssh_keygen = "/bin/ssh\\u0000keygen"', r"ssh_keygen: '/bin/ssh\x00keygen'"),
        ('revoked_keys = ["/x"]', "revoked_keys: ['/x']"),
        ("allowed_signers = true", "allowed_signers: True"),
        ('inventories = "/x"', "inventories: '/x'"),
        ('inventories = ["x"]', "inventories: 'x'"),
        ("inventories = [1]", "inventories: [1]"),
        ('playbooks = "acme"', "playbooks: 'acme'"),
        ('playbooks = ["a b"]', "playbooks: 'a b'"),
        ("ssh = ", "Invalid value"),
        ("x = 1\nx = 2", "Cannot overwrite a value"),
        (b"\xff", "a byte at 0 that is not UTF-8"),
        (b"\xef\xbb\xbfplaybooks = []", "line 1"),
        ("x = " + "[" * 20_000, ""),
        ("x = " + "9" * 5_000, ""),
    ],
)
def test_what_it_should_not_say_is_refused(write: Write, text: str | bytes, got: str) -> None:
    """By file, with what stands there and what is expected."""
    path = write(text)
    error = refused()
    assert got in error.got
    assert str(path) in error.what


def test_file_that_was_named_must_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt name must not quietly leave out the revocation list."""
    monkeypatch.setenv(config.VARIABLE, str(tmp_path / "nothing.toml"))
    assert "does not exist" in refused().got


def test_file_that_others_may_write_is_refused(write: Write) -> None:
    write(WHOLE).chmod(0o666)
    assert refused().got == "mode 0666"


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_anything_but_a_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "config.toml")
    monkeypatch.setenv(config.VARIABLE, str(tmp_path / "config.toml"))
    assert refused().guard == "trusted file"


def test_absurd_size_is_refused(write: Write) -> None:
    write("#" * 100_000)
    assert "100000 bytes" in refused().got


def newly_loaded() -> set[str]:
    """The modules that loading the configuration adds to those of `status`."""
    done = subprocess.run(
        [sys.executable, "-c", NEWLY_LOADED], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_loading_needs_no_more_than_the_parser(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` has a tenth of a second for all that it does (measured by `make bench`)."""
    monkeypatch.delenv(config.VARIABLE, raising=False)
    assert newly_loaded() == set()
    write(WHOLE)
    assert {name.partition(".")[0] for name in newly_loaded()} <= PARSER


def test_names_of_distributions_have_one_spelling() -> None:
    assert {
        normalize_distribution(name)
        for name in ("Acme.Playbooks", "acme_playbooks", "ACME--playbooks")
    } == {"acme-playbooks"}
