"""What the machine configuration names is what the commands use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.cli.desk import INVENTORY, Desk, remediate
from tests.unit.cli.wrong import is_error
from tests.unit.plan.cases import quorum_lost

OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKIqJLp1hvHFzPgfOvjwRMu1sMFzOUE8Drz5BHmCeynC"


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine configuration of one test; it is made by writing it."""
    monkeypatch.setenv("REMEDIATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REMEDIATE_CONFIG", str(tmp_path / "config.toml"))
    path = tmp_path / "config.toml"
    path.write_text("")
    path.chmod(0o644)
    return path


@pytest.fixture
def planned(desk: Desk, configure: Path) -> None:
    source = desk.saved(quorum_lost(), "config")
    assert remediate("plan", "INC-001", "-i", desk.inventory, "--from", source).code == 3


def approve(desk: Desk) -> tuple[str, ...]:
    return ("approve", "last", "--key", str(desk.key), "--yes")


@pytest.mark.usefixtures("planned")
def test_list_of_the_machine_counts_before_that_of_the_inventory(
    desk: Desk, configure: Path, tmp_path: Path
) -> None:
    """Who may approve is root's word where root has one."""
    listed = tmp_path / "allowed_signers"
    listed.write_text(f"bob@example.org {OTHER}\n")
    listed.chmod(0o644)
    configure.write_text(f'allowed_signers = "{listed}"\n')
    is_error(remediate(*approve(desk)), 5, "may not approve", str(listed))
    configure.write_text("")
    assert remediate(*approve(desk)).code == 0


@pytest.mark.usefixtures("planned")
def test_revoked_key_approves_nothing_and_its_approval_counts_no_more(
    desk: Desk, configure: Path, tmp_path: Path
) -> None:
    assert remediate(*approve(desk)).code == 0
    revoked = tmp_path / "revoked_keys"
    revoked.write_bytes(desk.key.with_suffix(".pub").read_bytes())
    revoked.chmod(0o644)
    configure.write_text(f'revoked_keys = "{revoked}"\n')
    is_error(remediate(*approve(desk)), 5, "revoked", str(revoked))
    is_error(remediate("apply", "last"), 5, "revoked", str(revoked))
    assert "revoked" in remediate("status", "last").out


@pytest.mark.usefixtures("planned")
def test_program_first_in_path_is_not_asked(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ssh-keygen that finds everything good: `status` still says what is true."""
    run = next((tmp_path / "state" / "runs").iterdir())
    assert remediate(*approve(desk)).code == 0
    approval = run / "approvals" / "001.json"
    text = approval.read_text()
    at = text.index("SSH SIGNATURE-----\\n") + 100
    approval.write_text(text[:at] + ("B" if text[at] != "B" else "C") + text[at + 1 :])
    fake = tmp_path / "bin" / "ssh-keygen"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\n[ "$2" = find-principals ] && exec echo chief@corp\n'
        "echo 'Good \"remediate-plan\" signature for chief@corp with ED25519 key SHA256:x'\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    said = remediate("status", "last").out
    assert said.startswith("NOT PROVEN: approvals/001.json was not verified")
    assert said.splitlines()[1].endswith(": planned")
    assert "nothing was done yet" in said


@pytest.mark.usefixtures("planned")
def test_configuration_that_cannot_be_used_stops_what_depends_on_it(
    desk: Desk, configure: Path
) -> None:
    configure.write_text('allowed_singers = "/x"\n')
    is_error(remediate(*approve(desk)), 2, "allowed_singers", str(configure))


@pytest.mark.usefixtures("planned")
def test_inventory_of_the_machine_is_the_one_with_the_hosts_of_the_plan(
    desk: Desk, configure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none is given; one alone is also what is diagnosed, of several none is guessed."""
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    is_error(remediate(*approve(desk)), 2, "no inventory was given")
    other = tmp_path / "other.yaml"
    other.write_text(INVENTORY.replace("worlds-1", "worlds-2"))
    configure.write_text(f'inventories = ["{other}", "{desk.inventory}"]\n')
    assert remediate(*approve(desk)).code == 0
    assert remediate("status", "last").out.splitlines()[0].endswith(": approved")
    is_error(remediate("diagnose"), 2, "no inventory was given", str(other), str(desk.inventory))
    configure.write_text(f'inventories = ["{other}"]\n')
    is_error(remediate("apply", "last"), 5, "the approval is for other hosts", str(other))


@pytest.mark.usefixtures("planned")
def test_broken_inventory_of_the_machine_is_named(
    desk: Desk, configure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`status` still tells where the run stands."""
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    configure.write_text(f'inventories = ["{tmp_path}/none.yaml"]\n')
    is_error(remediate("apply", "last"), 2, "none.yaml")
    assert ": planned" in remediate("status", "last").out
