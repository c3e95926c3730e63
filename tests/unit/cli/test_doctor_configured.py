"""`doctor` about the machine configuration: what it names, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from remediations.engine.catalogue import Catalogue, Flaw, UnusedEntry, catalogue
from remediations.engine.doctor.line import DoctorLine, LineState
from remediations.engine.doctor.machine import playbook_lines, read_configuration
from remediations.machine.config import MachineConfig
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.examined import KEY

Configure = Callable[[str], Path]
OURS = (
    "INC-001, INC-002, INC-005, consensus-failure, database-issues, double-sign, "
    "high-error-rate, low-validators, network-partition, node-down, slow-blocks, "
    "veid-non-deterministic"
)


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    path = tmp_path / "config.toml"

    def write(text: str) -> Path:
        path.write_text(text)
        path.chmod(0o644)
        monkeypatch.setenv("REMEDIATE_CONFIG", str(path))
        return path

    return write


def found(topic: str) -> DoctorLine:
    (line,) = (line for line in read_configuration()[1] if line.topic == topic)
    return line


def test_machine_without_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defaults hold, and are told: program, version, playbooks."""
    monkeypatch.delenv("REMEDIATE_CONFIG", raising=False)
    monkeypatch.setattr("remediations.machine.config.DEFAULT_PATH", tmp_path / "none")
    assert found("configuration").found.endswith("the defaults hold")
    assert found("ssh").found.startswith("OpenSSH ")
    assert found("ssh").found.endswith(", /usr/bin/ssh")
    assert found("ssh-keygen").found.startswith("/usr/bin/ssh-keygen (SHA-256 ")
    assert found("playbooks").found == OURS
    assert {line.state for line in read_configuration()[1]} == {LineState.OK}


def test_all_that_is_named_is_shown(configure: Configure, tmp_path: Path) -> None:
    for name, text in (("signers", f"alice {KEY}\n"), ("revoked", f"{KEY}\n"), ("i.yaml", "")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    configure(
        f'allowed_signers = "{tmp_path}/signers"\nrevoked_keys = "{tmp_path}/revoked"\n'
        f'inventories = ["{tmp_path}/i.yaml"]\nplaybooks = []\n'
    )
    assert found("configuration").found.endswith(
        "names inventories, allowed_signers, revoked_keys, playbooks"
    )
    assert "1 key(s)" in found("allowed_signers").found
    assert "a list of keys" in found("revoked_keys").found
    assert found("inventories").found == f"{tmp_path}/i.yaml"
    assert {line.state for line in read_configuration()[1]} == {LineState.OK}


def test_what_is_named_and_not_there_lacks(configure: Configure, tmp_path: Path) -> None:
    configure(
        "".join(
            f'{key} = "{tmp_path}/none"\n'
            for key in ("allowed_signers", "revoked_keys", "ssh", "ssh_keygen")
        )
        + f'inventories = ["{tmp_path}/none"]\n'
    )
    lacking = {line.topic for line in read_configuration()[1] if line.state is LineState.LACK}
    assert lacking == {"allowed_signers", "revoked_keys", "ssh", "ssh-keygen", "inventories"}
    assert all(line.mend for line in read_configuration()[1] if line.state is LineState.LACK)


def test_configuration_that_cannot_be_used_is_one_line(configure: Configure, desk: Desk) -> None:
    """What it should have named is unknown; the rest of the machine is told all the same."""
    path = configure("shh = 1\n")
    (line,) = read_configuration()[1]
    assert (line.topic, line.state) == ("configuration", LineState.LACK)
    assert str(path) in line.found
    assert remediate("doctor").code == 3
    assert "state directory" in remediate("doctor", "--verbose").out


@pytest.mark.parametrize(
    ("flaw", "state"), [(Flaw.BROKEN, LineState.WARN), (Flaw.DUPLICATE, LineState.LACK)]
)
def test_playbook_that_cannot_be_used_is_one_line(flaw: Flaw, state: LineState) -> None:
    """A broken one stands in nobody's way; of two with one id neither is used."""
    trouble = UnusedEntry(name="x", distribution="acme", version="1.0", flaw=flaw, reason="because")
    told = playbook_lines(Catalogue(domains=(), playbooks=(), troubles=(trouble,)), MachineConfig())
    assert [(line.state, line.found) for line in told] == [
        (LineState.OK, "none"),
        (state, "x, acme 1.0: because"),
    ]
    assert "pip uninstall" in told[1].mend


def test_playbook_that_is_not_allowed_is_shown_and_lacks_nothing() -> None:
    trouble = UnusedEntry(
        name="x", distribution="acme", version="1", flaw=Flaw.NOT_ALLOWED, reason="so"
    )
    ours = catalogue(MachineConfig()).playbooks
    (line,) = playbook_lines(
        Catalogue(domains=(), playbooks=ours, troubles=(trouble,)), MachineConfig()
    )
    assert line.state is LineState.OK
    assert line.found == f"{OURS}; not allowed: acme"
