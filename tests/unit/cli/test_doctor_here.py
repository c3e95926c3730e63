"""`doctor` about what needs no host: this machine, the inventory, who may approve."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from remediations.engine.doctor.inventory_lines import inventory_lines
from remediations.engine.doctor.line import INVENTORY, LineState
from remediations.engine.doctor.machine import agent_line, state_line
from remediations.engine.doctor.signers import signers_list_line
from tests.unit.cli.desk import Desk, remediate
from tests.unit.cli.examined import KEY, inventory_of
from tests.worlds import healthy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"* {KEY}\n", "pattern"),
        (f"alice@example.org,bob@example.org {KEY}\n", "pattern"),
        (f'alice@example.org namespaces="git" {KEY}\n', "namespaces"),
        (f'alice@example.org namespaces="!remediate-*,*" {KEY}\n', "namespaces"),
        (f"ca cert-authority {KEY}\n", "certificate authority"),
        ("alice@example.org\n", "no public key"),
        ('alice" \n', "quoted name"),
        (f"\ufeffalice@example.org {KEY}\n", "0xef"),
        (f"# Zo\u00eb\nalice@example.org {KEY}\n", "0xc3"),
        (f'alice@example.org namespaces="remediate-*" {KEY}\n', ""),
        ("# nobody\n\n", "names nobody"),
        (f'# people\nalice@example.org namespaces="git,remediate-plan" {KEY}\nbob {KEY}\n', ""),
    ],
)
def test_allowed_signers(text: str, words: str, tmp_path: Path) -> None:
    """Wildcards, other uses and lines without a key are found before they are needed."""
    file = tmp_path / "signers"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o644)
    line = signers_list_line(INVENTORY, file)
    assert (line.state is LineState.OK) is (words == "")
    assert words in line.found


def test_signers_file_that_others_may_write(tmp_path: Path) -> None:
    """Who can write the list can approve."""
    file = tmp_path / "signers"
    inventory = replace(inventory_of(healthy()), allowed_signers=str(file))
    assert inventory_lines(inventory)[-1].state is LineState.LACK
    file.write_text(f"alice {KEY}\n")
    file.chmod(0o666)
    assert f"chmod go-w {file}" in inventory_lines(inventory)[-1].mend
    file.chmod(0o644)
    assert inventory_lines(inventory)[-1].state is LineState.OK


def test_list_of_the_machine_counts_before_that_of_the_inventory(tmp_path: Path) -> None:
    inventory = replace(inventory_of(healthy()), allowed_signers=str(tmp_path / "none"))
    line = inventory_lines(inventory, Path("/etc/remediate/allowed_signers"))[-1]
    assert line.state is LineState.OK
    assert line.found.startswith("/etc/remediate/allowed_signers, which the machine")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a program of root")
def test_the_agent_and_its_keys(tmp_path: Path) -> None:
    """No agent, an empty one, and one with keys are three things."""
    program = tmp_path / "ssh-add"
    found = []
    for script in ("exit 2", "exit 1", "echo 256 SHA256:abc alice '(ED25519)'"):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        found.append(agent_line(program).found)
    assert found == [
        "none answers (a key file without passphrase does, too)",
        "it holds no key",
        "1 key(s): ED25519",
    ]


def test_agent_is_not_asked_by_a_program_that_others_could_have_written(tmp_path: Path) -> None:
    program = tmp_path / "ssh-add"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/trace\n")
    program.chmod(0o777)
    line = agent_line(program)
    assert line.state is LineState.WARN
    assert f"`ls -ld {program}`" in line.mend
    assert not (tmp_path / "trace").exists()


def test_the_state_directory_is_not_made(tmp_path: Path) -> None:
    """It is judged by what is there, and nothing is created."""
    line = state_line(tmp_path / "a/b")
    assert line.state is LineState.OK
    assert "will be made" in line.found
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert state_line(tmp_path / "file").state is LineState.LACK


def test_command_without_inventory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing to type for whoever has nothing yet."""
    monkeypatch.delenv("REMEDIATE_INVENTORY")
    done = remediate("doctor")
    assert done.code == 3
    assert done.out.rstrip().endswith("--output inventory.yaml")


def test_command_with_a_broken_inventory(desk: Desk, tmp_path: Path) -> None:
    """What is wrong with the file is a finding, beside those about this machine."""
    file = tmp_path / "bad.yaml"
    file.write_text("hosts: [\n")
    result = remediate("doctor", "-i", file, "--json").document["result"]
    assert isinstance(result, dict)
    assert result["lacking"] == "1"
    assert "bad.yaml" in next(li["found"] for li in result["lines"] if li["state"] == "lack")


def test_command_where_nobody_answers(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All hosts down: a whole answer with 3, one JSON document, nothing written."""
    (tmp_path / "ssh").write_text(
        "Host *\n HostName 127.0.0.1\n Port 1\n UserKnownHostsFile none\n"
        " GlobalKnownHostsFile none\n IdentityFile none\n"
    )
    (tmp_path / "i.yaml").write_text(
        "version: 1\nchain: {id: x-1}\nssh: {config: ssh}\nhosts:\n  val1: {role: validator}\n"
    )
    before = sorted(tmp_path.rglob("*"))
    done = remediate("doctor", "-i", tmp_path / "i.yaml", "--json")
    assert done.code == 3
    result = done.document["result"]
    assert isinstance(result, dict)
    found = {(li["subject"], li["topic"]): li for li in result["lines"]}
    assert found["val1", "login"]["found"].startswith("TCP: ")
    assert found["val1", "host key"]["found"] == "[127.0.0.1]:1 is not in any known_hosts file"
    assert sorted(tmp_path.rglob("*")) == before
    text = remediate("doctor", "-i", tmp_path / "i.yaml")
    *shown, following = text.out.splitlines()
    assert max(map(len, shown)) <= 80
    assert following.startswith("next: is sshd running there?")
