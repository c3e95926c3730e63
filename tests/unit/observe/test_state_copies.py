"""Copies of a sign state: what a host tells of them, under a real shell, and what is believed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from msgspec import UNSET

from remediations.systems.comet.state_copies import StateCopies, parse_state_copies
from remediations.values.lines import TextError
from remediations.values.reading import Known
from tests.unit.model.test_sign_state import BLOCK, signed, state_file
from tests.unit.observe.fake_host import Host, observe

ADDRESS = "0A1B2C3D4E5F60718293A4B5C6D7E8F901234567"
SHOWN = '{"height":"7","round":"0","step":"3","signature":"AAAA","signbytes":""}'

NO_TEXT = SHOWN.replace('"AAAA"', "5")
NO_BYTES = SHOWN.replace('"signbytes":""', '"signbytes":0')


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on, and whose unit has no process."""
    return Host(tmp_path, 1)


def copies_of(host: Host) -> StateCopies:
    read = observe(host).state_copies
    assert isinstance(read, Known), read
    return read.value


def test_copies_in_the_home_arrive(host: Host) -> None:
    """Beside the file and in what cosmovisor set aside, with what was signed."""
    data = host.home / "data"
    bytes_ = signed(2, 112, 0, BLOCK)
    data.joinpath("priv_validator_state.json.bak").write_text(state_file("112", 0, 3, bytes_))
    data.joinpath("priv_validator_state.json~").write_text("garbage")
    aside = host.home / "data-backup-2026-11-25"
    aside.mkdir()
    aside.joinpath("priv_validator_state.json").write_text(state_file("90", 0, 3))
    found = {Path(c.path).parent.name + "/" + Path(c.path).name: c for c in copies_of(host).copies}
    assert len(found) == 3
    bak = found["data/priv_validator_state.json.bak"]
    assert (bak.hrs, bak.signature, bak.kept_for) == ((112, 0, 3), "AAAA", "")
    assert bak.sign_bytes == bytes_.hex().upper()
    assert "not what CometBFT writes" in found["data/priv_validator_state.json~"].odd
    assert found["data-backup-2026-11-25/priv_validator_state.json"].hrs == (90, 0, 3)


def test_nothing_odd_is_followed(host: Host, tmp_path: Path) -> None:
    """A link, a FIFO, a device, a large file and a directory elsewhere cost nothing and tell
    nothing; what is left is read."""
    data = host.home / "data"
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "priv_validator_state.json").write_text(state_file("5", 0, 3))
    data.joinpath("priv_validator_state.json.link").symlink_to(secret / "priv_validator_state.json")
    data.joinpath("priv_validator_state.json.zero").symlink_to("/dev/zero")
    os.mkfifo(data / "priv_validator_state.json.fifo")
    data.joinpath("priv_validator_state.json.large").write_text("x" * 70_000)
    data.joinpath("priv_validator_state.json.odd name").write_text(state_file("5", 0, 3))
    (host.home / "data-backup-1").symlink_to(secret)
    data.joinpath("priv_validator_state.json.bak").write_text(state_file("7", 0, 3))
    found = {Path(copy.path).name[26:]: copy for copy in copies_of(host).copies}
    assert found.keys() == {"link", "zero", "fifo", "large", "bak", ""}
    assert found[""].odd == "it does not lie in the home"
    assert [name for name, copy in found.items() if copy.state is not None] == ["bak"]
    assert all(copy.odd for name, copy in found.items() if name != "bak")


def test_it_is_read_where_the_unit_has_no_process(host: Host) -> None:
    """One that runs signs with what it has in memory."""
    assert copies_of(host).copies == ()
    host.main_pid = os.getpid()
    assert observe(host).state_copies is UNSET


def test_what_a_step_of_ours_kept_comes_with_its_key(tmp_path: Path) -> None:
    """Of this home only, and with the address that the step compared."""
    for name, home in (("1", "/srv/node"), ("2", "/srv/other")):
        kept = tmp_path / "evidence" / name
        kept.mkdir(parents=True)
        (kept / "unit").write_text(f"key {ADDRESS}, home {home}\nId=virtengine.service\n")
        (kept / "sign-state-after").write_text('{"height":"9","round":"0","step":"3"}\n')
        (kept / "sign-state-before").write_text("not read: no such file\n")
    text = files("remediations.systems.comet").joinpath("state_copies.sh").read_text()
    kinds = files("remediations.systems.comet").joinpath("home_kinds.sh").read_text()
    guest = files("remediations.systems.hosts").joinpath("guest.sh").read_text()
    (tmp_path / "guest").write_text(kinds + guest)
    where = tmp_path / "evidence"
    text = text.replace("/var/lib/remediate/evidence", str(where))
    run = f'guest() {{ home=$home sh {tmp_path}/guest "$@"; }}; home=/srv/node; kept_states'
    done = subprocess.run(
        ["bash", "-c", f"{text}\n{run}"], capture_output=True, text=True, check=True
    )
    found = parse_state_copies(f"booted 1700000000\n{done.stdout}").copies
    assert [(c.path, c.kept_for, c.hrs, c.kept_after_stop) for c in found] == [
        (f"{where}/1/sign-state-before", ADDRESS, (0, 0, 0), False),
        (f"{where}/1/sign-state-after", ADDRESS, (9, 0, 3), True),
    ]
    assert found[0].odd == "it is not what CometBFT writes"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "booted x\n",
        f"booted {10**12}\n",
        "booted 1\nbeside 1 /a\n",
        f"booted 1\nelsewhere 1 /a\n{SHOWN}\n",
        f"booted 1\nbeside 1 /a b\n{SHOWN}\n",
        f"booted 1\nbeside x /a\n{SHOWN}\n",
        f"booted 1\nbeside 1 a\n{SHOWN}\n",
        f"booted 1\nkept abc 1 /a\n{SHOWN}\n",
        f"booted 1\nbeside 1 /a`b\n{SHOWN}\n",
        f"booted 1\nbeside 1 /a\n{NO_TEXT}\n",
        f"booted 1\nbeside 1 /a\n{NO_BYTES}\n",
    ],
)
def test_what_is_malformed_is_not_believed(text: str) -> None:
    """Nothing of it is a default."""
    with pytest.raises(TextError):
        parse_state_copies(text)


def test_a_copy_that_contradicts_itself_is_odd() -> None:
    """Its numbers are not those that were signed."""
    shown = json.loads(state_file("8", 0, 3, signed(2, 7, 0, BLOCK)))
    (copy,) = parse_state_copies(f"booted 1\nbeside 1 /a\n{json.dumps(shown)}\n").copies
    assert copy.state is None
    assert re.search("the signed bytes say 7/0", copy.odd)
