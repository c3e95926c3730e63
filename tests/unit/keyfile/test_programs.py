"""The programs that exchange a key file, run for real under sh."""

from __future__ import annotations

import base64
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from remediations.systems.hosts.driver import PROBES
from remediations.systems.keyfile.planned import PlannedKeyFile, PlannedKeyFileError
from remediations.systems.keyfile.programs import install_text, put_back_text, retire_text
from tests.unit.keyfile.fake_reader import NEW, OLD, OTHER, FakeReader

REFUSED = 64
FORMER = f".reader.key.remediate-{OLD.fingerprint}"


@pytest.fixture
def reader(tmp_path: Path) -> FakeReader:
    return FakeReader(tmp_path)


def test_the_file_is_exchanged_and_the_unit_is_told(reader: FakeReader) -> None:
    """By a rename, as declared; the former key stays for root alone, and what was brought is gone:
    it lies in one place. Once more changes nothing."""
    done = reader.run(install_text(reader.planned))
    assert done.returncode == 0, done.stderr
    assert bytes.fromhex(reader.file.read_text()) == NEW.secret.reveal()
    assert reader.file.stat().st_mode & 0o777 == 0o440
    assert "chown vault:vault" in (reader.root / "owned").read_text()
    assert reader.beside == [FORMER, "reader.key"]
    assert (reader.vault / FORMER).stat().st_mode & 0o777 == 0o400
    assert bytes.fromhex((reader.vault / FORMER).read_text()) == OLD.secret.reveal()
    assert (reader.done, reader.brought) == (["restart"], [])
    assert reader.holds(reader.planned.has_new)
    again = reader.run(install_text(reader.planned))
    assert again.stdout.startswith("already so")
    assert reader.done == ["restart"]


def test_it_is_put_back(reader: FakeReader) -> None:
    """Everything is as before, what was brought, too: the next plan finds it."""
    before = reader.file.read_bytes()
    assert reader.run(install_text(reader.planned)).returncode == 0
    assert not reader.holds(reader.planned.has_old)
    back = reader.run(put_back_text(reader.planned))
    assert back.returncode == 0, back.stderr
    assert (reader.file.read_bytes(), reader.beside) == (before, ["reader.key"])
    assert (reader.staged / NEW.fingerprint).read_bytes() == NEW.secret.reveal()
    assert (reader.staged / NEW.fingerprint).stat().st_mode & 0o777 == 0o400
    assert reader.done == ["restart", "restart"]
    assert reader.holds(reader.planned.has_old)
    assert reader.run(put_back_text(reader.planned)).stdout.startswith("already so")


def test_the_old_key_is_removed(reader: FakeReader) -> None:
    """Where the new one is in use, and nowhere else."""
    early = reader.run(retire_text(reader.planned))
    assert (early.returncode, "refused" in early.stderr) == (REFUSED, True)
    reader.run(install_text(reader.planned))
    assert not reader.holds(reader.planned.retired)
    done = reader.run(retire_text(reader.planned))
    assert (done.returncode, reader.beside) == (0, ["reader.key"])
    assert reader.holds(reader.planned.retired)
    assert reader.done == ["restart"]


@pytest.mark.parametrize("form", ["raw", "hex", "base64", "pem"])
def test_every_form_is_understood_and_written(reader: FakeReader, form: str) -> None:
    """What openssl reads from it is the key."""
    pem = ["openssl", "pkey", "-inform", "DER", "-outform", "PEM"]
    der = bytes.fromhex("302e020100300506032b656e04220420")

    def formed(raw: bytes) -> bytes:
        if form == "pem":
            return subprocess.run(pem, input=der + raw, capture_output=True, check=True).stdout
        return {"raw": raw, "hex": raw.hex().encode(), "base64": base64.b64encode(raw)}[form]

    reader.put(reader.file, formed(OLD.secret.reveal()), 0o440)
    planned = replace(reader.planned, form=form)
    done = reader.run(install_text(planned))
    assert done.returncode == 0, done.stderr
    assert reader.file.read_bytes() == formed(NEW.secret.reveal())
    assert reader.holds(planned.has_new)


def link(reader: FakeReader) -> None:
    reader.file.rename(reader.vault / "elsewhere")
    reader.file.symlink_to("elsewhere")


def second_name(reader: FakeReader) -> None:
    (reader.vault / "second").hardlink_to(reader.file)


def another_key_is_brought(reader: FakeReader) -> None:
    reader.put(reader.staged / NEW.fingerprint, OTHER.secret.reveal(), 0o400)


def foreign(reader: FakeReader) -> None:
    reader.put(reader.file, OTHER.secret.reveal().hex(), 0o440)


BREAKS: list[tuple[Callable[[FakeReader], object], str]] = [
    (link, "it is a link"),
    (second_name, "a hard link"),
    (lambda r: r.vault.chmod(0o770), "others than root may write to"),
    (lambda r: r.file.chmod(0o460), "others than its owner may write"),
    (lambda r: r.file.chmod(0o400), "of vault:vault:400"),
    (lambda r: r.file.unlink(), "no regular file"),
    (lambda r: r.put(r.file, "x" * 5000, 0o440), "4000 bytes or more"),
    (lambda r: r.put(r.file, "00" * 31, 0o440), "the key of nobody"),
    (foreign, f"the key {OTHER.fingerprint}"),
    (another_key_is_brought, f"the key {OTHER.fingerprint}"),
    (lambda r: (r.staged / NEW.fingerprint).unlink(), "the key none"),
    (lambda r: (r.staged / NEW.fingerprint).chmod(0o440), "not root's alone"),
    (lambda r: r.state(LoadState="not-found"), "not-found"),
    (lambda r: r.script("openssl", "exit 1"), "the key of nobody"),
]


@pytest.mark.parametrize(("breaks", "said"), BREAKS, ids=[str(i) for i in range(len(BREAKS))])
def test_what_is_not_as_planned_is_refused(
    reader: FakeReader, breaks: Callable[[FakeReader], object], said: str
) -> None:
    """Nothing is changed, and nobody is told."""
    breaks(reader)
    before = {p.name: p.read_bytes() for p in reader.vault.iterdir() if p.is_file()}
    done = reader.run(install_text(reader.planned))
    assert done.returncode == REFUSED, done
    assert said in done.stderr
    assert {p.name: p.read_bytes() for p in reader.vault.iterdir() if p.is_file()} == before
    assert reader.done == []


def test_a_held_unit_is_left_alone(reader: FakeReader) -> None:
    """Somebody else's run has stopped it."""
    hold = reader.etc / "vault.service.d/remediate-hold.conf"
    hold.parent.mkdir()
    hold.touch()
    assert reader.run(install_text(reader.planned)).returncode == REFUSED
    assert reader.done == []


@pytest.mark.parametrize("told", ["reload", "read_each_time"])
def test_readers_that_are_told_otherwise(reader: FakeReader, told: str) -> None:
    """A reload is proven by another change of state; where nobody is told, the file is enough."""
    planned = reader.told(told)
    assert not reader.holds(planned.has_new)
    done = reader.run(install_text(planned))
    assert done.returncode == 0, done.stderr
    assert reader.done == (["reload"] if told == "reload" else [])
    assert reader.holds(planned.has_new)


def test_what_is_down_is_started_when_it_is_taken_back(reader: FakeReader) -> None:
    """It cannot be reloaded."""
    planned = reader.told("reload")
    assert reader.run(install_text(planned)).returncode == 0
    reader.state(ActiveState="failed")
    assert reader.run(put_back_text(planned)).returncode == 0
    assert reader.done == ["reload", "restart"]
    assert reader.holds(planned.has_old)


def test_a_unit_that_does_not_come_back_is_told_and_taken_back(reader: FakeReader) -> None:
    """The step fails with the new key in place; what takes it back needs no healthy unit."""
    (reader.root / "broken").touch()
    done = reader.run(install_text(reader.planned))
    assert done.returncode == 1
    assert "systemctl restart vault.service ended with 1" in done.stderr
    assert not reader.holds(reader.planned.has_new)
    (reader.root / "broken").unlink()
    assert reader.run(put_back_text(reader.planned)).returncode == 0
    assert bytes.fromhex(reader.file.read_text()) == OLD.secret.reveal()


def test_it_goes_on_after_the_rename(reader: FakeReader) -> None:
    """The file was exchanged, and the power failed before the unit was told: it is told, once."""
    reader.put(reader.file, NEW.secret.reveal().hex(), 0o440)
    reader.put(reader.vault / FORMER, OLD.secret.reveal().hex(), 0o400)
    assert not reader.holds(reader.planned.has_new)
    done = reader.run(install_text(reader.planned))
    assert (done.returncode, reader.done, reader.brought) == (0, ["restart"], [])
    assert reader.beside == [FORMER, "reader.key"]


def test_what_a_death_leaves_is_written_anew(reader: FakeReader) -> None:
    """A file that was not written to its end was nobody's."""
    reader.put(reader.vault / ".reader.key.remediate-new", b"half", 0o600)
    reader.put(reader.vault / FORMER, b"half", 0o400)
    assert reader.run(install_text(reader.planned)).returncode == 0
    assert reader.beside == [FORMER, "reader.key"]
    assert bytes.fromhex((reader.vault / FORMER).read_text()) == OLD.secret.reveal()


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "reader.key"}, {"file": "/reader.key"}, {"file": "/etc/../x/y"}, {"form": "der"},
        {"owner": "Root"}, {"mode": "0644"}, {"told": "signal"}, {"unit": ""}, {"unit": "vault"},
        {"mark": "x"}, {"old": "ab"}, {"new": OLD.fingerprint},
    ],
    ids=str,
)  # fmt: skip
def test_malformed_data_reach_no_shell(reader: FakeReader, changes: dict[str, str]) -> None:
    """One clear error each."""
    with pytest.raises(PlannedKeyFileError):
        replace(reader.planned, **changes)


def test_it_is_made_of_host_data(reader: FakeReader) -> None:
    """Keys that are not fields are ignored; one that is missing is said."""
    fields = {name: getattr(reader.planned, name) for name in PlannedKeyFile.__dataclass_fields__}
    assert PlannedKeyFile.from_data({**fields, "strange": "x"}) == reader.planned
    del fields["new"]
    with pytest.raises(PlannedKeyFileError, match="incomplete"):
        PlannedKeyFile.from_data(fields)


def test_probes_take_no_other_words(reader: FakeReader) -> None:
    """They run as root."""
    probe = reader.planned.has_new
    for at, bad in enumerate(("x", "-x!", "/etc/../x", "der", "zz")):
        words = list(probe.arguments)
        words[at] = bad
        done = reader.run(f"set -- {shlex.join([probe.name, *words])}\n{PROBES}")
        assert done.returncode in (65, 69), (words, done)
        assert "probed" not in done.stdout
