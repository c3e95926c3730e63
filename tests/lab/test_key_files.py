"""Readers on hosts get the new private key before anything is sealed to it, and lose the old one
afterwards. The world decides: the bytes of their files, their units, and which canary they open."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import vaults
from tests.lab.choice import full_lab
from tests.lab.key_owners import Keys, keys
from tests.lab.lab import CHECKOUT
from tests.lab.operator import LIMIT_S, Said
from tests.lab.readers import HOSTS, STAGED, Readers, readers_on, watched_processes
from tests.lab.resealing import NEW, OLD, OTHER, Stores, blocked

__all__ = ["keys"]

VERIFIED, REFUSED, PENDING = 0, 4, 3
FORMER = f".reader.key.remediate-{OLD.fingerprint}"
IN_USE = ["reader.key"]


@pytest.fixture
def stores(keys: Keys, tmp_path: Path) -> Stores:
    """A directory with what is sealed to a key that is revoked."""
    found = Stores.on(keys, tmp_path / "reencrypt")
    tree = vaults.files(tmp_path / "tree")
    tree.fill(20, 1, OLD, OTHER)
    found.vaults = [tree]
    found.describe()
    found.revoke()
    return found


@pytest.fixture
def readers(stores: Stores, tmp_path: Path) -> Iterator[Readers]:
    """Two readers with the old key."""
    with readers_on(stores.keys, tmp_path / "readers") as found:
        yield found


def planned(stores: Stores, branch: str) -> str:
    """The run of a plan that is approved."""
    said = stores.plan("--branch", branch)
    assert said.code == PENDING, blocked(said)
    name = str(said.result["run"])
    assert stores.keys.operator.approve(name).code == 0
    return name


def refused(said: Said, guard: str) -> None:
    """By this guard."""
    assert said.code == REFUSED, said.document
    assert f'"{guard}"' in blocked(said), blocked(said)


@full_lab
def test_readers_know_the_new_key_first(stores: Stores, readers: Readers) -> None:
    """What was not brought, or is another key, is refused; both readers get it, one by one; then
    everything is sealed anew, and the old key goes. No byte of a key is anywhere else."""
    assert [readers.opened(host) for host in HOSTS] == ["old", "old"]
    refused(stores.plan("--branch", "install-key"), "R30")
    refused(stores.plan("--branch", "re-encrypt"), "R34")
    brought = readers.deliver(*HOSTS)
    assert brought.returncode == 0, brought.stdout + brought.stderr
    readers.put(HOSTS[0], f"{STAGED}/{NEW.fingerprint}", OTHER.secret.reveal(), 0o400)
    refused(stores.plan("--branch", "install-key"), "R30")
    assert readers.deliver(HOSTS[0]).returncode == 0
    before = [readers.invocation(host) for host in HOSTS]
    with watched_processes() as seen:
        said = stores.keys.operator.says("apply", planned(stores, "install-key"))
    assert said.code == VERIFIED, said.why
    assert seen == []
    for host, invocation in zip(HOSTS, before, strict=True):
        assert readers.key(host) == NEW.secret.reveal()
        assert readers.opened(host) == "new"
        assert readers.invocation(host) != invocation
        assert readers.beside(host) == sorted([*IN_USE, FORMER])
    refused(stores.plan("--branch", "retire-key-file"), "R35")
    said = stores.keys.operator.says("apply", planned(stores, "re-encrypt"))
    assert said.code == VERIFIED, said.why
    stores.is_sealed_anew(stores.vaults[0])
    said = stores.keys.operator.says("apply", planned(stores, "retire-key-file"))
    assert said.code == VERIFIED, said.why
    for host in HOSTS:
        assert (readers.beside(host), readers.opened(host)) == (IN_USE, "new")
    assert readers.left() == []


def killed_between(stores: Stores, readers: Readers) -> str:
    """A run whose controller is killed as soon as the first reader's file is exchanged."""
    old, name = readers.key(HOSTS[0]), planned(stores, "install-key")
    with stores.keys.operator.start("apply", name) as process:
        until = time.monotonic() + 60
        while readers.key(HOSTS[0]) == old:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.kill()
    return name


@full_lab
def test_its_controller_dies_and_it_is_taken_back_or_goes_on(
    stores: Stores, readers: Readers
) -> None:
    """Killed between the two readers. Undone, all is as before, and the new key lies again where it
    was brought. Planned and killed again, and resumed: each is told once."""
    assert readers.deliver(*HOSTS).returncode == 0
    operator = stores.keys.operator
    name = killed_between(stores, readers)
    said = operator.says("undo", name, "--reason", "the readers are to wait")
    assert said.code == VERIFIED, json.dumps(said.document)[:2000]
    for host in HOSTS:
        assert (readers.key(host), readers.opened(host)) == (OLD.secret.reveal(), "old")
        assert readers.beside(host) == sorted([*IN_USE, NEW.fingerprint])
        kept = readers.machine(host).path(f"{STAGED}/{NEW.fingerprint}")
        assert kept.read_bytes() == NEW.secret.reveal()
    started = [readers.starts(host) for host in HOSTS]
    name = killed_between(stores, readers)
    said = operator.says("resume", name)
    assert said.code == VERIFIED, said.why
    for host, before in zip(HOSTS, started, strict=True):
        assert (readers.key(host), readers.opened(host)) == (NEW.secret.reveal(), "new")
        assert readers.starts(host) == before + 1
    assert readers.left() == []


@full_lab
def test_plain_pyinfra_does_the_same(stores: Stores, readers: Readers) -> None:
    """It asks for the same guards, knows which keys are meant without a word, and takes it back."""
    host, operator = HOSTS[0], stores.keys.operator

    def run(deploy: str, *more: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("pyinfra"))
        words = (f"@remediate/{operator.inventory}", f"deploys/keys/{deploy}.py", "--limit", host)
        return subprocess.run(
            [program, "-y", *words, *more],
            cwd=CHECKOUT,
            env=operator.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    assert "R30" in run("install_key_file").stderr
    assert readers.deliver(host).returncode == 0
    dry = run("install_key_file", "--dry")
    assert (dry.returncode, readers.opened(host)) == (0, "old"), dry.stderr
    done = run("install_key_file")
    assert (done.returncode, readers.opened(host)) == (0, "new"), done.stderr
    again = run("install_key_file")
    assert again.returncode != 0
    assert "R15" in again.stderr
    assert "R35" in run("retire_key_file").stderr
    back = run("put_back_key_file")
    assert (back.returncode, readers.opened(host)) == (0, "old"), back.stderr
