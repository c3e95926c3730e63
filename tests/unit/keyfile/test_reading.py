"""A reader is read for real: its fragment runs here in the frame of all readings."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from remediations.engine.installed_systems import InstalledSystems
from remediations.engine.observe.inventory import load_inventory
from remediations.engine.observe.observation import Scope
from remediations.systems.hosts import document
from remediations.systems.hosts import program as hosts_program
from remediations.systems.hosts.sections import section_limits
from remediations.systems.keyfile.parse import parse_key_file, parse_ready, parse_unit
from remediations.systems.keyfile.planned import STAGED, former_path
from remediations.systems.keyfile.poll import ReaderTarget, poll_text, read_poll
from remediations.systems.keyfile.reading import KeptKey, KeyFile, ReaderReading
from remediations.systems.keyfile.system import KEYFILE
from remediations.values.lines import TextError
from remediations.values.reading import Known, Unknown, Why, value_or_none
from tests.unit.keyfile.fake_reader import NEW, OLD, OLD_INVOCATION, OTHER, FakeReader


@pytest.fixture
def reader(tmp_path: Path) -> FakeReader:
    return FakeReader(tmp_path)


def read(reader: FakeReader, *, without: str = "nothing") -> ReaderReading:
    """The host as the product reads it; `without` is a program that it does not have."""
    reader.root.chmod(0o700)
    file = reader.root / "inventory.yaml"
    file.write_text(
        f"version: 2\nhosts:\n  r1: {{key-file: {{account: vault, file: {reader.file}, form: hex, "
        f'mode: "0440", restart: vault.service, ready: vault.service}}}}\n'
    )
    inventory = load_inventory(file, InstalledSystems(systems=(KEYFILE,), troubles=()))
    (entry,) = inventory.hosts
    text = hosts_program.host_program(entry, Scope.DECIDING, (KEYFILE,), inventory)
    for old, new in (
        (" PATH=", f" PATH={reader.bin}:"),
        (STAGED, str(reader.staged)),
        (f"command -v {without} ", "command -v no-such-program "),
    ):
        text = text.replace(old.encode(), new.encode())
    began = datetime.now(UTC)
    done = subprocess.run(["bash", "-s"], input=text, capture_output=True, check=True, timeout=60)
    reader.says_no_key(done.stdout.decode() + done.stderr.decode())
    limits = section_limits((KEYFILE,))
    found = document.read_document(
        done.stdout, sent=began, received=datetime.now(UTC), limits=limits
    )
    reading: ReaderReading = KEYFILE.read(found, entry, began)
    return reading


def test_all_of_it_is_read(reader: FakeReader) -> None:
    """By the fingerprints of public halves; of what lies beside, name and content."""
    reader.put(reader.staged / OTHER.fingerprint, NEW.secret.reveal(), 0o400)
    reader.put(reader.staged / "README", b"hello", 0o400)
    former = Path(former_path(str(reader.file), OLD.fingerprint))
    reader.put(former, OLD.secret.reveal().hex(), 0o440)
    found = read(reader)
    assert value_or_none(found.file) == KeyFile(
        flaw="", fingerprint=OLD.fingerprint, owner="vault", group="vault", mode="0440"
    )
    assert isinstance(found.staged, Known)
    assert set(found.staged.value) == {
        KeptKey(name=NEW.fingerprint, fingerprint=NEW.fingerprint),
        KeptKey(name=OTHER.fingerprint, fingerprint=NEW.fingerprint),
    }
    assert value_or_none(found.former) == (KeptKey(name=OLD.fingerprint, fingerprint=""),)
    unit = value_or_none(found.unit)
    assert unit is not None
    assert (unit.load, unit.active, unit.invocation) == ("loaded", "active", OLD_INVOCATION)
    assert (unit.changed_us, unit.reloads) == (100, True)
    assert value_or_none(found.ready) == "active"


def test_without_openssl_nothing_is_known(reader: FakeReader) -> None:
    """It is no guess: unknown, with the reason."""
    found = read(reader, without="openssl")
    for reading in (found.file, found.staged, found.former):
        assert isinstance(reading, Unknown)
        assert reading.why is Why.REFUSED
        assert "openssl is not installed" in reading.reason


def test_a_file_that_others_could_exchange_is_not_opened(reader: FakeReader) -> None:
    """A link, a pipe, a directory of somebody else's: the flaw is said, and nothing hangs."""
    reader.file.unlink()
    os.mkfifo(reader.file)
    assert value_or_none(read(reader).file) == _flawed("it is no regular file")
    reader.file.unlink()
    reader.file.symlink_to("/etc/hostname")
    assert value_or_none(read(reader).file) == _flawed("it is a link")
    reader.vault.chmod(0o777)
    found = value_or_none(read(reader).file)
    assert found == _flawed(f"others than root may write to {reader.vault}")


def _flawed(why: str) -> KeyFile:
    return KeyFile(flaw=why, fingerprint="", owner="", group="", mode="")


def test_what_is_not_there_is_absent(reader: FakeReader) -> None:
    """And a unit that systemd does not know is said to be so."""
    reader.file.unlink()
    (reader.staged / NEW.fingerprint).unlink()
    reader.state(LoadState="not-found", ActiveState="inactive", InvocationID="")
    found = read(reader)
    assert isinstance(found.file, Unknown)
    assert found.file.why is Why.ABSENT
    assert value_or_none(found.staged) == ()
    unit = value_or_none(found.unit)
    assert unit is not None
    assert unit.load == "not-found"


def test_a_poll_says_the_same(reader: FakeReader) -> None:
    """While a plan is applied, each reader is asked by a short program."""
    target = ReaderTarget(
        host="r1",
        file=str(reader.file),
        form="hex",
        former=former_path(str(reader.file), OLD.fingerprint),
        unit="vault.service",
        ready="vault.service",
    )
    poll = read_poll(reader.run(poll_text(target)).stdout.encode())
    assert poll.trouble == ""
    assert poll.file is not None
    assert poll.file.fingerprint == OLD.fingerprint
    assert poll.unit is not None
    assert (poll.unit.invocation, poll.ready, poll.former) == (OLD_INVOCATION, "active", False)


@pytest.mark.parametrize("said", [b"", b"flaw=\n", b"flaw=\nformer=gone\nshown=a b\n", b"\xff\0"])
def test_a_poll_that_is_malformed_is_no_answer(said: bytes) -> None:
    """It never opens a gate."""
    poll = read_poll(said)
    assert poll.file is None
    assert poll.trouble


@pytest.mark.parametrize(
    "text",
    [
        "", "flaw=\n", "flaw=\nshown=a b 440\n", "flaw=\nshown=a b 440\nfingerprint=xyz\n",
        f"flaw=\nshown=a b 9\nfingerprint={OLD.fingerprint}\n", "flaw=\nflaw=\n",
        f"flaw=\nshown=a b 440\nfingerprint={OLD.fingerprint.upper()}\n",
    ],
    ids=range(7),
)  # fmt: skip
def test_a_host_that_answers_anything_is_not_believed(text: str) -> None:
    """What has no form is unknown, with a reason that repeats none of it."""
    with pytest.raises(TextError) as error:
        parse_key_file(text)
    assert OLD.fingerprint not in str(error.value).lower()


@pytest.mark.parametrize("text", ["", "LoadState=a b\n", "LoadState=loaded\nActiveState=active\n"])
def test_so_are_units_and_answers(text: str) -> None:
    """Likewise."""
    with pytest.raises(TextError):
        parse_unit(text)
    with pytest.raises(TextError):
        parse_ready("200 OK" + text)
