"""The program that reads a host, run for real against a fake home and a loopback RPC."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.values import AppInfo, NodeStatus, RoundState
from remediations.systems.hosts.program import COMMAND
from remediations.systems.hosts.values import Unit
from remediations.values.reading import Known, Unknown, value_or_none
from tests.inventories import node_entry
from tests.readings import program, read_document
from tests.unit.model import answers
from tests.unit.observe.fake_host import POWERS, Frozen, Host, Rpc, observe, run_probe


@pytest.fixture(scope="module")
def rpc() -> Iterator[Rpc]:
    server = Rpc()
    yield server
    server.close()


@pytest.fixture(scope="module")
def full(rpc: Rpc, tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, HostReading]:
    """One complete reading, with a second process that has the home among its arguments."""
    host = Host(tmp_path_factory.mktemp("full"), rpc.port)
    before = digest_of(host.home)
    double = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(30)", "start", f"--home={host.home}/"]
    )
    try:
        reading = observe(host)
    finally:
        double.kill()
        double.wait()
    assert digest_of(host.home) == before, "reading a home changed it"
    return host, reading


@pytest.fixture
def silent(tmp_path: Path) -> Host:
    """A host whose RPC port nobody listens on."""
    return Host(tmp_path, 1)


def digest_of(home: Path) -> dict[str, tuple[int, str]]:
    """Every file with its time of change and content."""
    return {
        str(path): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def known(reading: Known[Unit] | Unknown) -> Unit:
    assert isinstance(reading, Known), reading
    return reading.value


def test_everything_is_discovered(full: tuple[Host, HostReading]) -> None:
    """Unit, binary, home and RPC come from the host, not from a guess."""
    host, reading = full
    unit = known(reading.unit)
    assert (unit.name, unit.home, unit.binary) == (
        "virtengine.service",
        str(host.home),
        str(host.program),
    )
    assert (unit.stop_timeout_s, unit.open_files, unit.user) == (90, 65535, "root")
    config = value_or_none(reading.config)
    assert config is not None
    assert config.rpc_url.startswith("http://127.0.0.1:")
    assert (config.double_sign_check_height, config.halt_height) == (10, 200)
    assert len(config.persistent_peers) == 2


def test_the_chain_is_looked_at_twice(full: tuple[Host, HostReading]) -> None:
    """Two samples, seconds apart, each with status, application and round."""
    _, reading = full
    first, second = reading.samples
    assert second.at - first.at >= timedelta(seconds=2.4)
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        assert isinstance(sample.app, Known)
        assert isinstance(sample.round, Known)
        assert sample.round.value.round == 1


class Growing(Rpc):
    """A chain with ten blocks a second, whose `/status` takes half a second to come."""

    def answer(self, path: str) -> bytes:
        height = 113 + int(10 * (time.monotonic() - self.began))
        if path == "/abci_info":
            return answers.abci_info(height)
        if path == "/consensus_state":
            return answers.consensus_state(height + 1, 1, 4)
        if path != "/status":
            return super().answer(path)
        time.sleep(0.5)
        return answers.status(113 + int(10 * (time.monotonic() - self.began)))

    began = time.monotonic()


def test_no_answer_of_a_sample_is_older_than_its_status(tmp_path: Path) -> None:
    """What is asked beside `/status` may be answered some blocks before it, on a busy host; then
    the node would contradict itself (playbooks/chain/diagnose/witness.py)."""
    server = Growing()
    try:
        samples = observe(Host(tmp_path, server.port)).samples
    finally:
        server.close()
    assert len(samples) == 2
    for sample in samples:
        status, app, state = map(value_or_none, (sample.status, sample.app, sample.round))
        assert isinstance(status, NodeStatus)
        assert isinstance(app, AppInfo)
        assert isinstance(state, RoundState)
        assert status.height <= app.height + 1
        assert status.height <= state.height


def test_the_validator_set_is_complete(full: tuple[Host, HostReading]) -> None:
    """150 validators on two pages of the same height."""
    _, reading = full
    valset = value_or_none(reading.chain.validators)
    assert valset is not None
    assert [member.power for member in valset.validators] == list(POWERS)


def test_the_rest_of_the_chain_is_read_once(full: tuple[Host, HostReading]) -> None:
    """Peers, headers, the commit below the tip, and the result at the tip."""
    _, reading = full
    blocks = value_or_none(reading.chain.blocks)
    commit = value_or_none(reading.chain.commit)
    result = value_or_none(reading.chain.result)
    assert blocks is not None
    assert len(blocks) == 20
    assert commit is not None
    assert commit.height == 112
    assert result is not None
    assert result.height == 113
    assert isinstance(reading.chain.peers, Known)
    assert isinstance(reading.chain.peer_rounds, Known)


def test_files_are_read(full: tuple[Host, HostReading]) -> None:
    """Key address, sign state, write-ahead log, disk, owners, hashes."""
    host, reading = full
    key, state = value_or_none(reading.key), value_or_none(reading.sign_state)
    assert key is not None
    assert (key.address, key.node_key) == (answers.address(0), True)
    assert state is not None
    assert state.hrs == (113, 0, 3)
    wal, disk = value_or_none(reading.wal), value_or_none(reading.disk)
    assert wal is not None
    assert wal.size == 5000
    assert disk is not None
    assert 0 < disk.available < disk.total
    assert disk.writable
    owners, binary = value_or_none(reading.ownership), value_or_none(reading.binary)
    assert owners is not None
    assert owners.foreign == 0
    assert binary is not None
    assert binary.sha256 == hashlib.sha256(host.program.read_bytes()).hexdigest()


def test_the_daemon_is_not_run_where_it_could_write(full: tuple[Host, HostReading]) -> None:
    """There is no client.toml in this home: `version` would make one, so it is not asked."""
    binary = value_or_none(full[1].binary)
    assert binary is not None
    assert binary.version == ""


def test_a_second_process_with_the_home_is_found(full: tuple[Host, HostReading]) -> None:
    """And only it: neither the probe nor what it starts counts as a daemon."""
    assert isinstance(full[1].processes, Known), full[1].processes
    processes = full[1].processes.value
    assert len(processes) == 1
    assert processes[0].command.endswith(f"start --home={full[0].home}/")
    assert processes[0].state in "RS"
    assert processes[0].started > 0


def test_only_lines_with_a_signature_come(full: tuple[Host, HostReading]) -> None:
    """Oldest first, without colours; routine lines stay on the host."""
    journal = value_or_none(full[1].journal)
    assert journal is not None
    assert [line.message for line in journal] == [
        "virtengine.service: Failed with result 'exit-code'.",
        "ERR CONSENSUS FAILURE!!! err=x",
    ]


def test_no_secret_leaves_the_host(silent: Host) -> None:
    """Neither key material nor a password of another setting is in any section."""
    silent.install()
    entry = node_entry(name="val1", role=Role.VALIDATOR, ssh="val1")
    printed, sent, received = run_probe(silent, Scope.FULL, entry)
    sections = read_document(printed, sent=sent, received=received).sections.values()
    everything = b"".join(section.data for section in sections)
    assert b"SECRETKEYMATERIAL" not in everything
    assert b"hunter2" not in everything


def test_a_refused_port_costs_no_time(silent: Host) -> None:
    """Nothing listens: one sample that says so, and no waiting for a second."""
    reading = observe(silent)
    assert len(reading.samples) == 1
    status = reading.samples[0].status
    assert isinstance(status, Unknown)
    assert "refused" in status.reason
    assert isinstance(reading.sign_state, Known)


def test_a_frozen_daemon_is_bounded(tmp_path: Path) -> None:
    """The port accepts and never answers: the reading ends, all but the RPC is known."""
    frozen = Frozen()
    try:
        reading = observe(Host(tmp_path, frozen.port))
    finally:
        frozen.close()
    assert len(reading.samples) == 2
    assert all(isinstance(sample.status, Unknown) for sample in reading.samples)
    assert isinstance(reading.sign_state, Known)
    assert isinstance(reading.unit, Known)


@pytest.mark.parametrize("openssl", ["exit 1", "echo half; exit 1", "exec sleep 60"])
def test_the_program_is_hashed_without_openssl(silent: Host, openssl: str) -> None:
    """Missing, refusing or hanging: coreutils hashes it then."""
    silent.script("openssl", f"#!/bin/sh\n{openssl}\n")
    binary = value_or_none(observe(silent, Scope.FULL).binary)
    assert binary is not None
    assert binary.sha256 == hashlib.sha256(silent.program.read_bytes()).hexdigest()


def test_what_is_asked_of_the_host(silent: Host) -> None:
    """Of this machine, in a full reading only; nobody answers, so no mempool is known."""
    read = observe(silent, Scope.FULL).pressure
    assert isinstance(read, Known), read
    assert read.value.processors > 0
    assert read.value.transactions is None
    assert observe(silent, Scope.DECIDING).pressure is UNSET


def test_a_command_that_hangs_costs_its_own_limit(silent: Host) -> None:
    """A file system that does not answer: the disk is unknown, the rest is read."""
    silent.script("df", "#!/bin/sh\nexec sleep 60\n")
    reading = observe(silent)
    assert isinstance(reading.disk, Unknown)
    assert "time limit" in reading.disk.reason
    assert isinstance(reading.sign_state, Known)


def test_a_command_that_fails_says_why(silent: Host) -> None:
    """The reason is what the command itself complained of."""
    silent.script("df", "#!/bin/sh\necho 'df: /srv: Input/output error' >&2\nexit 1\n")
    disk = observe(silent).disk
    assert isinstance(disk, Unknown)
    assert "Input/output error" in disk.reason


def test_what_describes_is_left_out_when_only_deciding(silent: Host) -> None:
    """`apply` reads again what decides: the program's hashes, and not the version that it tells."""
    reading = observe(silent, Scope.DECIDING)
    assert isinstance(reading.binary, Known)
    assert reading.binary.value.sha256
    assert reading.binary.value.version == ""
    assert isinstance(reading.journal, Known)
    assert isinstance(reading.sign_state, Known)


def test_a_cut_off_program_does_nothing(silent: Host) -> None:
    """Nothing runs before all of it has arrived."""
    text = program(node_entry(name="val1", role=Role.VALIDATOR, ssh="val1"), Scope.FULL)
    for length in (len(text) // 3, len(text) - 6):
        done = subprocess.run(["bash", "-s"], input=text[:length], capture_output=True)
        assert done.stdout == b""


@pytest.mark.parametrize(("status", "expected"), [(1, "as operator"), (127, "as operator")])
def test_refused_sudo_falls_back_to_the_operator(
    tmp_path: Path, status: int, expected: str
) -> None:
    """The program still runs, and the reading will say that there is no sudo."""
    assert _with_sudo(tmp_path, f"exit {status}") == expected


def test_a_program_that_was_ended_is_not_run_again(tmp_path: Path) -> None:
    """Ended by its time limit (124, 137) or done (0): what is left of the input is not run."""
    assert _with_sudo(tmp_path, "exit 124") == ""
    assert _with_sudo(tmp_path, 'shift; exec "$@"') == "as operator"


def _with_sudo(root: Path, sudo: str) -> str:
    path = root / "sudo"
    path.write_text(f"#!/bin/sh\n{sudo}\n")
    path.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", f"PATH={root}:$PATH; {COMMAND}"],
        input=b"echo as operator\n",
        capture_output=True,
    )
    return done.stdout.decode().strip()


def test_the_genesis_file_is_left_alone_where_a_node_answers(
    full: tuple[Host, HostReading],
) -> None:
    """It may be large, and says nothing of today."""
    assert full[1].genesis is UNSET
