"""What an operator put on a command line, or a daemon into its journal, stays on the host."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from remediations.engine.observe.observation import Scope, save_observation
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import sealed
from remediations.systems.comet.secrets import CREDENTIALS, USERINFO
from remediations.values.reading import Known
from tests import worlds
from tests.inventories import node_entry
from tests.readings import read_document, read_host
from tests.unit.observe.fake_host import Host, observe, run_probe

CANARY = "CANARY"
FLAGS = (
    f"--keyring-passphrase {CANARY}1 --keyring-passphrase={CANARY}2 {CANARY}3 "
    f"--log_level info --db=postgres://me:{CANARY}4@db/x --trace -p{CANARY}5 "
    f"--priv_validator_laddr tcp://me:{CANARY}6@10.0.0.1:26659 --halt-height 7 "
    f"--p2p.persistent_peers tcp://{'ab' * 20}@10.0.0.1:26656,tcp://me:{CANARY}7@10.0.0.2:26656 "
    f"--db_backend --token={CANARY}8"
)
WORDS = " ".join(["abandon"] * 11 + ["canary"])
LINES = (
    f"Error: cannot connect to postgres://me:{CANARY}@db:5432/x",
    f"Error: bad flag --keyring-passphrase {CANARY} given",
    f"Error: bad flag --api.secret={CANARY}",
    f"panic: keyring password {CANARY} wrong",
    f"panic: password: {CANARY}",
    f'panic: {{"password":"{CANARY} {CANARY}","a":1}}',
    f"Error: invalid mnemonic: {CANARY}-abandon abandon {CANARY}",
    f"Error: private key = {CANARY} {CANARY}",
    f"Error: Authorization: Bearer {CANARY}abcdef0123",
    f"Error: request failed token={CANARY}, height=5",
    f"Error: API_KEY='{CANARY} x' is not valid",
    f"Error: could not derive from {WORDS}",
)


def masked(line: str, script: str = CREDENTIALS) -> str:
    done = subprocess.run(
        ["sed", "-E", script], input=line, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout


def test_no_secret_of_a_command_line_or_journal_leaves_the_host(tmp_path: Path) -> None:
    """Not in what is sent, nor in what is saved; what is used of them is there."""
    host = Host(tmp_path, 1)
    host.arguments += f" {FLAGS}"
    host.journal = "".join(f"1795622403.000002 val1 virtengined[7]: {line}\n" for line in LINES)
    daemon = [sys.executable, "-c", "import time; time.sleep(60)"]
    daemon += [CANARY, *host.arguments.split(), f"--password={CANARY}"]
    entry = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
    with subprocess.Popen(daemon) as running:
        try:
            host.install()
            printed, sent, received = run_probe(host, Scope.FULL, entry)
        finally:
            running.kill()
    document = read_document(printed, sent=sent, received=received)
    for name, section in document.sections.items():
        text = section.data.decode() + section.said
        assert CANARY not in text, name
        assert WORDS not in text, name
    reading = read_host(document, entry, sent)
    assert isinstance(reading.unit, Known)
    assert reading.unit.value.arguments[:3] == ("start", "--home", str(host.home))
    assert isinstance(reading.processes, Known)
    (process,) = reading.processes.value
    assert process.command.startswith(
        f"{sys.executable} start --home {host.home} --priv_validator_"
    )
    assert isinstance(reading.config, Known), reading.config
    config = reading.config.value
    assert config.remote_signer == "tcp://[masked]@10.0.0.1:26659"
    assert config.halt_height == 7
    assert config.persistent_peers[0] == f"tcp://{'ab' * 20}@10.0.0.1:26656"
    world = worlds.change(worlds.healthy(), "val1", lambda _: reading)
    file = tmp_path / "saved.json"
    save_observation(sealed(world), file)
    assert CANARY.encode() not in file.read_bytes()
    if os.geteuid() == 0:
        assert isinstance(reading.journal, Known)
        assert len(reading.journal.value) == len(LINES) + 2


def test_a_command_without_a_home_is_reported_without_its_flags(tmp_path: Path) -> None:
    """Why the home is not known is said, and not what else stands there."""
    host = Host(tmp_path, 1)
    host.arguments = f"run start --keyring-passphrase {CANARY}"
    reason = getattr(observe(host).unit, "reason", "")
    assert reason.endswith(f"has no --home: {host.program} run start")


@pytest.mark.parametrize("line", LINES)
def test_a_credential_in_a_line_is_masked(line: str) -> None:
    """Values behind names that stand for a secret, users in addresses, words of a mnemonic."""
    shown = masked(line)
    assert CANARY not in shown
    assert WORDS not in shown
    assert "[masked]" in shown
    assert shown.startswith(line[:6])


@pytest.mark.parametrize(
    "line",
    [
        'ERR CONSENSUS FAILURE!!! err="+2/3 committed an invalid block: wrong AppHash"',
        'panic: UPGRADE "v2" NEEDED at height: 113: {"binaries":{}}',
        "ERR found conflicting vote from ourselves; did you unsafe_reset a validator?",
        "signature from the same key; cannot sign",
        "Error: open /srv/ve/data/application.db/LOCK: resource temporarily unavailable",
        "virtengine.service: Main process exited, code=exited, status=1/FAILURE",
        "halt per configuration height 113 time 0",
        f"Dialing tcp://{'ab' * 20}@10.0.0.1:26656",
    ],
)
def test_what_a_diagnosis_needs_is_left_alone(line: str) -> None:
    """Causes, heights, states of systemd, peers by their ids."""
    assert masked(line) == line


def test_a_node_id_is_not_a_user() -> None:
    """It is public, and peers are known by it."""
    text = f"tcp://{'0f' * 20}@h:1,tcp://me:pw@h:1,http://tok@h/"
    assert masked(text, USERINFO) == f"tcp://{'0f' * 20}@h:1,tcp://[masked]@h:1,http://[masked]@h/"
